"""Backends that live, and are of no use: frozen, slow, refusing, cut within answers, overloaded."""
import http.client
import json
import random
import signal
import socket
import statistics
import time

from harness import free_port, wait_for
from stage import Backend, Cutter, failures, p99, share


def retry_storm(stage):
    """C13"""
    stage.stage()
    load = stage.load(1000, 16, prefix="unavailable")
    time.sleep(10 if stage.long else 4)
    outcomes = load.stop()
    ratio = sum(stage.executions().values()) / len(outcomes)
    stage.check({o.status for o in outcomes} == {503}, "retry storm: all answered 503")
    stage.check(ratio <= 1.2, f"retry storm: {ratio:.3f} attempts for each request (1.2)")
    stage.strike()


def freeze(stage):
    """C19: a process that is stopped.  Its kernel acknowledges whatever is sent, so that only a
    deadline tells; with retry.timeout that is an attempt's, and idempotent calls go elsewhere."""
    stage.stage(upstream="retry: { timeout: 250ms }\noutlier: { ejection: 1s }")
    frozen = stage.backends[0]
    load = stage.load(400, 16)
    time.sleep(1.5)
    frozen.signal(signal.SIGSTOP)
    stopped = time.monotonic()
    wait_for(lambda: stage.metric("ejections_total") > 0, 5, "the frozen one is ejected")
    ejected = time.monotonic() - stopped
    time.sleep(max(0, stopped + 3 - time.monotonic()))
    frozen.signal(signal.SIGCONT)
    woken = time.monotonic()
    before = stage.shares()[frozen.address]
    # What lay in its socket is executed now; used again it is when more than that comes.
    wait_for(lambda: stage.shares()[frozen.address] > before + 100, 10, "it is used again")
    used = time.monotonic() - woken
    outcomes = load.stop()
    failed = failures(outcomes)
    during = [o.took for o in outcomes if stopped < o.sent < woken]
    stage.none_failed(failed, f"freeze one of three: {sum(failed.values())} of {len(outcomes)} "
                              f"idempotent requests failed (0) {failed or ''}")
    stage.in_time(ejected <= 3, f"freeze: ejected after {ejected:.2f} s, attempts of 250 ms (3)")
    stage.in_time(len(during) > 400, f"freeze: {len(during)} requests in these 3 s (400); p99 "
                                     f"{p99(during) * 1e3:.0f} ms, {max(during) * 1e3:.0f} at most")
    stage.in_time(used <= 5, f"freeze: used again {used:.2f} s after it woke, ejections of n x 1 s (5)")
    stage.explain(outcomes)
    stage.strike()


def freeze_hedged(stage):
    """With retry.hedge: another attempt beside the one that hangs.  Who loses such a race is not
    ejected for it."""
    stage.stage(upstream="retry: { hedge: 50ms }")
    load = stage.load(400, 16)
    time.sleep(0.5)
    stage.backends[0].signal(signal.SIGSTOP)
    stopped = time.monotonic()
    time.sleep(2)
    outcomes = load.stop()
    failed = failures(outcomes)
    during = [o.took for o in outcomes if o.sent > stopped]
    stage.none_failed(failed, f"freeze, hedged: {sum(failed.values())} of {len(outcomes)} idempotent "
                              f"requests failed (0) {failed or ''}")
    stage.in_time(share(during, 0.95) < 0.25, f"freeze, hedged after 50 ms: 95th percentile "
                  f"{share(during, 0.95) * 1e3:.0f} ms (250), {max(during) * 1e3:.0f} at most")
    stage.strike()


