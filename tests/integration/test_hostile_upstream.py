"""gRPC services that break HTTP/2's rules or its spirit, each beside a good one.

Of every attack a table says what becomes of the call that it hits, of the others on that
connection, and of the connection; the good endpoint's calls, and whatever is asked afterwards,
never feel it.
"""
import os
import struct
import time
from pathlib import Path

import harness
import hostile_h2 as h2
from hostile_h2 import Peer, good, user
from harness import TRIES, Closed, Settings, Test, TooSlow, config, wait_for

ROUTE = """  - match: GET /{name}/{{user_id}}
    rpc: userservice.UserService/GetUser
    upstream: {name}
"""
UPSTREAM = """  {name}:
    endpoints: [{endpoints}]
    max_message: 1MiB
    retry: {{ attempts: 1 }}
"""


def tables(upstreams, more=""):
    """A route and an upstream for each: {name: [peer, ...]}."""
    text = ["workers: 1", f"descriptors: [{harness.ROOT}/descriptors/userservice.pb]", "upstreams:"]
    text += [UPSTREAM.format(name=n, endpoints=", ".join(p.endpoint for p in peers)).rstrip()
             for n, peers in upstreams.items()]
    return "\n".join(text) + "\n" + more + "routes:\n" + "".join(
        ROUTE.format(name=n) for n in upstreams)


def cpu_ms(gateway):
    """What all its threads have used."""
    total = 0
    for task in Path(f"/proc/{gateway.pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e6


def patience():
    """Seconds in which an answer is one at once: more where the machine does other work."""
    busy = os.getloadavg()[0] / os.cpu_count()
    return 0.1 * (20 if Settings.sanitized() else 1) * max(1, 3 * busy)


class Attacks(Test):
    """Each row has an upstream of two endpoints, the peer and a good one, and 2 * CALLS clients."""

    CALLS = 10

    def start(self, rows, calls=None):
        self.calls = calls or self.CALLS
        self.rows = {f"r{i}": row for i, row in enumerate(rows)}
        # What is sent to a connection that is over would make TCP drop its GOAWAY.
        self.peers = {n: (Peer(row.script, self.calls, goes_on=row.goaway is None), Peer())
                      for n, row in self.rows.items()}
        for peers in self.peers.values():
            for peer in peers:
                self.addCleanup(peer.kill)
        self.gw = self.gateway(tables(self.peers))
        self.clients = [self.gw.connect(timeout=20) for _ in range(2 * self.calls)]
        for peers in self.peers.values():
            wait_for(lambda: all(p.links and p.links[0].acks for p in peers), 20, "connected")
        self.slowest = 0

    def ask(self, name, prefix):
        for i, client in enumerate(self.clients):
            client.send(f"GET /{name}/{prefix}{i} HTTP/1.1\r\nHost: t\r\n\r\n")

    def attack(self, name):
        """{user: answer}, when all have one."""
        peer = self.peers[name][0]
        self.ask(name, "c")
        wait_for(lambda: peer.struck_at, 10, "all calls are there")
        answers = {f"c{i}": client.answer() for i, client in enumerate(self.clients)}
        self.took = time.monotonic() - peer.struck_at
        self.slowest = max(self.slowest, self.took)
        return answers

    def check(self, name, flood=False):
        row, (peer, beside) = self.rows[name], self.peers[name]
        answers = self.attack(name)
        link, stream, victim = peer.victim
        safe = {link.name(s).decode() for link in beside.links for s in link.asked}
        self.assertEqual(len(safe), self.calls)
        for who, answer in answers.items():
            if who == victim:
                self.assertIn(answer.status, row.victim, answer)
                if row.code is not None:
                    self.check_error(answer, answer.status, row.code)
            elif who in safe or row.goaway is None:
                self.assertEqual((answer.status, answer.json()), (200, {"userId": who}), who)
            else:
                self.assertIn(answer.status, (200, 502, 503), answer)
        self.check_link(row, link, stream, flood)
        if not flood and self.took >= patience():
            raise TooSlow(f"answered after {self.took:.3f} s, not at once")
        # Each was answered once: the next answer is the next request's.
        self.ask(name, "d")
        for i, client in enumerate(self.clients):
            answer = client.answer()
            self.assertEqual((answer.status, answer.json()), (200, {"userId": f"d{i}"}))

    def check_link(self, row, link, stream, flood):
        if row.goaway is not None:
            wait_for(lambda: link.dead, 2, "the connection is over")
            # An abortive close may take what the peer has not read yet.
            allowed = row.goaway + ((None,) if flood else ())
            self.assertIn(link.goaway, allowed)
            return
        self.assertFalse(link.dead)
        self.assertIsNone(link.goaway)
        if row.reset is not None:
            wait_for(lambda: stream in link.resets, 2, "the stream is reset")
            self.assertIn(link.resets[stream], row.reset)

    def check_row(self, name, row, flood):
        ms_before, before = cpu_ms(self.gw), self.gw.rss()
        try:
            self.check(name, flood)
        except (Closed, TimeoutError, AssertionError):
            for client in self.clients:
                client.close()
            self.clients = [self.gw.connect(timeout=20) for _ in self.clients]
            raise
        used, grown = cpu_ms(self.gw) - ms_before, (self.gw.rss() - before) / 1024
        if not Settings.sanitized():
            self.assertLess(grown, row.kib, "KiB")
            if used >= row.ms:
                raise TooSlow(f"{used:.1f} ms of CPU, wanted less than {row.ms}")

    def check_rows(self, flood=False):
        """What was only slow is tried again, in a gateway of its own."""
        for turn in range(TRIES):
            late = {}
            for name, row in self.rows.items():
                with self.subTest(row.name):
                    try:
                        self.check_row(name, row, flood)
                    except TooSlow as slow:
                        late[name] = slow
            if not late:
                return
            print(*(f"({self.rows[name].name}: {slow})" for name, slow in late.items()), end=" ")
            if turn < TRIES - 1:
                self.start([self.rows[name] for name in late])
        self.fail(f"each of {TRIES} times: " + str([f"{self.rows[n].name}: {s}" for n, s in late.items()]))

    def test_protocol(self):
        """What RFC 9113 and RFC 7541 forbid, and what they want ignored."""
        self.start(h2.PROTOCOL_ROWS)
        self.check_rows()
        print(f"{len(self.rows)} rows, slowest answer {1000 * self.slowest:.0f} ms", end=" ")

    def test_answers(self):
        self.start(h2.ANSWERS)
        self.check_rows()

    def test_floods(self):
        self.start(h2.FLOODS)
        self.check_rows(flood=True)


if __name__ == "__main__":
    harness.main()
