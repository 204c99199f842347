"""What the cases stand on: backends with a common ledger, a gateway before them, clients that keep a
pace and count, and checks that print their figures."""
import atexit
import collections
import http.client
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))

import harness  # noqa: E402
from harness import Gateway, Process, config, free_port, wait_for  # noqa: E402

# Of a case in which something came too late.
TRIES = 3
ROUTES = """routes:
  - match: GET /v1/users/{user_id}
    rpc: userservice.UserService/GetUser
    upstream: users
  - match: GET /v1/users
    rpc: userservice.UserService/ListUsers
    upstream: users
  - match: POST /v1/users
    rpc: userservice.UserService/CreateUser
    upstream: users
    body: "*"
"""


class Child(Process):
    """A helper that says "ready" when it serves, and never outlives the test."""

    def __init__(self, command, name, **options):
        super().__init__(command, name, stdout=subprocess.PIPE, **options)
        atexit.register(self.kill)
        if self.process.stdout.readline() != b"ready\n":
            raise AssertionError(f"{name} did not start: " + self.stderr())


class Backend:
    """One address with a server on it, or none.  prefix: of the command, such as nsenter's."""

    def __init__(self, ledger, language="python", options=(), host="127.0.0.1", port=None,
                 prefix=()):
        self.host, self.port = host, port or free_port()
        self.address = f"{self.host}:{self.port}"
        self.process = None
        self.environment = dict(os.environ)
        if language == "python":
            command = [harness.PYTHON, str(HERE / "ledger_server.py")]
        else:
            command = ["node", str(HERE / "ledger_server.js")]
            self.environment["SLUICE_NODE_MODULES"] = str(harness.node_modules())
        self.command = [*prefix, *command, self.address, ledger, *options]

    def start(self):
        self.process = Child(self.command, "ledger", env=self.environment)

    def kill(self):
        if self.process is not None:
            self.process.kill()

    def signal(self, number):
        self.process.signal(number)

    def end(self, seconds=30):
        """As a rolling restart does."""
        self.process.signal(signal.SIGTERM)
        self.process.wait(seconds)
        self.process.kill()


