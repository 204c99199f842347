#!/usr/bin/python3
"""Legacy services that break HTTP/1.1, end at any byte, stall, or fail in every way at once."""
import random
import socket
import struct
import threading
import time

from harness import Closed, main, metric_sum, wait_for
from legacy_case import OK_HEAD, Legacies, answering, read_request

HOSTILE = [
    b"", b"\r\n\r\n", b"garbage\r\n\r\n", b"220 mail ESMTP\r\n", b"HTTP/1.1 200\r\n\r\n",
    b"HTTP/2.0 200 OK\r\n\r\n", b"HTTP/1.1 999 X\r\n\r\n", b"HTTP/1.1 200 OK\n\n",
    OK_HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    OK_HEAD + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    OK_HEAD + b"Content-Length: 5, 5\r\n\r\nhello",
    OK_HEAD + b"Content-Length: -5\r\n\r\nhello",
    OK_HEAD + b"Content-Length: 99999999999999999999\r\n\r\nhello",
    OK_HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    OK_HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    OK_HEAD + b"Transfer-Encoding: identity\r\n\r\nhello",
    b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    OK_HEAD + b"Transfer-Encoding: chunked\r\n\r\nz\r\nhello\r\n0\r\n\r\n",
    OK_HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhelloX0\r\n\r\n",
    OK_HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n",
    OK_HEAD + b"Transfer-Encoding: chunked\r\n\r\nfffffffff\r\nhello\r\n0\r\n\r\n",
    OK_HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nContent-Length: 1\r\n\r\n",
    OK_HEAD + b"X : 1\r\nContent-Length: 5\r\n\r\nhello",
    OK_HEAD + b"X: 1\r\n folded\r\nContent-Length: 5\r\n\r\nhello",
    OK_HEAD + b"X: a\0b\r\nContent-Length: 5\r\n\r\nhello",
    OK_HEAD + b"X: a\rb\r\nContent-Length: 5\r\n\r\nhello",
    OK_HEAD + b"X: " + b"x" * 20000 + b"\r\nContent-Length: 5\r\n\r\nhello",
    OK_HEAD + b"X: 1\r\n" * 101 + b"Content-Length: 5\r\n\r\nhello",
    OK_HEAD + b"X: 1\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\n\r\n" * 9 + OK_HEAD + b"Content-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
]


class Hostile(Legacies):
    def test_what_cannot_be_understood_is_502(self):
        current = []

        def serve(connection, _number):
            while read_request(connection):
                connection.sendall(current[0])
                return
        gw, raw = self.behind(serve)
        for answer in HOSTILE:
            current[:] = [answer]
            with gw.connect() as client:
                got = client.get("/")
                self.check_error(got, 502, 14 if got.json()["code"] == 14 else 13)
                self.assertNotIn(b"hello", got.body, answer)
                self.assertEqual(client.get("/").status, 502)  # the client's connection is good

    def test_cut_at_every_byte_it_is_never_whole(self):
        whole = OK_HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
        current = []

        def serve(connection, _number):
            if read_request(connection):
                connection.sendall(current[0])
        gw, _ = self.behind(serve)
        for cut in range(len(whole)):
            current[:] = [whole[:cut]]
            with gw.connect() as client:
                try:
                    answer = client.get("/")
                    self.assertEqual(answer.status, 502, cut)
                except Closed:
                    pass  # begun, and cut
        current[:] = [whole]
        self.assertEqual(gw.curl("/").body, b"hello")

    def test_a_begun_answer_that_breaks_is_cut(self):
        for head in (b"Content-Length: 100\r\n", b"Transfer-Encoding: chunked\r\n"):
            def serve(connection, _number):
                if not read_request(connection):
                    return
                connection.sendall(OK_HEAD + head + b"\r\n" + b"5\r\nhello\r\n")
                time.sleep(0.2)
                connection.sendall(b"5\r\nhello\r\nbroken\r\n")
            gw, _ = self.behind(serve)
            for version in ("1.1", "1.0"):
                with gw.connect() as client:
                    client.send(f"GET / HTTP/{version}\r\nHost: h\r\n\r\n")
                    _, status, headers = client.head()
                    self.assertEqual(status, 200)
                    with self.assertRaises(Closed) as raised:
                        while True:
                            client.more()
                    self.assertFalse(client.rest.endswith(b"0\r\n\r\n"))
                    if version == "1.0" and b"chunked" in head:
                        self.assertIn("reset", str(raised.exception))
            lines = [line for line in gw.log() if line["event"] == "exchange"]
            self.assertEqual({line["status"] for line in lines}, {502})

    def test_bytes_behind_an_answer_go_to_nobody(self):
        evil = (OK_HEAD + b"Content-Length: 5\r\n\r\nhello" + OK_HEAD
                + b"Content-Length: 4\r\n\r\nevil")

        def serve(connection, _number):
            while read_request(connection):
                connection.sendall(evil)
        gw, raw = self.behind(serve)
        with gw.connect() as client:
            for _ in range(20):
                self.assertEqual(client.get("/").body, b"hello")

    def test_interim_answers_are_skipped(self):
        gw, _ = self.behind(answering(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 8 + OK_HEAD
                                      + b"Content-Length: 5\r\n\r\nhello", hold=True))
        answer = gw.curl("/")
        self.assertEqual((answer.status, answer.body), (200, b"hello"))
        self.assertIsNone(answer.header("link"))

    def test_early_answers(self):
        """The service answers 413 without reading the body."""
        def serve(connection, _number):
            data = b""
            while b"\r\n\r\n" not in data:
                data += connection.recv(65536)
            connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nno\n")
            time.sleep(1)
        gw, _ = self.behind(serve)
        with gw.connect() as client:
            client.send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 10000000\r\n\r\nhello")
            answer = client.answer()
            self.assertEqual((answer.status, answer.body), (413, b"no\n"))
            self.assertEqual(answer.header("connection"), "close")