def freeze_by_deadline(stage):
    """The same without retry.timeout: what waits for the frozen one ends at the route's deadline,
    with 504, and is not tried again; five of these, and nobody waits for it any more."""
    stage.stage(extra="defaults: { timeout: 500ms }")
    load = stage.load(400, 16)
    time.sleep(1)
    stage.backends[0].signal(signal.SIGSTOP)
    stopped = time.monotonic()
    time.sleep(3)
    outcomes = load.stop()
    failed = [o for o in outcomes if o.status != 200]
    last = max((o.sent + o.took for o in failed), default=stopped) - stopped
    slowest = max(o.took for o in outcomes)
    stage.in_time({o.status for o in failed} <= {504} and 5 <= len(failed) <= 48,
                  f"freeze, no retry.timeout: {len(failed)} of {len(outcomes)} requests got 504 (5 to "
                  "48, three for each client)")
    stage.in_time(last <= 1.5, f"freeze, no retry.timeout: the last of them {last:.2f} s after it (1.5)")
    stage.in_time(slowest <= 0.8, f"freeze, no retry.timeout: {slowest * 1e3:.0f} ms at most, the "
                                  "deadline is 500 (800)")
    stage.strike()


def slow_one(stage):
    """C7"""
    stage.stage(upstream="balance: least_request")
    slow = stage.backends[0]
    load = stage.load(500, 24)
    time.sleep(1)
    slow.signal(signal.SIGUSR1)
    began = time.monotonic()
    before, before_all = stage.shares()[slow.address], sum(stage.shares().values())
    time.sleep(10 if stage.long else 4)
    part = ((stage.shares()[slow.address] - before)
            / max(1, sum(stage.shares().values()) - before_all))
    outcomes = load.stop()
    failed = failures(outcomes)
    quiet = p99([o.took for o in outcomes if o.sent < began - 0.2])
    rest = p99([o.took for o in outcomes if o.sent > began and o.took < 1.9])
    stage.none_failed(failed, f"one of three 2 s slower: {sum(failed.values())} of {len(outcomes)} "
                              f"failed (0) {failed or ''}")
    stage.in_time(part <= 0.05, f"one of three 2 s slower: it got {part:.2%} of the calls by "
                                "least_request (5 %)")
    stage.in_time(rest <= max(1.5 * quiet, 0.25),
                  f"one of three 2 s slower: p99 of the rest {rest * 1e3:.1f} ms, {quiet * 1e3:.1f} "
                  "before (1.5 x, or 250 ms)")
    stage.strike()


def refuse(stage):
    """An address where nobody listens beside two good ones: nothing was sent, so POST is as good."""
    stage.new_ledger()
    backends = [Backend(stage.ledger) for _ in range(2)]
    nobody = f"127.0.0.1:{free_port()}"
    stage.set(backends, [nobody, *(b.address for b in backends)], connected=2)
    load = stage.load(400, 8, posts=0.5)
    time.sleep(2.5)
    outcomes = load.stop()
    failed = failures(outcomes)
    tried = stage.metric("connect_failures_total")
    stage.none_failed(failed, f"one of three refuses: {sum(failed.values())} of {len(outcomes)} "
                              f"failed, POST included (0) {failed or ''}")
    stage.in_time(2 <= tried <= 5, f"one of three refuses: {tried:.0f} attempts to connect to it (2 to "
                                   "5: backoff of 1 s x 1.6)")
    stage.strike()


