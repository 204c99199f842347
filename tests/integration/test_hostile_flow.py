"""Services that stall, shrink their windows, say goodbye at any time, or speak something else."""
import os
import struct
import time

import bad_server
import harness
import hostile_h2 as h2
from bad_server import Raw, message
from harness import Settings, Test, wait_for
from hostile_h2 import (ACK, CANCEL, DATA, FRAMES, GOAWAY, HEADERS, PING, SETTINGS, STREAMS, TABLE,
                        WINDOW, WINDOWS, Peer, data, frame, good, head, setting)
from test_hostile_upstream import cpu_ms, patience, tables

LONG = os.environ.get("SLUICE_LONG") == "1"
LAST = 2**31 - 1


def update(stream, more):
    return frame(WINDOW, 0, stream, struct.pack(">I", more))


def goaway(last, code=0, text=b""):
    return frame(GOAWAY, 0, 0, struct.pack(">II", last, code) + text)


class Base(Test):
    def start(self, *peers, more="", retry=False, wait=True, backoff=""):
        for peer in peers:
            self.addCleanup(peer.kill)
        text = tables({"r": peers}, more)
        if retry:
            text = text.replace("attempts: 1", "attempts: 3, backoff: 10ms, budget: 100%")
        if backoff:
            text = text.replace("    retry:", f"    backoff: {backoff}\n    retry:")
        self.gw = self.gateway(text)
        if wait:
            wait_for(lambda: all(p.links and p.links[0].acks for p in peers), 10, "connected")

    def ask(self, names, headers=""):
        clients = [self.gw.connect() for _ in names]
        for client, name in zip(clients, names):
            self.addCleanup(client.close)
            client.send(f"GET /r/{name} HTTP/1.1\r\nHost: t\r\n{headers}\r\n")
        return clients

    def check_users(self, names, clients=None):
        for name, client in zip(names, clients or self.ask(names)):
            answer = client.answer()
            self.assertEqual((answer.status, answer.json()), (200, {"userId": name}))


class Windows(Base):
    NAMES = [f"{i}" + "n" * 500 for i in range(5)]

    def test_windows_of_one_byte(self):
        class OneByte(Peer):
            def took(self, link, kind, stream, payload):
                if kind == DATA and payload:
                    link.send(update(stream, 1))
        self.start(OneByte(greeting=setting(WINDOWS, 1)))
        self.check_users(self.NAMES)

    def test_windows_that_open_late(self):
        class Late(Peer):
            def took(self, link, kind, stream, payload):
                if kind == HEADERS and len(link.asked) == 5:
                    link.send(frame(SETTINGS, 0, 0, setting(WINDOWS, 65535)))
        self.start(Late(greeting=setting(WINDOWS, 0)))
        self.check_users(self.NAMES)

    def test_windows_below_zero(self):
        """INITIAL_WINDOW_SIZE shrinks under what was sent already (RFC 9113 section 6.9.2)."""
        class Shrinks(Peer):
            def took(self, link, kind, stream, payload):
                if kind == DATA and len(link.asked[stream]) == 100:
                    link.send(frame(SETTINGS, 0, 0, setting(WINDOWS, 0)), update(stream, 50),
                              update(stream, 50), update(stream, 1000))
        peer = Shrinks(greeting=setting(WINDOWS, 100))
        self.start(peer)
        for name in self.NAMES:
            self.check_users([name])
            peer.links[0].send(frame(SETTINGS, 0, 0, setting(WINDOWS, 100)))

    def test_no_streams_and_then_one(self):
        peer = Peer(greeting=setting(STREAMS, 0))
        self.start(peer)
        clients = self.ask(self.NAMES)
        time.sleep(0.2)
        self.assertEqual(peer.links[0].asked, {})
        peer.links[0].send(frame(SETTINGS, 0, 0, setting(STREAMS, 1)))
        self.check_users(self.NAMES, clients)
        self.assertEqual(len(peer.links[0].asked), 5)

    def test_settings_in_mid_flight(self):
        """Frame and table sizes change with every answer; the requests stay readable."""
        def behave(call):
            i = len(upstream.requests)
            call.h2.update_settings({TABLE: (0, 4096, 100)[i % 3],
                                     FRAMES: (16384, 2**24 - 1)[i % 2],
                                     WINDOWS: (65535, 10, 2**31 - 1)[i % 3]})
            call.answer()
        upstream = bad_server.Upstream(behave)
        self.start(upstream, wait=False)
        client = self.gw.connect()
        self.addCleanup(client.close)
        for i in range(15):
            self.assertEqual(client.get(f"/r/u{i}").json(), {"userId": "7"})
        for call in upstream.requests:
            self.assertEqual(call.headers[":path"], "/userservice.UserService/GetUser")
        self.assertEqual(upstream.connections, 1)

    def test_settings_that_are_never_acknowledged(self):
        class Mute(Peer):
            def acknowledge(self, link):
                pass
        peer = Mute()
        self.start(peer)
        for _ in range(3):
            self.check_users(self.NAMES)
            time.sleep(0.3)
        self.assertEqual(len(peer.links), 1)


