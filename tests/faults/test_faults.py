#!/usr/bin/python3 -B
"""What the gateway promises while its backends die, come back and lie: three python3-grpcio servers
with a common ledger behind it, and clients that count.

    tests/faults/test_faults.py [--build DIR] [--long] [NAME...]

Each case prints its figures and what they must be.  --long is what `make soak` runs.
"""
import argparse
import atexit
import collections
import http.client
import os
import random
import signal
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))

import harness  # noqa: E402
from harness import Gateway, Process, config, free_port, wait_for  # noqa: E402

ROUTES = """routes:
  - match: GET /v1/users/{user_id}
    rpc: userservice.UserService/GetUser
    upstream: users
  - match: POST /v1/users
    rpc: userservice.UserService/CreateUser
    upstream: users
    body: "*"
"""


class Backend:
    """One address with a server on it, or none."""

    def __init__(self, ledger, language, age_ms):
        self.port, self.ledger, self.language = free_port(), ledger, language
        self.age_ms, self.process = age_ms, None

    def start(self):
        environment = dict(os.environ)
        if self.language == "python":
            command = [harness.PYTHON, str(HERE / "ledger_server.py"), str(self.port), self.ledger,
                       str(self.age_ms)]
        else:
            command = ["node", str(HERE / "ledger_server.js"), str(self.port), self.ledger]
            environment["SLUICE_NODE_MODULES"] = str(harness.node_modules())
        self.process = Process(command, "ledger", stdout=-1, env=environment)
        atexit.register(self.process.kill)  # should a case end in the middle
        if self.process.process.stdout.readline() != b"ready\n":
            raise AssertionError("a backend did not start: " + self.process.stderr())

    def kill(self):
        self.process.kill()

    def end(self, seconds=10):
        """As a rolling restart does."""
        self.process.signal(signal.SIGTERM)
        self.process.wait(seconds)
        self.process.kill()


class Load:
    """Clients with keep-alive connections and a common pace; each request's outcome is kept."""

    def __init__(self, port, rate, clients, posts=0.0, prefix="r"):
        self.port, self.rate, self.posts, self.prefix = port, rate, posts, prefix
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.number = 0
        self.begin = time.monotonic()
        self.outcomes = []  # (id, method, status or 0, sent, took)
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(clients)]

    def start(self):
        for thread in self.threads:
            thread.start()
        return self

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(60)
        return self.outcomes

    def next(self):
        """The next number, when its time has come."""
        with self.lock:
            number = self.number
            self.number += 1
        wait = self.begin + number / self.rate - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        return number

    def run(self):
        connection = None
        chance = random.Random(threading.get_ident())
        while not self.stopping.is_set():
            number = self.next()
            name = f"{self.prefix}-{number}"
            is_post = chance.random() < self.posts
            if connection is None:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
                connection.connect()
                connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sent = time.monotonic()
            try:
                if is_post:
                    connection.request("POST", "/v1/users", f'{{"name":"{name}"}}',
                                       {"Content-Type": "application/json"})
                else:
                    connection.request("GET", "/v1/users/" + name)
                answer = connection.getresponse()
                body = answer.read()
                status = answer.status
                if status == 200 and name.encode() not in body:
                    status = -1
                if answer.will_close:
                    connection.close()
                    connection = None
            except (OSError, http.client.HTTPException):
                status = 0
                connection.close()
                connection = None
            with self.lock:
                self.outcomes.append((name, "POST" if is_post else "GET", status, sent,
                                      time.monotonic() - sent))


def p99(values):
    return sorted(values)[int(len(values) * 0.99)] if values else float("nan")


