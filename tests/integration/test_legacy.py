#!/usr/bin/python3
"""Requests that no route matches go to a legacy service over HTTP/1.1, and its answers come back."""
import hashlib
import shutil
import signal
import socket
import tempfile
import threading
import time
from pathlib import Path

from certificates import Certificate, Folder
from harness import (Client, Closed, Settings, config, free_port, heavy, main, metric_sum, wait_for)
from legacy_case import OK_HEAD, PIECE, Legacies, answering, legacy_config, read_request

BIG = 200 << 20


class Unchanged(Legacies):
    def test_the_request_arrives_as_it_was_sent(self):
        gw, _ = self.pair()
        for target in ("/a%2fb%2Fc/%C3%A4//x;y=1/?q=a+b&&=&%zz", "/", "/?", "/a?b?c/../d",
                       "/v1/users:search", "/%25", "/a|b[c]"):
            with gw.connect() as client:
                client.send(f"GET {target} HTTP/1.1\r\nHost: Old.Example:8080\r\n"
                            "Accept: text/html\r\nCookie: a=1\r\nX-Twice: 1\r\nX-Twice: 2\r\n"
                            "Authorization: Bearer x\r\nX-Drop: 1\r\nConnection: x-drop, keep-alive\r\n"
                            "Keep-Alive: 5\r\nTE: trailers\r\nUpgrade: websocket\r\nX_under: no\r\n"
                            "Proxy-Connection: keep-alive\r\nVia: 1.0 before\r\n"
                            "X-Forwarded-For: 10.1.1.1\r\nX-Latin: \u00e4\r\n\r\n")
                answer = client.answer()
                self.assertEqual(answer.status, 200, answer)
                got = answer.json()
                port = client.socket.getsockname()
            self.assertEqual(got["method"], "GET")
            self.assertEqual(got["target"], target)
            headers = [(n.lower(), v) for n, v in got["headers"]]
            self.assertEqual(headers[:6], [
                ("host", "Old.Example:8080"), ("accept", "text/html"), ("cookie", "a=1"),
                ("x-twice", "1"), ("x-twice", "2"), ("authorization", "Bearer x")])
            self.assertEqual(dict(headers)["x-forwarded-for"], "10.1.1.1, " + port[0])
            self.assertEqual(dict(headers)["x-forwarded-host"], "Old.Example:8080")
            self.assertEqual(dict(headers)["x-forwarded-proto"], "http")
            self.assertEqual([v for n, v in headers if n == "via"], ["1.0 before", "1.1 sluice"])
            for gone in ("x-drop", "connection", "keep-alive", "te", "upgrade", "x_under",
                         "proxy-connection", "content-length", "transfer-encoding"):
                self.assertNotIn(gone, dict(headers))

    def test_a_websocket_handshake_is_answered_and_not_passed_on(self):
        """It arrives as an ordinary GET; whatever the service says to that is the client's answer."""
        handshake = ("GET /echo HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\n"
                     "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        gw, _ = self.pair()
        with gw.connect() as client:
            client.send(handshake)
            answer = client.answer()
            self.assertEqual(answer.status, 200)
            self.assertNotIn("upgrade", [n.lower() for n, _ in answer.json()["headers"]])
            self.assertEqual(client.get("/echo").status, 200)
            client.send(b"\x81\x85\x01\x02\x03\x04ignog")  # a client that did not look
            self.assertEqual(client.answer().status, 400)
            self.assertTrue(client.closed(10))

    def test_a_service_that_wants_an_upgrade_can_say_so(self):
        gw, _ = self.behind(answering(
            b"HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Content-Length: 3\r\n\r\nws!"))
        with gw.connect() as client:
            client.send("GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n"
                        "Upgrade: websocket\r\n\r\n")
            answer = client.answer()
            self.assertEqual((answer.status, answer.body), (426, b"ws!"))
            self.assertIsNone(answer.header("upgrade"))

    def test_the_answer_comes_back_as_through_no_gateway(self):
        gw, legacy = self.pair()
        ours = ("date", "connection", "keep-alive", "x-hop", "transfer-encoding", "via")
        for target in ("/odd", "/bytes?n=0", "/bytes?n=1", "/bytes?n=70000",
                       "/bytes?n=300000&how=chunked", "/bytes?n=0&how=chunked",
                       "/bytes?n=70000&how=close", "/status?code=404", "/status?code=500",
                       "/status?code=201&reason=Made%20it", "/status?code=418",
                       "/status?code=204", "/status?code=304", "/status?code=301",
                       "/drip?n=3&ms=5"):
            both = []
            for port in (legacy.port, gw.port):
                with Client(port) as client:
                    client.send(f"GET {target} HTTP/1.1\r\nHost: h\r\n\r\n")
                    head = client.read_until(b"\r\n\r\n")
                    client.rest = head + b"\r\n\r\n" + client.rest
                    answer = client.answer()
                    lines = head.decode("latin-1").split("\r\n")
                    fields = [line for line in lines[1:]
                              if line.partition(":")[0].lower() not in ours]
                    both.append((lines[0], sorted(fields), answer))
            direct, through = both
            self.assertEqual(through[0], direct[0], target)
            self.assertEqual(through[1], direct[1], target)
            self.assertEqual(through[2].body, direct[2].body, target)
            self.assertTrue(through[2].header("via").endswith("1.1 sluice"), target)
            if "how=close" not in target:  # its length is not known, or it is
                self.assertEqual(through[2].header("transfer-encoding"),
                                 direct[2].header("transfer-encoding"), target)

    def test_head_tells_the_length_and_sends_nothing(self):
        gw, _ = self.pair()
        with gw.connect() as client:
            for target, length in (("/bytes?n=12345", "12345"), ("/bytes?n=5&how=chunked", None),
                                   ("/status?code=404", "11"), ("/status?code=204", None)):
                answer = client.get(target, method="HEAD")
                self.assertEqual(answer.header("content-length"), length, target)
            self.assertEqual(client.get("/bytes?n=3").body, PIECE[:3])

    def test_bodies_keep_their_framing(self):
        gw, _ = self.pair()
        body = PIECE[:100000]
        with gw.connect() as client:
            client.send(b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(body))
            client.send(body)
            got = client.answer().json()
            self.assertEqual(got["sha256"], hashlib.sha256(body).hexdigest())
            self.assertEqual(dict(got["headers"])["Content-Length"], str(len(body)))
            client.send(b"PUT /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
            for at in range(0, len(body), 7000):
                piece = body[at:at + 7000]
                client.send(b"%x;ext=1\r\n%s\r\n" % (len(piece), piece))
            client.send(b"0\r\nX-Trailer: dropped\r\n\r\n")
            got = client.answer().json()
            self.assertEqual(got["sha256"], hashlib.sha256(body).hexdigest())
            self.assertEqual(dict(got["headers"])["Transfer-Encoding"], "chunked")
            for request in (b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
                            b"PUT /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                            b"0\r\n\r\n"):
                client.send(request)
                got = client.answer().json()
                self.assertEqual(got["length"], 0)
                self.assertTrue({"Content-Length", "Transfer-Encoding"} & set(dict(got["headers"])))

    def test_trailers_are_dropped(self):
        gw, _ = self.pair()
        with gw.connect() as client:
            answer = client.get("/bytes?n=100000&how=chunked&trailer=1")
            self.assertEqual(answer.body, (PIECE * 2)[:100000])
            self.assertEqual(client.get("/bytes?n=3").body, PIECE[:3])  # nothing was left over

    def test_http10_clients(self):
        gw, _ = self.pair()
        for how in ("length", "chunked", "close"):
            with gw.connect() as client:
                client.send(f"GET /bytes?n=300000&how={how} HTTP/1.0\r\n\r\n")
                answer = client.answer()
                self.assertEqual(answer.status, 200)
                self.assertEqual(len(answer.body), 300000)
                self.assertIsNone(answer.header("transfer-encoding"))
                self.assertTrue(client.closed(5))
        with gw.connect() as client:
            client.send("GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            got = client.answer()
            self.assertEqual(got.header("connection"), "keep-alive")
            self.assertTrue(dict(got.json()["headers"])["host"].startswith("127.0.0.1:"))
            client.send("GET /echo HTTP/1.0\r\n\r\n")
            self.assertEqual(client.answer().status, 200)

    def test_expect_is_met_by_the_gateway(self):
        gw, _ = self.pair()
        with gw.connect() as client:
            client.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n"
                        "Expect: 100-continue\r\n\r\n")
            self.assertEqual(client.head()[1], 100)
            client.send("hello")
            got = client.answer().json()
            self.assertEqual(got["length"], 5)
            self.assertNotIn("Expect", dict(got["headers"]))

    def test_pipelined_requests_are_answered_in_order(self):
        gw, _ = self.pair()
        with gw.connect() as client:
            client.send("".join(f"GET /echo/{i} HTTP/1.1\r\nHost: h\r\n\r\n" for i in range(100)))
            for i in range(100):
                self.assertEqual(client.answer().json()["target"], f"/echo/{i}")


class Beside(Legacies):
    def test_routes_win_and_legacy_gets_the_rest(self):
        users, legacy = self.users(), self.legacy()
        text = config([users.endpoint]).replace(
            "upstreams:\n", f"upstreams:\n  monolith: {{endpoints: [{legacy.endpoint}]}}\n")
        gw = self.gateway(text + "legacy: monolith\n")
        created = gw.curl("/v1/users", "-d", '{"name":"Ada","email":"a@b.c"}')
        self.assertEqual(created.status, 201, created)
        user = created.json()["userId"]
        for _ in range(2):
            answer = gw.curl("/v1/users/" + user)
            self.assertEqual((answer.status, answer.header("via")), (200, None))
        for method, target in (("GET", "/v2/users"), ("PUT", "/v1/users/" + user),
                               ("OPTIONS", "/v1/users"), ("OPTIONS", "/other"),
                               ("REPORT", "/v1/users"), ("DELETE", "/v1/users")):
            answer = gw.curl(target, "-X", method)
            self.assertEqual((answer.status, answer.json()["method"], answer.json()["target"]),
                             (200, method, target))
        lines = []

        def all_written():  # by a thread of the log's own
            lines[:] = [line for line in gw.log() if line["event"] == "exchange"]
            return len(lines) >= 9

        wait_for(all_written, 5, "the log's lines")
        self.assertEqual([line.get("side") for line in lines], ["grpc"] * 3 + ["legacy"] * 6)
        self.assertEqual({line["upstream"] for line in lines[3:]}, {"monolith"})
        self.assertEqual(metric_sum(gw.metrics(), "sluice_requests_total", side="legacy", route=""),
                         6)
        self.assertEqual(metric_sum(gw.metrics(), "sluice_upstream_calls_total",
                                    upstream="monolith", code="2xx"), 6)
        gw.stop()

    def test_the_access_line_has_the_clients_trace(self):
        gw, _ = self.pair()
        trace = "0af7651916cd43dd8448eb211c80319c"
        given = f"00-{trace}-b7ad6b7169203331-01"
        arrived = dict(gw.curl("/echo", "-H", f"traceparent: {given}").json()["headers"])
        self.assertEqual(arrived["traceparent"], given)
        self.assertNotIn("traceparent", dict(gw.curl("/echo").json()["headers"]))
        lines = wait_for(lambda: (lambda found: found if len(found) == 2 else None)(
            [line for line in gw.log() if line["event"] == "exchange"]), 5, "two lines")
        self.assertEqual([line.get("trace_id") for line in lines], [trace, None])

    def test_what_is_malformed_is_refused_on_the_way_to_legacy_too(self):
        gw, legacy = self.pair()
        for line, status in (("GET /a%zz", 400), ("GET /a%", 400), ("GET /a/../b", 400),
                             ("GET /a/%2e%2E/b", 400), ("GET /a/./b", 400), ("GET /a\\b", 400),
                             ("GET /a b", 400), ("TRACE /a", 501), ("CONNECT a:1", 501)):
            with gw.connect() as client:
                client.send(line + " HTTP/1.1\r\nHost: h\r\n\r\n")
                self.assertEqual(client.answer().status, status, line)
        for head in ("Content-Length: 5\r\nTransfer-Encoding: chunked", "Content-Length: 5, 5",
                     "Transfer-Encoding: gzip, chunked", "X : 1", "A: b\r\n c"):
            with gw.connect() as client:
                client.send(f"POST /a HTTP/1.1\r\nHost: h\r\n{head}\r\n\r\n0\r\n\r\n"
                            "GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n")
                self.assertIn(client.answer().status, (400, 501), head)
                self.assertTrue(client.closed(5))
        self.assertEqual(legacy.state()["requests"], 0)


class Connections(Legacies):
    def test_connections_are_kept(self):
        gw, legacy = self.pair()
        with gw.connect() as client:
            numbers = {client.get("/echo").json()["connection"] for _ in range(200)}
        self.assertEqual(len(numbers), 1)
        self.assertGreaterEqual(metric_sum(gw.metrics(), "sluice_upstream_reuses_total"), 199)
        self.assertLessEqual(metric_sum(gw.metrics(), "sluice_upstream_connects_total"), 2)

    def test_an_ended_connection_is_no_failure(self):
        """The server closes each connection when the second request comes, unanswered."""
        ok = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

        def serve(connection, _number):
            if read_request(connection):
                connection.sendall(ok)
                read_request(connection)
        gw, raw = self.behind(serve)
        with gw.connect() as client:
            for _ in range(20):
                self.assertEqual(client.get("/").status, 200)
        self.assertGreaterEqual(metric_sum(gw.metrics(), "sluice_upstream_repeats_total"), 10)

    def test_a_post_that_the_server_saw_is_not_sent_again(self):
        seen = []

        def serve(connection, _number):
            while True:
                request = read_request(connection)
                if not request:
                    return
                seen.append(request.split(b" ")[0])
                if seen[-1] == b"POST":
                    return
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        gw, _ = self.behind(serve)
        with gw.connect() as client:
            for i in range(10):
                self.assertEqual(client.get("/").status, 200)
                client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
                self.assertEqual(client.answer().status, 502, i)
        self.assertEqual(seen.count(b"POST"), 10)

    def test_a_restarted_service_is_found_again(self):
        legacy = self.legacy()
        gw = self.gateway(legacy_config([legacy.endpoint]))
        self.assertEqual(gw.curl("/echo").status, 200)
        legacy.kill()
        down = gw.curl("/echo")
        self.assertIn(down.status, (502, 503), down)
        begun = time.monotonic()
        down = gw.curl("/echo")
        self.check_error(down, 503, 14, "monolith")
        self.assertIn(down.header("retry-after"), ("1", "2", "3"))
        self.check_took(begun, 1)
        wait_for(lambda: gw.admin("/readyz").status == 503, 5, "not ready")
        self.legacy(legacy.port)
        wait_for(lambda: gw.curl("/echo").status == 200, 3, "served again")
        self.assertEqual(gw.admin("/readyz").status, 200)

    def test_a_service_that_is_not_there(self):
        gw = self.gateway(legacy_config([f"http://127.0.0.1:{free_port()}"]), ready=False)
        answer = gw.curl("/echo")
        self.check_error(answer, 503, 14)
        self.assertIsNotNone(answer.header("retry-after"))
        self.assertEqual(gw.admin("/readyz").status, 503)

    def test_two_services_share_the_load(self):
        one, two = self.legacy(), self.legacy()
        gw = self.gateway(legacy_config([one.endpoint, two.endpoint]))
        with gw.connect() as client:
            for _ in range(20):
                client.get("/echo")
            self.assertEqual([one.state()["requests"], two.state()["requests"]], [10, 10])
            two.kill()
            for _ in range(20):
                self.assertEqual(client.get("/echo").status, 200)

    def test_a_drain_lets_answers_end(self):
        gw, _ = self.pair()
        with gw.connect() as client:
            client.send("GET /drip?n=10&ms=50 HTTP/1.1\r\nHost: h\r\n\r\n")
            client.head()
            gw.signal(signal.SIGTERM)
            self.assertEqual(len(b"".join(client.chunks())), 20)
        self.assertEqual(gw.wait(5), 0)

    def test_a_reload_changes_the_service_and_lets_answers_end(self):
        gw, _ = self.pair()
        other = self.legacy()
        with gw.connect() as client:
            client.send("GET /drip?n=10&ms=50 HTTP/1.1\r\nHost: h\r\n\r\n")
            client.head()
            gw.write(legacy_config([other.endpoint]))
            gw.signal(signal.SIGHUP)
            wait_for(lambda: gw.curl("/echo").status == 200 and other.state()["requests"] > 0, 5,
                     "the new service is asked")
            self.assertEqual(len(b"".join(client.chunks())), 20)


class Secure(Legacies):
    def setUp(self):
        self.folder = Folder(Path(tempfile.mkdtemp(dir=Settings.work(), prefix="legacy-")))
        self.addCleanup(shutil.rmtree, self.folder.path)
        ca = Certificate("Test CA", ca=True)
        self.ca = self.folder.write("ca.pem", ca.pem())
        self.pair_files = self.folder.pair("legacy", Certificate("legacy", ca, names=["127.0.0.1"]))

    def test_over_tls(self):
        legacy = self.legacy(0, self.pair_files)
        gw = self.gateway(legacy_config([legacy.endpoint], upstream=f"tls: {{ca: {self.ca}}}"))
        body = PIECE * 20
        with gw.connect() as client:
            numbers = set()
            for _ in range(20):
                client.send(b"PUT /echo HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(body)
                            + body)
                got = client.answer().json()
                self.assertEqual(got["sha256"], hashlib.sha256(body).hexdigest())
                numbers.add(got["connection"])
            self.assertEqual(len(numbers), 1)
            for how in ("length", "chunked"):
                self.assertEqual(client.get(f"/bytes?n=3000000&how={how}").body,
                                 (PIECE * 46)[:3000000])
            # Python ends without TLS's own end: whoever cut the connection could do that (RFC 9112
            # section 9.8), so what lasts until the end is not known to be whole.
            with self.assertRaises(Closed):
                client.get("/bytes?n=3000000&how=close")

    def test_a_service_that_is_not_trusted_gets_no_request(self):
        legacy = self.legacy(0, self.pair_files)
        other = self.folder.write("other.pem", Certificate("Other CA", ca=True).pem())
        gw = self.gateway(legacy_config([legacy.endpoint], upstream=f"tls: {{ca: {other}}}"),
                          ready=False)
        self.check_error(gw.curl("/echo"), 503, 14, "TLS")
        self.assertEqual(gw.admin("/readyz").status, 503)


class Streams(Legacies):
    def test_pieces_come_as_they_are_made(self):
        gw, _ = self.pair()
        with gw.connect() as client:
            client.send("GET /drip?n=5&ms=200 HTTP/1.1\r\nHost: h\r\n\r\n")
            client.head()
            times = []
            for chunk in client.chunks():
                times.append(time.monotonic())
            self.assertGreater(times[-1] - times[0], 0.5)

    def test_a_client_that_reads_nothing_stops_the_service(self):
        sent = [0]

        def serve(connection, _number):
            if not read_request(connection):
                return
            connection.sendall(OK_HEAD + b"Content-Length: %d\r\n\r\n" % BIG)
            while sent[0] < BIG:
                sent[0] += connection.send(PIECE)
        gw, _ = self.behind(serve)
        with Client(gw.port, receive_buffer=4096) as client:
            client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            client.head()
            before = gw.rss()

            def stands():
                was = sent[0]
                time.sleep(0.5)
                return was > 0 and sent[0] == was
            wait_for(stands, 10, "the service is stopped")
            self.assertLess(sent[0], 16 << 20)  # what fits sockets and buffers
            self.assertLess(gw.rss() - before, 4 << 20)

    def test_a_service_that_reads_nothing_stops_the_client(self):
        def serve(connection, _number):
            time.sleep(10)
        gw, _ = self.behind(serve, limits="stall_timeout: 2s")
        with gw.connect() as client:
            client.send(f"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: {BIG}\r\n\r\n")
            client.socket.settimeout(1)
            sent = 0
            with self.assertRaises(socket.timeout):
                while sent < BIG:
                    sent += client.socket.send(PIECE)
            self.assertLess(sent, 32 << 20)
            self.assertLess(gw.rss(), 256 << 20)
            client.socket.settimeout(5)
            self.assertEqual(client.answer().status, 504)

    def test_a_body_that_waits_for_a_connection(self):
        gw, _ = self.pair(upstream="max_connections: 1\ncircuit: {waiting_time: 10s}")
        body = PIECE * 40
        with gw.connect() as first, gw.connect() as second:
            first.send("GET /slow?ms=1500 HTTP/1.1\r\nHost: h\r\n\r\n")
            time.sleep(0.3)
            second.send(b"PUT /echo HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(body))
            sender = threading.Thread(target=second.send, args=(body,))
            sender.start()
            got = second.answer().json()
            sender.join()
            self.assertEqual(got["sha256"], hashlib.sha256(body).hexdigest())
            self.assertEqual(first.answer().body, b"late")

    @heavy
    def test_big_bodies_pass_with_little_memory(self):
        gw, _ = self.pair()
        gw.curl("/bytes?n=1000000")
        before = gw.rss()
        peak = [0]
        stop = threading.Event()

        def watch():
            while not stop.wait(0.02):
                peak[0] = max(peak[0], gw.rss())
        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            for how in ("length", "chunked"):
                digest, got = hashlib.sha256(), 0
                with gw.connect() as client:
                    client.send(f"GET /bytes?n={BIG}&how={how} HTTP/1.1\r\nHost: h\r\n\r\n")
                    client.head()
                    pieces = client.chunks() if how == "chunked" else self.pieces(client, BIG)
                    for piece in pieces:
                        digest.update(piece)
                        got += len(piece)
                self.assertEqual(got, BIG)
                self.assertEqual(digest.hexdigest(), self.digest())
            with gw.connect() as client:
                client.send(f"PUT /echo HTTP/1.1\r\nHost: h\r\nContent-Length: {BIG}\r\n\r\n")
                for _ in range(BIG // len(PIECE)):
                    client.send(PIECE)
                answer = client.answer().json()
            self.assertEqual((answer["length"], answer["sha256"]), (BIG, self.digest()))
        finally:
            stop.set()
            watcher.join()
        self.assertLess(peak[0] - before, 8 << 20)

    @staticmethod
    def pieces(client, count):
        while count > 0:
            if not client.rest:
                client.more()
            piece, client.rest = client.rest[:count], client.rest[count:]
            count -= len(piece)
            yield piece

    @staticmethod
    def digest():
        digest = hashlib.sha256()
        for _ in range(BIG // len(PIECE)):
            digest.update(PIECE)
        return digest.hexdigest()


if __name__ == "__main__":
    main()