class Times(Legacies):
    def test_no_answer_in_time_is_504(self):
        gw, _ = self.pair(defaults="timeout: 300ms")
        begun = time.monotonic()
        self.check_error(gw.curl("/slow?ms=3000"), 504, 4, "did not answer in time")
        self.check_took(begun, 1.5)
        self.assertEqual(gw.curl("/slow?ms=10").body, b"late")

    def test_an_answer_that_stalls_is_cut(self):
        gw, _ = self.behind(answering(OK_HEAD + b"Content-Length: 9\r\n\r\nhello", hold=True),
                            defaults="idle_timeout: 300ms")
        with gw.connect() as client:
            client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            client.head()
            self.assertTrue(client.closed(10))

    def test_a_slow_request_is_408(self):
        gw, legacy = self.pair(limits="body_rate: 100KiB\nbody_grace: 1s")
        with gw.connect() as client:
            client.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n")
            begun = time.monotonic()
            try:
                while time.monotonic() - begun < 15:
                    client.send("x")
                    time.sleep(0.3)
                    client.socket.setblocking(False)
                    try:
                        client.rest += client.socket.recv(65536)
                    except BlockingIOError:
                        pass
                    client.socket.setblocking(True)
                    if client.rest:
                        break
            except OSError:
                pass
            client.socket.settimeout(5)
            answer = client.answer()
            self.assertEqual(answer.status, 408, answer)
            self.assertEqual(answer.header("connection"), "close")

    def test_a_client_that_leaves_cancels_the_call(self):
        gone = threading.Event()

        def serve(connection, _number):
            if read_request(connection):
                connection.settimeout(10)
                if connection.recv(1) == b"":
                    gone.set()
        gw, _ = self.behind(serve)
        with gw.connect() as client:
            client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            time.sleep(0.2)
        self.assertTrue(gone.wait(10))
        wait_for(lambda: metric_sum(gw.metrics(), "sluice_in_flight") == 0, 3, "nothing in flight")


class Ledger:
    """A service that fails in every way that it can, and knows what it did for whom."""

    def __init__(self):
        self.lock, self.done, self.random = threading.Lock(), {}, random.Random(4711)

    def draw(self):
        with self.lock:
            return self.random.random()

    def act(self, identity):
        with self.lock:
            self.done[identity] = self.done.get(identity, 0) + 1

    def serve(self, connection, _number):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        data = b""
        while True:
            while b"\r\n\r\n" not in data:
                piece = connection.recv(65536)
                if not piece:
                    return
                data += piece
            head, _, data = data.partition(b"\r\n\r\n")
            lines = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
            length = int(lines.get(b"content-length", 0))
            if self.draw() < 0.03:
                return  # in the midst of the request
            while len(data) < length:
                data += connection.recv(65536)
            data = data[length:]
            identity = lines[b"x-id"]
            if not self.one(connection, identity):
                return

    @staticmethod
    def reset(connection):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def one(self, connection, identity):
        """False: the connection ends."""
        way, answer = self.draw(), b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (
            len(identity), identity)
        if way < 0.03:
            self.reset(connection)
            return False
        self.act(identity)
        if way < 0.06:
            return False
        if way < 0.09:
            self.reset(connection)
            return False
        if way < 0.12:
            connection.sendall(answer[:int(self.draw() * len(answer))])
            return False
        if way < 0.15:
            time.sleep(0.02)
        connection.sendall(answer)
        return way < 0.75  # a quarter ends behind its answer


class Chaos(Legacies):
    def ask(self, gw, ledger, name, count, failures):
        body, client = "x" * 300, None
        for i in range(count):
            method, identity = ("GET", "POST")[i % 2], f"{name}-{i}"
            client = client or gw.connect()
            request = f"{method} / HTTP/1.1\r\nHost: h\r\nX-Id: {identity}\r\n"
            if method == "POST":
                request += f"Content-Length: {len(body)}\r\n\r\n{body}"
            else:
                request += "\r\n"
            try:
                client.send(request)
                answer = client.answer()
            except (Closed, OSError):
                client.close()
                client = None
                failures["cut"] += 1
                continue
            acted = ledger.done.get(identity.encode(), 0)
            if answer.status == 200 and (answer.body != identity.encode() or acted < 1):
                failures["wrong"] += 1
            if answer.status != 200:
                failures["refused"] += 1
                if answer.status not in (502, 503):
                    failures["wrong"] += 1
            if method == "POST" and acted > 1:
                failures["twice"] += 1

    def test_no_post_acts_twice_and_each_request_has_one_answer(self):
        ledger = Ledger()
        gw, raw = self.behind(ledger.serve, upstream="backoff.initial: 5ms")
        failures = dict.fromkeys(("cut", "wrong", "refused", "twice"), 0)
        threads = [threading.Thread(target=self.ask, args=(gw, ledger, f"c{n}", 250, failures))
                   for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual((failures["wrong"], failures["twice"]), (0, 0), failures)
        self.assertLess(failures["refused"] + failures["cut"], 500, failures)
        self.assertGreater(metric_sum(gw.metrics(), "sluice_upstream_repeats_total"), 10)
        self.assertEqual(metric_sum(gw.metrics(), "sluice_upstream_in_flight"), 0)
        self.assertEqual(metric_sum(gw.metrics(), "sluice_requests_total", side="legacy"), 2000)
        gw.stop()


if __name__ == "__main__":
    main()