class Faults:
    def __init__(self, long):
        self.long, self.passed, self.failed = long, 0, 0

    def check(self, good, text):
        print(("ok    " if good else "FAILED"), text, flush=True)
        self.passed += bool(good)
        self.failed += not good

    def stage(self, backends=3, language="python", age_ms=0):
        """Backends, all started, with a gateway before them."""
        ledger = tempfile.NamedTemporaryFile(dir=harness.Settings.work(), delete=False).name
        self.ledger = ledger
        self.backends = [Backend(ledger, language, age_ms) for _ in range(backends)]
        for backend in self.backends:
            backend.start()
        text = config([f"grpc://127.0.0.1:{b.port}" for b in self.backends], routes=ROUTES)
        self.gateway = Gateway(text)
        atexit.register(self.gateway.kill)
        wait_for(lambda: self.gateway.admin("/readyz").status == 200, 10, "ready")
        wait_for(lambda: harness.metric_sum(self.gateway.metrics(), "sluice_upstream_connections")
                 >= backends, 10, "connected")

    def explain(self, statuses):
        """The gateway's own words on a few of the answers with these statuses."""
        lines = [line for line in self.gateway.log() if line.get("status") in statuses]
        for line in lines[:5]:
            print("      ", line)

    def strike(self):
        self.gateway.kill()
        for backend in self.backends:
            backend.kill()
        os.unlink(self.ledger)

    def executions(self):
        return collections.Counter(Path(self.ledger).read_text().split("\n")[:-1])

    # ---- C1

    def kill_one(self):
        self.stage()
        load = Load(self.gateway.port, 1000, 16).start()
        time.sleep(2)
        killed = time.monotonic()
        self.backends[0].kill()
        time.sleep(4)
        outcomes = load.stop()
        failed = [o for o in outcomes if o[2] != 200]
        quiet = p99([o[4] for o in outcomes if o[3] < killed - 0.2])
        after = p99([o[4] for o in outcomes if o[3] > killed + 1])
        self.check(len(outcomes) > 2000, f"kill one of three: {len(outcomes)} requests")
        self.check(not failed, f"kill one of three: {len(failed)} idempotent requests failed (0)")
        self.check(after < max(5 * quiet, 0.1),
                   f"kill one of three: p99 {quiet * 1e3:.1f} ms before, {after * 1e3:.1f} ms from "
                   "1 s after it on")
        self.strike()

    # ---- C2

    def kill_all(self):
        self.stage()
        load = Load(self.gateway.port, 200, 8).start()
        time.sleep(1)
        for backend in self.backends:
            backend.kill()
        dead = time.monotonic()
        time.sleep(6 if self.long else 3)
        ports = [b.port for b in self.backends]
        back = self.backends[0]
        back.start()
        back_at = time.monotonic()
        time.sleep(3)
        outcomes = load.stop()
        refused = [o for o in outcomes if dead + 0.1 < o[3] < back_at - 0.6]
        statuses = {o[2] for o in refused}
        slowest = max(o[4] for o in refused)
        good = [o[3] + o[4] for o in outcomes if o[3] > back_at - 0.6 and o[2] == 200]
        first = min(good) - back_at if good else float("inf")
        self.check(statuses == {503}, f"kill all of {len(ports)}: statuses {statuses} (503)")
        self.check(slowest < 0.05 or p99([o[4] for o in refused]) < 0.05,
                   f"kill all: 503 within {p99([o[4] for o in refused]) * 1e3:.1f} ms at the 99th "
                   f"percentile, {slowest * 1e3:.1f} at most (50)")
        self.check(first <= 1.2, f"kill all: served again {first:.2f} s after the restart (1.2)")
        self.strike()

    # ---- C10

    def rolling_restart(self):
        self.stage(language="node")
        rounds, rate = (10, 800) if self.long else (3, 500)
        load = Load(self.gateway.port, rate, 16, posts=0.5).start()
        time.sleep(0.5)
        for number in range(rounds):
            backend = self.backends[number % 3]
            backend.end()
            backend.start()
            time.sleep(1)
        outcomes = load.stop()
        failed = collections.Counter((o[1], o[2]) for o in outcomes if o[2] != 200)
        self.check(not failed, f"rolling restart x {rounds}: {sum(failed.values())} of "
                               f"{len(outcomes)} failed, POST included (0) {dict(failed) or ''}")
        self.explain({status for _, status in failed})
        self.strike()

    # ---- connections that their service ends by age, as gRPC servers are often told to

    def connection_age(self):
        self.stage(age_ms=400)
        load = Load(self.gateway.port, 500, 8, posts=0.5).start()
        time.sleep(20 if self.long else 6)
        outcomes = load.stop()
        failed = collections.Counter((o[1], o[2]) for o in outcomes if o[2] != 200)
        connects = harness.metric_sum(self.gateway.metrics(), "sluice_upstream_connects_total")
        self.check(connects >= 12, f"connection age: {connects:.0f} connections were made")
        self.check(not failed, f"connection age: {sum(failed.values())} of {len(outcomes)} failed, "
                               f"POST included (0) {dict(failed) or ''}")
        self.explain({status for _, status in failed})
        self.strike()

    # ---- C12

    def once_each(self):
        self.stage()
        wanted = 100_000 if self.long else 5_000
        load = Load(self.gateway.port, 1500 if self.long else 800, 16, posts=1.0).start()
        chance = random.Random(7)
        while load.number < wanted:
            backend = chance.choice(self.backends)
            if chance.random() < 0.5:
                backend.kill()
            else:
                backend.end()
            time.sleep(chance.uniform(0.05, 0.3))
            backend.start()
            time.sleep(chance.uniform(0.1, 0.5))
        outcomes = load.stop()
        counts = self.executions()
        twice = [name for name, count in counts.items() if count > 1]
        answers = collections.Counter(o[0] for o in outcomes)
        unanswered = [o for o in outcomes if o[2] <= 0]
        phantom = [o for o in outcomes if o[2] == 200 and counts[o[0]] != 1]
        self.check(not twice, f"{len(outcomes)} POSTs under faults: {len(twice)} executed twice (0)")
        self.check(max(answers.values()) == 1 and not unanswered,
                   f"POSTs under faults: {len(unanswered)} without an answer (0)")
        self.check(not phantom, f"POSTs under faults: {len(phantom)} answered 200 but not executed "
                                "once (0)")
        failed = collections.Counter(o[2] for o in outcomes if o[2] not in (200, 0))
        print(f"       (statuses besides 200: {dict(failed)})")
        self.strike()

    # ---- C13

    def retry_storm(self):
        self.stage()
        load = Load(self.gateway.port, 1000, 16, prefix="unavailable").start()
        time.sleep(10 if self.long else 4)
        outcomes = load.stop()
        attempts = sum(self.executions().values())
        ratio = attempts / len(outcomes)
        self.check({o[2] for o in outcomes} == {503}, "retry storm: all answered 503")
        self.check(ratio <= 1.2, f"retry storm: {ratio:.3f} attempts for each request (1.2)")
        self.strike()

    def run(self, names):
        for case in (self.kill_one, self.kill_all, self.rolling_restart, self.connection_age,
                     self.once_each, self.retry_storm):
            if not names or case.__name__ in names:
                case()
        print(f"{self.passed} passed, {self.failed} failed")
        return self.failed == 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default=str(harness.ROOT / "build"))
    parser.add_argument("--long", action="store_true")
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    harness.Settings.build = Path(arguments.build).resolve()
    sys.exit(0 if Faults(arguments.long).run(arguments.names) else 1)


if __name__ == "__main__":
    main()
