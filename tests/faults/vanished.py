"""Backends that vanish: packets to them are lost without a word.  They live in a second network
namespace behind a pair of virtual interfaces; an address that is taken from it is a black hole, since
it forwards nothing.  All of it goes with the processes of the case."""
import os
import socket
import subprocess
import time

import harness
from harness import free_port, wait_for
from stage import Backend, failures, p99

NEAR, FAR = "10.99.0.1", "10.99.0.2"


def unshare():
    """The command that gives another one its own network and mounts; None: it is not permitted."""
    for command in (["unshare", "-nm"], ["unshare", "-rnm"]):
        probe = [*command, "sh", "-c", "ip link add near type veth peer name far && "
                 "mount --bind /etc/hosts /etc/hosts"]
        try:
            if subprocess.run(probe, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL).returncode == 0:
                return command
        except OSError:
            return None
    return None


class Far:
    """Where the backends live.  addresses: theirs, all alive."""

    def __init__(self, count):
        self.holder = subprocess.Popen(["unshare", "-n", "sh", "-c", "echo; exec cat"],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.holder.stdout.readline()
        self.prefix = ["nsenter", "-t", str(self.holder.pid), "-n"]
        self.addresses = [f"10.99.1.{i + 1}" for i in range(count)]
        self.ip("link set lo up", within=False)
        self.ip(f"link add near type veth peer name far netns {self.holder.pid}", within=False)
        self.ip(f"addr add {NEAR}/24 dev near", within=False)
        self.ip("link set near up", within=False)
        self.ip("link set lo up")
        self.ip(f"addr add {FAR}/24 dev far")
        self.ip("link set far up")
        self.ip(f"route add 10.99.1.0/24 via {FAR}", within=False)
        for address in self.addresses:
            self.rise(address)

    def ip(self, words, within=True):
        subprocess.run([*(self.prefix if within else ()), "ip", *words.split()], check=True)

    def rise(self, address):
        self.ip(f"addr add {address}/32 dev lo")

    def vanish(self, address):
        self.ip(f"addr del {address}/32 dev lo")
        # It must be a hole indeed, and not something that refuses.
        with socket.socket() as probe:
            probe.settimeout(0.05)
            try:
                probe.connect((address, 9))
                raise AssertionError("the hole answers")
            except TimeoutError:
                pass

    def end(self):
        self.holder.stdin.close()
        self.holder.wait()


class Hosts:
    """/etc/hosts of the case's own mount namespace."""

    def __init__(self):
        self.file = harness.Settings.work() / f"hosts-{os.getpid()}"
        self.say("localhost", ["127.0.0.1"])
        subprocess.run(["mount", "--bind", str(self.file), "/etc/hosts"], check=True)

    def say(self, name, addresses):
        self.file.write_text("127.0.0.1 localhost\n" + "".join(f"{a} {name}\n" for a in addresses))

    def end(self):
        self.file.unlink()


def set_far(stage, count=3, **more):
    far = Far(count)
    stage.new_ledger()
    stage.set([Backend(stage.ledger, host=address, prefix=far.prefix) for address in far.addresses],
              **more)
    return far


def black_hole(stage):
    """C3, C5: established connections whose packets are lost from some moment on.  The long form
    waits until the kernel gives the connection up (TCP_USER_TIMEOUT)."""
    far = set_far(stage, upstream="retry: { timeout: 250ms }\noutlier: { ejection: 1s }\n"
                                  "connect_timeout: 500ms")
    lost = stage.backends[0]
    load = stage.load(400, 16)
    time.sleep(1.5)
    far.vanish(lost.host)
    vanished = time.monotonic()
    wait_for(lambda: stage.metric("ejections_total") > 0, 5, "it is ejected")
    ejected = time.monotonic() - vanished
    if stage.long:
        wait_for(lambda: stage.metric("connections") == 2, 15, "its connection is closed")
    closed = time.monotonic() - vanished
    time.sleep(max(0, 3 - closed))
    far.rise(lost.host)
    risen = time.monotonic()
    before = stage.shares()[lost.address]
    wait_for(lambda: stage.shares()[lost.address] > before + 20, 10, "it is used again")
    used = time.monotonic() - risen
    outcomes = load.stop()
    failed = failures(outcomes)
    during = [o.took for o in outcomes if vanished < o.sent < risen]
    stage.none_failed(failed, f"black hole: {sum(failed.values())} of {len(outcomes)} idempotent "
                              f"requests failed (0) {failed or ''}")
    stage.in_time(ejected <= 3, f"black hole: ejected after {ejected:.2f} s, attempts of 250 ms (3)")
    if stage.long:
        stage.in_time(9 <= closed <= 11.5,
                      f"black hole: its connection was closed after {closed:.1f} s (10)")
    stage.in_time(len(during) > 400, f"black hole: {len(during)} requests meanwhile (400); p99 "
                                      f"{p99(during) * 1e3:.0f} ms, {max(during) * 1e3:.0f} at most")
    stage.in_time(used <= 5, f"black hole: used again {used:.2f} s after its end (5)")
    stage.explain(outcomes)
    stage.strike()
    far.end()


def black_hole_by_kernel(stage):
    """The same without retry.timeout: all calls on their way are lost with the connection, and then
    answered by the others within their deadline of 15 s.  Only in the long form."""
    if not stage.long:
        return
    far = set_far(stage)
    load = stage.load(400, 64)
    time.sleep(1.5)
    far.vanish(stage.backends[0].host)
    vanished = time.monotonic()
    time.sleep(13)
    outcomes = load.stop()
    failed = failures(outcomes)
    held = [o.took for o in outcomes if o.took > 5]
    stage.check(not failed and len(held) > 16,
                f"black hole, no retry.timeout: {sum(failed.values())} of {len(outcomes)} idempotent "
                f"requests failed (0), {len(held)} were held (16) {failed or ''}")
    stage.in_time(max(held, default=0) < 11.5,
                  f"black hole, no retry.timeout: they took {max(held, default=0):.1f} s at most (10)")
    stage.strike()
    far.end()


def name_with_dead(stage):
    """One name with three addresses, the first of which never answers: nobody waits for it, not even
    the first request (happy eyeballs would give the dead one 250 ms)."""
    far = Far(3)
    stage.new_ledger()
    port = free_port()
    backends = [Backend(stage.ledger, host=address, port=port, prefix=far.prefix)
                for address in far.addresses]
    for backend in backends:
        backend.start()
    dead = backends[0]
    far.vanish(dead.host)
    hosts = Hosts()
    hosts.say("users.test", far.addresses)
    stage.set([], [f"users.test:{port}"], connected=0, upstream="connect_timeout: 500ms\n"
              "backoff: { initial: 500ms, max: 500ms }")
    stage.backends = backends
    sent = time.monotonic()
    first = stage.gateway.curl("/v1/users/first")
    first_took = time.monotonic() - sent
    load = stage.load(200, 8, posts=0.5)
    time.sleep(1.5)
    far.rise(dead.host)
    risen = time.monotonic()
    wait_for(lambda: stage.shares()[dead.address] > 20, 5, "the dead one lives")
    used = time.monotonic() - risen
    outcomes = load.stop()
    failed, took = failures(outcomes), [o.took for o in outcomes]
    stage.in_time(first.status == 200 and first_took < 0.25,
                  f"a name with a dead address: the first request {first.status} after "
                  f"{first_took * 1e3:.0f} ms (200; 250)")
    stage.in_time(not failed and max(took) < 0.5,
                  f"a name with a dead address: {sum(failed.values())} of {len(outcomes)} failed, POST "
                  f"included (0); p99 {p99(took) * 1e3:.1f} ms, {max(took) * 1e3:.1f} at most (500) "
                  f"{failed or ''}")
    stage.in_time(used < 3, f"a name with a dead address: used {used:.2f} s after it lives (3)")
    stage.strike()
    far.end()
    hosts.end()


def name_that_changes(stage):
    """C9: a name gets another address, loses one, and is lost itself: the last good answer is kept."""
    stage.new_ledger()
    port = free_port()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    backends = [Backend(stage.ledger, host=f"127.0.0.{i + 1}", port=port) for i in range(3)]
    for backend in backends:
        backend.start()
    hosts = Hosts()

    def now_used(*which):
        """Calls go to these and no others."""
        before = stage.shares()
        time.sleep(0.1)
        after = stage.shares()
        return [i for i, b in enumerate(backends) if after[b.address] > before[b.address]] == [*which]

    hosts.say("users.test", [backends[0].host, backends[1].host])
    stage.set([], [f"users.test:{port}"], connected=2, upstream="resolve_every: 1s")
    stage.backends = backends
    load = stage.load(300, 8, posts=0.5)
    wait_for(lambda: now_used(0, 1), 5, "both addresses are used")
    took = []
    for which in ((1, 2), (2,)):
        hosts.say("users.test", [backends[i].host for i in which])
        changed = time.monotonic()
        wait_for(lambda: now_used(*which), 5, "the new addresses are used, and no others")
        took.append(time.monotonic() - changed)
    hosts.say("nobody.test", [])
    time.sleep(2.2)
    kept = now_used(2)
    outcomes = load.stop()
    failed = failures(outcomes)
    stage.none_failed(failed, f"a name that changes: {sum(failed.values())} of {len(outcomes)} failed, "
                              f"POST included (0) {failed or ''}")
    stage.in_time(max(took) <= 2, "a name that changes: its new addresses were used after "
                  + ", ".join(f"{t:.2f}" for t in took) + " s, resolved every second (2)")
    stage.check(kept, "a name that is lost: the last good answer is kept for two times and more")
    stage.strike()
    hosts.end()


def name_that_comes(stage):
    """A name that is not known when the gateway starts, as in a cluster that is starting too."""
    stage.new_ledger()
    backend = Backend(stage.ledger)
    backend.start()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    hosts = Hosts()
    stage.set([], [f"users.test:{backend.port}"], connected=0)
    stage.backends = [backend]
    time.sleep(4)  # it was looked for again and again, and later each time
    load = stage.load(50, 2)
    time.sleep(1)
    hosts.say("users.test", ["127.0.0.1"])
    came = time.monotonic()
    time.sleep(2.5)
    outcomes = load.stop()
    before = [o for o in outcomes if o.sent + o.took < came]
    good = [o.sent + o.took for o in outcomes if o.status == 200]
    first = min(good, default=float("inf")) - came
    stage.in_time({o.status for o in before} == {503} and p99([o.took for o in before]) < 0.05,
                  f"a name that comes later: 503 before, p99 {p99([o.took for o in before]) * 1e3:.1f} "
                  "ms (50)")
    stage.in_time(first <= 1.5, f"a name that comes later: served {first:.2f} s after it is known (1.5)")
    stage.strike()
    hosts.end()


CASES = (black_hole, black_hole_by_kernel, name_with_dead, name_that_changes,
         name_that_comes)