class Cutter(Child):
    """A relay before a backend, which resets connections: see cutter.py."""

    def __init__(self, target):
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        super().__init__([harness.PYTHON, str(HERE / "cutter.py"), self.address, target], "cutter",
                         stdin=subprocess.PIPE)

    def tell(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def cuts(self):
        """Connections that were reset so far."""
        self.tell("count")
        return int(self.process.stdout.readline())


Outcome = collections.namedtuple("Outcome", "name method status sent took")


class Load:
    """Clients with keep-alive connections and a common pace; each request's outcome is kept: its
    status, -1 for a wrong or cut body, 0 for no answer at all."""

    def __init__(self, port, rate, clients, posts=0.0, prefix="r", path="/v1/users/"):
        self.port, self.rate, self.posts = port, rate, posts
        self.prefix, self.path = prefix, path
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.number = 0
        self.begin = time.monotonic()
        self.outcomes = []
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

    def ask(self, connection, name, is_post):
        """(status, whether the connection can be used again)"""
        if is_post:
            connection.request("POST", "/v1/users", f'{{"name":"{name}"}}',
                               {"Content-Type": "application/json"})
        else:
            connection.request("GET", self.path + name)
        answer = connection.getresponse()
        body = answer.read()
        good = answer.status != 200 or (name.encode() in body and body.endswith(b"}"))
        return answer.status if good else -1, not answer.will_close

    def run(self):
        connection = None
        chance = random.Random(threading.get_ident())
        while not self.stopping.is_set():
            number = self.next()
            name = f"{self.prefix}-{number}"
            is_post = chance.random() < self.posts
            sent = time.monotonic()
            try:
                if connection is None:
                    connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
                    connection.connect()
                    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    sent = time.monotonic()
                status, stays = self.ask(connection, name, is_post)
            except (OSError, http.client.HTTPException):
                status, stays = 0, False
            if not stays:
                connection.close()
                connection = None
            with self.lock:
                self.outcomes.append(Outcome(name, "POST" if is_post else "GET", status, sent,
                                             time.monotonic() - sent))


def share(values, part):
    """The value below which this part of them lies."""
    return sorted(values)[min(int(len(values) * part), len(values) - 1)] if values else float("nan")


def p99(values):
    return share(values, 0.99)


def failures(outcomes):
    """How many of each kind did not end well."""
    return dict(collections.Counter((o.method, o.status) for o in outcomes if o.status != 200))


class Stage:
    """Backends with a gateway before them, and what was found so far."""

    def __init__(self, long):
        self.long, self.passed, self.failed = long, 0, 0
        self.of_case = {}  # how many passed, failed, were late, since begin()
        self.backends, self.gateway, self.ledger = [], None, None

    def say(self, what, text):
        print(f"{what:6}", text, flush=True)
        self.of_case[what] = self.of_case.get(what, 0) + 1

    def check(self, good, text):
        self.say("ok" if good else "FAILED", text)

    def in_time(self, good, text):
        """A check of how long something took, or of what happened in some time: false is a fault when
        it is so each time that the case is tried, for the machine may have stood still."""
        self.say("ok" if good else "late", text)

    def none_failed(self, failed, text):
        """Of failures()' figures.  A deadline that is over may be no more than late."""
        if all(status == 504 for _, status in failed):
            self.in_time(not failed, text)
        else:
            self.check(False, text)

    def run(self, case):
        for turn in range(TRIES):
            self.of_case = {}
            case(self)
            late = self.of_case.get("late", 0)
            if not late or turn == TRIES - 1 or self.of_case.get("FAILED"):
                break
            self.note(f"{late} late: the case is tried again")
        if late:
            print(f"FAILED {late} were late, in {turn + 1} of {TRIES} tries", flush=True)
        self.add(self.of_case.get("ok", 0), self.of_case.get("FAILED", 0) + late)

    def add(self, passed, failed):
        self.passed += passed
        self.failed += failed

    def note(self, text):
        print("      ", text, flush=True)

    def new_ledger(self):
        self.ledger = tempfile.NamedTemporaryFile(dir=harness.Settings.work(), delete=False).name

    def set(self, backends, endpoints=None, connected=None, routes=ROUTES, upstream="", extra=""):
        """Starts the backends and a gateway that knows them, or `endpoints`; waits until it has
        `connected` connections."""
        self.backends = backends
        starting = [threading.Thread(target=backend.start) for backend in backends]
        for thread in starting:
            thread.start()
        for thread in starting:
            thread.join()
        if endpoints is None:
            endpoints = [b.address for b in backends]
        self.gateway = Gateway(config([f"grpc://{e}" for e in endpoints], routes=routes,
                                      upstream=upstream, extra=extra), ready=False)
        atexit.register(self.gateway.kill)
        if connected is None:
            connected = len(backends)
        wait_for(lambda: self.metric("connections") >= connected, 10, "connected")

    def stage(self, backends=3, language="python", options=(), **more):
        self.new_ledger()
        self.set([Backend(self.ledger, language, options) for _ in range(backends)], **more)

    def strike(self):
        self.gateway.kill()
        for backend in self.backends:
            backend.kill()
        os.unlink(self.ledger)

    def load(self, rate, clients, **more):
        return Load(self.gateway.port, rate, clients, **more).start()

    def metric(self, name, **labels):
        return harness.metric_sum(self.gateway.metrics(), "sluice_upstream_" + name, **labels)

    def explain(self, outcomes):
        """The gateway's own words on a few of the answers that were not good."""
        statuses = {o.status for o in outcomes if o.status not in (0, 200)}
        lines = [line for line in self.gateway.log() if line.get("status") in statuses]
        for line in lines[:5]:
            self.note(line)

    def lines(self):
        return [line.split(" ") for line in Path(self.ledger).read_text().split("\n")[:-1]]

    def executions(self):
        """How often each id was executed."""
        return collections.Counter(name for name, _ in self.lines())

    def shares(self):
        """How many calls each backend executed."""
        return collections.Counter(address for _, address in self.lines())