class Stalls(Base):
    """The deadline holds whatever the service does: 504, and RST_STREAM CANCEL."""

    MS = 600

    def check_deadline(self, peer, names=("a", "b", "c"), beside=None):
        self.start(*([peer, beside] if beside else [peer]))
        begun, count = time.monotonic(), len(names) * (2 if beside else 1)
        clients = self.ask([f"n{i}" for i in range(count)], f"X-Request-Timeout-Ms: {self.MS}\r\n")
        statuses = []
        for client in clients:
            answer = client.answer()
            statuses.append(answer.status)
            self.check_took(begun, self.MS / 1000 + max(0.05, patience()),
                            self.MS / 1000 - 0.05 if answer.status == 504 else 0)
        self.assertEqual(sorted(statuses), [200] * (count - len(names)) + [504] * len(names))

    def check_cancelled(self, peer, count=3):
        wait_for(lambda: sum(len(link.resets) for link in peer.links) == count, 2, "resets")
        for link in peer.links:
            self.assertEqual(set(link.resets.values()), {CANCEL})
            self.assertFalse(link.dead)

    def test_silence(self):
        class Silent(Peer):
            def answer(self, link):
                pass
        peer = Silent()
        self.check_deadline(peer, beside=Peer())
        self.check_cancelled(peer)

    def test_a_closed_window(self):
        peer = Peer(greeting=setting(WINDOWS, 0))
        self.check_deadline(peer, beside=Peer())
        self.check_cancelled(peer)

    def test_a_byte_now_and_then(self):
        class Drip(Peer):
            def answer(self, link):
                for stream in link.open:
                    link.send(head(stream))
                body = message(b"\x12\x7f" + b"n" * 127)
                for i in range(30):
                    for stream in link.open:
                        link.send(data(stream, body[i:i + 1]))
                    time.sleep(0.05)
                link.open = []
        peer = Drip()
        self.start(peer)
        begun = time.monotonic()
        answer = self.ask(["a"], f"X-Request-Timeout-Ms: {self.MS}\r\n")[0].answer()
        self.assertEqual(answer.status, 504)
        self.check_took(begun, self.MS / 1000 + max(0.05, patience()))
        self.check_cancelled(peer, 1)

    def test_a_peer_that_reads_nothing(self):
        """It may owe us everything: what waits for it is bounded, and it is let go."""
        class Deaf(Peer):
            def talk(self, link):
                link.read(len(h2.HTTP2))
                link.send(frame(SETTINGS, 0, 0, setting(WINDOWS, LAST)), update(0, LAST - 65535))
                self.links.append(link)
                link.acks = 1
                while not self.over:
                    time.sleep(0.05)
                while True:
                    link.handle(*link.next())
        peer, beside = Deaf(), Peer()
        peer.over = False
        self.addCleanup(setattr, peer, "over", True)
        text = tables({"r": (peer,), "good": (beside,)}).replace(
            "routes:\n", "routes:\n  - match: POST /r\n    upstream: r\n    body: \"*\"\n"
            "    rpc: userservice.UserService/CreateUser\n")
        self.addCleanup(peer.kill)
        self.addCleanup(beside.kill)
        self.gw = self.gateway(text)
        wait_for(lambda: peer.links and beside.links, 10, "connected")
        before, body = self.gw.rss(), '{"name": "' + "n" * 1000000 + '"}'
        clients = [self.gw.connect() for _ in range(20)]
        begun = time.monotonic()
        for client in clients:
            self.addCleanup(client.close)
            client.send("POST /r HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
                        f"X-Request-Timeout-Ms: 1500\r\nContent-Length: {len(body)}\r\n\r\n{body}")
        self.assertEqual(self.gw.curl("/good/7").json(), {"userId": "7"})
        grown = self.gw.rss() - before
        for client in clients:
            self.assertEqual(client.answer().status, 504)
        self.check_took(begun, 1.5 + max(0.3, patience()))
        if not Settings.sanitized():
            # Body and message each once, and 256 KiB for each stream.
            self.assertLess(grown, 20 * (2 * len(body) + 2**18) + 2**22)
        peer.over = True
        self.assertEqual(self.gw.curl("/good/7").json(), {"userId": "7"})