class Mute:
    """An address whose SYNs are dropped: a listener that never accepts, with a full queue."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=0)
        self.port = self.socket.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.waiting = []
        while self.takes_one():
            pass

    def takes_one(self):
        link = socket.socket()
        link.settimeout(0.2)
        self.waiting.append(link)
        try:
            link.connect(("127.0.0.1", self.port))
            return len(self.waiting) < 16
        except TimeoutError:
            return False

    def end(self):
        for link in (*self.waiting, self.socket):
            link.close()


def connect_hole(stage):
    """C4: SYNs to one of three are dropped."""
    mute = Mute()
    stage.new_ledger()
    backends = [Backend(stage.ledger) for _ in range(2)]
    stage.set(backends, [mute.address, *(b.address for b in backends)], connected=2,
              upstream="connect_timeout: 300ms\nbackoff: { initial: 400ms, max: 400ms }")
    load = stage.load(400, 8, posts=0.5)
    begun, failed_before = (stage.metric(n + "_total") for n in ("connects", "connect_failures"))
    cuts = []
    while len(cuts) < 3:
        wait_for(lambda: stage.metric("connects_total") > begun, 5, "it is tried again")
        since, begun = time.monotonic(), begun + 1
        wait_for(lambda: stage.metric("connects_total") - stage.metric("connect_failures_total")
                 == 2, 5, "it is given up")
        cuts.append(time.monotonic() - since)
    outcomes = load.stop()
    failed, took = failures(outcomes), [o.took for o in outcomes]
    stage.none_failed(failed, f"connect black hole: {sum(failed.values())} of {len(outcomes)} failed, "
                              f"POST included (0) {failed or ''}")
    stage.in_time(max(took) < 1.3 and p99(took) < 0.25,
                  f"connect black hole: p99 {p99(took) * 1e3:.1f} ms (250), {max(took) * 1e3:.1f} at "
                  "most (1300)")
    stage.in_time(all(0.1 < c < 0.8 for c in cuts), "connect black hole: given up after "
                  + ", ".join(f"{c * 1e3:.0f}" for c in cuts) + " ms (300, seen every 20 or so)")
    stage.strike()
    alone(stage, mute)
    mute.end()


def alone(stage, mute):
    """No other address: who asks waits for the connection, and no longer."""
    stage.new_ledger()
    stage.set([], [mute.address], connected=0, upstream="connect_timeout: 300ms")
    sent = time.monotonic()
    answer = stage.gateway.curl("/v1/users/7")
    took = time.monotonic() - sent
    stage.in_time(answer.status == 503 and answer.header("retry-after") and took < 0.6,
                  f"connect black hole, no other: {answer.status} with Retry-After after "
                  f"{took * 1e3:.0f} ms (503; 300 and curl)")
    stage.strike()


def read_stream(port, accept):
    """(whether the answer ended as a whole one does, its last line)"""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", "/v1/users", headers={"Accept": accept})
    try:
        answer = connection.getresponse()
        return answer.status, True, answer.read()
    except http.client.IncompleteRead as cut:
        return 200, False, cut.partial
    except (OSError, http.client.HTTPException):
        return 0, False, b""
    finally:
        connection.close()


def reset(stage):
    """C6: RST within answers of 100 KB, and within streams of 400 KB."""
    stage.new_ledger()
    backends = [Backend(stage.ledger) for _ in range(3)]
    cutter = Cutter(backends[0].address)
    endpoints = [cutter.address, backends[1].address, backends[2].address]
    stage.set(backends, endpoints, connected=3)
    chance = random.Random(11)
    load = stage.load(150, 8, prefix="big")
    for _ in range(12):
        cutter.tell(f"after {chance.randrange(1, 200_000)}")
        time.sleep(0.25)
    cutter.tell("after 0")
    outcomes = load.stop()
    failed = failures(outcomes)
    cuts = cutter.cuts()
    stage.in_time(cuts >= 8, f"RST within answers: {cuts} connections were reset (8)")
    stage.none_failed(failed, f"RST within answers: {sum(failed.values())} of {len(outcomes)} "
                              f"idempotent requests failed or were not whole (0) {failed or ''}")
    stage.explain(outcomes)
    stage.strike()
    streams_reset(stage)
    cutter.kill()


def streams_reset(stage):
    stage.new_ledger()
    backend = Backend(stage.ledger)
    backend.start()
    cutter = Cutter(backend.address)
    stage.set([], [cutter.address], connected=1)
    stage.backends = [backend]
    chance = random.Random(13)
    wrong, begun, number = [], 0, 0
    for number in range(24):
        accept = ("application/json", "application/x-ndjson")[number % 2]
        # A connection that never served anything is tried again later and later: this one did.
        wait_for(lambda: stage.gateway.curl("/v1/users/7").status == 200, 5, "connected again")
        cutter.tell(f"after {chance.randrange(2_000, 390_000)}")
        status, whole, body = read_stream(stage.gateway.port, accept)
        cutter.tell("after 0")
        begun += status == 200 and body != b""
        if status == 200 and not told(accept, whole, body):
            wrong.append((accept, whole, body[-100:]))
    # The check itself is checked: an uncut stream is whole.
    wait_for(lambda: stage.gateway.curl("/v1/users/7").status == 200, 5, "connected again")
    status, whole, body = read_stream(stage.gateway.port, "application/json")
    stage.check(status == 200 and whole and len(json.loads(body)) == 400,
                "streams: an uncut one is whole, 400 messages")
    stage.in_time(begun >= 12, f"RST within streams: {begun} of {number + 1} had begun (12)")
    stage.check(not wrong, f"RST within streams: {len(wrong)} looked whole to their client (0) "
                           f"{wrong[:2] or ''}")
    cutter.kill()
    stage.strike()


def told(accept, whole, body):
    """Whether the client of a cut stream can see that it was: an array has no end, lines have one
    that says so."""
    if accept == "application/json":
        return not whole
    last = body.rstrip(b"\n").rpartition(b"\n")[2]
    return not whole or b'"error"' in last


class Held:
    """Clients whose calls the service holds for a while."""

    def __init__(self, stage, count, ms):
        self.connections = []
        for i in range(count):
            connection = http.client.HTTPConnection("127.0.0.1", stage.gateway.port, timeout=20)
            connection.request("GET", f"/v1/users/hold-{ms}-{i}")
            self.connections.append(connection)

    def statuses(self):
        answers = [c.getresponse() for c in self.connections]
        found = [a.status for a in answers]
        for connection in self.connections:
            connection.close()
        return found


def probe(stage, count):
    """[(status, Retry-After, seconds)] of one client that asks again and again."""
    connection = http.client.HTTPConnection("127.0.0.1", stage.gateway.port, timeout=20)
    connection.connect()
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    found = []
    for i in range(count):
        sent = time.monotonic()
        connection.request("GET", f"/v1/users/probe-{i}")
        answer = connection.getresponse()
        answer.read()
        found.append((answer.status, answer.getheader("Retry-After"), time.monotonic() - sent))
    connection.close()
    return found


def overload(stage):
    """Over `circuit`: by calls in flight, and by calls that wait for a stream."""
    for what, held, options, upstream in (
            ("in flight", 8, (), "circuit: { in_flight: 8 }"),
            ("waiting", 5, ["--streams", "1"],
             "max_connections: 1\ncircuit: { waiting: 4, waiting_time: 10s }")):
        stage.stage(backends=1, options=options, upstream=upstream)
        hold_ms = 2500 if what == "in flight" else 500
        holders = Held(stage, held, hold_ms)
        wait_for(lambda: stage.metric("in_flight") >= held, 5, "the circuit is full")
        found = probe(stage, 400 if what == "in flight" else 100)
        took = [t for _, _, t in found]
        wrong = [(s, r) for s, r, _ in found if s != 503 or r not in ("1", "2", "3")]
        stage.in_time(not wrong, f"overload, {what}: {len(wrong)} of {len(found)} were not 503 with "
                                 f"Retry-After of 1 to 3 s (0) {wrong[:3] or ''}")
        stage.in_time(statistics.median(took) <= 0.005 and share(took, 0.9) <= 0.02,
                      f"overload, {what}: median {statistics.median(took) * 1e3:.2f} ms (5), "
                      f"90th percentile {share(took, 0.9) * 1e3:.2f} (20), "
                      f"at most {max(took) * 1e3:.2f}")
        statuses = holders.statuses()
        stage.check(statuses == [200] * held, f"overload, {what}: the {held} that were let in were "
                                              "answered 200")
        stage.strike()


CASES = (retry_storm, freeze, freeze_hedged, freeze_by_deadline, slow_one, refuse,
         connect_hole, reset, overload)