class Goodbyes(Base):
    def check(self, script, statuses=(200,), calls=10, connections=None, **more):
        peer = Peer(script, calls, **more)
        self.start(peer)
        names = [f"c{i}" for i in range(calls)]
        answers = [client.answer() for client in self.ask(names)]
        self.assertEqual({a.status for a in answers}, set(statuses), answers)
        for name, answer in zip(names, answers):
            if answer.status == 200:
                self.assertEqual(answer.json(), {"userId": name})
        self.check_later(peer)
        return peer

    def check_later(self, peer):
        """It may need its backoff to come back."""
        wait_for(lambda: self.gw.curl("/r/7").status == 200, 4, "it is used again")

    @staticmethod
    def all_good(link, streams):
        link.send(*(good(s, h2.user(link.name(s))) for s in streams))
        link.open = []

    def test_graceful(self):
        """Announced, then meant: nothing is lost (RFC 9113 section 6.8)."""
        def script(link, streams):
            link.send(goaway(LAST), goaway(streams[-1]))
            self.all_good(link, streams)
        self.check(script)

    def test_with_an_error_but_answers(self):
        def script(link, streams):
            link.send(goaway(streams[-1], h2.CALM, b"x" * 16000))
            self.all_good(link, streams)
        self.check(script)

    def test_nothing_was_processed(self):
        """Above the last id: sent once more on another connection, retries or not."""
        self.check(lambda link, streams: (link.open.clear(), link.send(goaway(0))))

    def test_half_was_processed(self):
        def script(link, streams):
            link.send(goaway(streams[4]))
            link.open = []
            link.send(*(good(s, h2.user(link.name(s))) for s in streams[:5]))
        self.check(script)

    def test_said_and_gone(self):
        """What it may have processed is not sent again."""
        def script(link, streams):
            link.send(goaway(streams[-1]))
            link.socket.shutdown(2)
        self.check(script, (503,), goes_on=False)

    def test_a_last_id_that_grows(self):
        def script(link, streams):
            link.send(goaway(streams[4]), goaway(streams[-1]))
        self.check(script, (200, 503), goes_on=False)

    def test_a_flood(self):
        def script(link, streams):
            link.open = []
            for _ in range(500):
                link.send(goaway(streams[-1]) * 100)
        self.check(script, (503,), goes_on=False)
        if not Settings.sanitized():
            self.assertLess(cpu_ms(self.gw), 500)

    def test_after_every_answer(self):
        """A server of one call for each connection: none fails."""
        class Once(Peer):
            def answer(self, link):
                stream = link.open.pop()
                link.send(good(stream, h2.user(link.name(stream))), goaway(stream))
        peer, count = Once(), 10000 if LONG else 200
        self.start(peer)
        client = self.gw.connect()
        self.addCleanup(client.close)
        for i in range(count):
            answer = client.get(f"/r/u{i}")
            self.assertEqual((answer.status, answer.json()), (200, {"userId": f"u{i}"}), i)
        self.assertLessEqual(peer.connections, count + 2)

    def test_resets_and_goodbyes(self):
        """RST_STREAM and GOAWAY for the same streams, over and over (CVE-2023-35945): no growth."""
        class Both(Peer):
            def answer(self, link):
                stream = link.open.pop()
                link.send(head(stream), frame(h2.RST, 0, stream, struct.pack(">I", 2)),
                          goaway(0 if stream > 1 else stream))
        peer, count = Both(), 100000 if LONG else 200
        self.start(peer, backoff="{ initial: 1ms, factor: 1, max: 1ms }")
        statuses, middle = set(), 0
        for i in range(count):
            if i % 5000 == 0:  # half of what one connection may ask
                client = self.gw.connect()
                self.addCleanup(client.close)
            statuses.add(client.get(f"/r/u{i}").status)
            if i == count // 2:
                middle = self.gw.rss()
        self.assertLessEqual(statuses, {500, 503})
        self.assertGreater(peer.connections, count // 10)
        if not Settings.sanitized():
            self.assertLess(self.gw.rss() - middle, 2**20)


class Retried(Base):
    """With retries, as by default, and a good endpoint: the client sees no failure."""

    ROWS = [r for r in h2.PROTOCOL_ROWS + h2.FLOODS if r.goaway is not None and 500 not in r.victim]

    def test_connection_errors(self):
        for row in self.ROWS[::6 if not LONG else 1]:
            with self.subTest(row.name):
                self.start(Peer(row.script, 3, goes_on=False), Peer(), retry=True)
                names = [f"c{i}" for i in range(6)]
                begun = time.monotonic()
                clients = self.ask(names)
                statuses = [client.answer().status for client in clients]
                self.assertEqual(statuses, [200] * 6)
                self.check_took(begun, 1 + patience())
                self.gw.stop()
                self.gw.kill()


class Strangers(Base):
    """What speaks no HTTP/2 beside what does: nobody notices."""

    def test_other_protocols(self):
        settings = frame(SETTINGS)
        for name, greeting in {
                "HTTP/1.1": b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
                "a TLS alert": b"\x15\x03\x01\x00\x02\x02\x46",
                "our own preface": h2.HTTP2 + settings,
                "a TLS hello": b"\x16\x03\x01\x02\x00\x01" + b"\0" * 200,
                "PING before SETTINGS": frame(PING, 0, 0, b"12345678"),
                "an acknowledgement first": frame(SETTINGS, ACK),
                "SETTINGS on a stream": frame(SETTINGS, 0, 1), "nothing": b"",
                "noise": bytes(range(256)) * 64}.items():
            with self.subTest(name):
                raw, peer = Raw(greeting), Peer()
                self.addCleanup(raw.kill)
                self.start(peer, raw, wait=False)
                client = self.gw.connect()
                for i in range(20):
                    self.assertEqual(client.get(f"/r/u{i}").json(), {"userId": f"u{i}"})
                client.close()
                self.gw.stop()
                self.gw.kill()


if __name__ == "__main__":
    harness.main()
