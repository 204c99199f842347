"""The HTTP/1.1 front: connections, framing, absolute deadlines, hostile requests."""
import json
import socket
import time

import harness
import hostile_h1
from harness import Client, Closed, Shared, Test, config, counted
from users_server import BULK

GET = "GET /v1/users/7 HTTP/1.1\r\nHost: t\r\n\r\n"


class Connections(Shared):
    def test_keep_alive(self):
        with self.gw.connect() as client:
            for i in range(100):
                answer = client.get(f"/v1/users/{i}")
                self.assertEqual((answer.status, answer.json()["userId"]), (200, str(i)))
                self.assertNotEqual(answer.header("connection"), "close")

    def test_errors_of_a_request_keep_the_connection(self):
        with self.gw.connect() as client:
            self.assertEqual(client.get("/nothing").status, 404)
            self.assertEqual(client.get("/v1/users/7", method="PUT").status, 405)
            self.assertEqual(client.get("/v1/users", method="POST", body="{").status, 400)
            self.assertEqual(client.get("/v1/users/status-13").status, 500)
            self.assertEqual(client.get("/v1/users/7").status, 200)

    def test_connection_close(self):
        with self.gw.connect() as client:
            answer = client.get("/v1/users/7", "Connection: close\r\n")
            self.assertEqual((answer.status, answer.header("connection")), (200, "close"))
            self.assertTrue(client.closed(5))

    def test_thousand_pipelined_in_one_write(self):
        with self.gw.connect(timeout=30) as client:
            client.send("".join(f"GET /v1/users/{i} HTTP/1.1\r\nHost: t\r\n\r\n"
                                for i in range(1000)))
            for i in range(1000):
                answer = client.answer()
                self.assertEqual((answer.status, answer.json()["userId"]), (200, str(i)))
        self.assertEqual(self.server.state()["count"], 1000)

    def test_pipelined_mixture_stays_in_order(self):
        body = '{"name":"A"}'
        with self.gw.connect() as client:
            client.send(("GET /v1/users/sleep-150 HTTP/1.1\r\nHost: t\r\n\r\n"
                         "GET /nothing HTTP/1.1\r\nHost: t\r\n\r\n"
                         "POST /v1/users HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
                         f"Content-Length: {len(body)}\r\n\r\n{body}"
                         "GET /v1/users?page_size=2 HTTP/1.1\r\nHost: t\r\n\r\n"
                         "HEAD /v1/users/7 HTTP/1.1\r\nHost: t\r\n\r\n"
                         "OPTIONS /v1/users HTTP/1.1\r\nHost: t\r\n\r\n"
                         "POST /v1/users HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
                         "Transfer-Encoding: chunked\r\n\r\n3\r\n{\"n\r\n9;x=y\r\name\":\"B\"}\r\n0\r\n"
                         "\r\n") + GET)
            statuses = [client.answer(head=i == 4).status for i in range(8)]
            self.assertEqual(statuses, [200, 404, 201, 200, 200, 204, 201, 200])

    def test_one_in_flight_for_each_connection(self):
        with self.gw.connect() as client:
            client.send("GET /v1/users/sleep-150 HTTP/1.1\r\nHost: t\r\n\r\n" * 3)
            for _ in range(3):
                self.assertEqual(client.answer().status, 200)
        calls = self.server.state()["calls"]
        self.assertEqual(len(calls), 3)
        for before, call in zip(calls, calls[1:]):
            self.assertGreaterEqual(call["begun"], before["ended"])

    def test_byte_by_byte(self):
        request = ("POST /v1/users HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
                   "Transfer-Encoding: chunked\r\n\r\n4\r\n{\"na\r\n8\r\nme\":\"A\"}\r\n0\r\nX-T: v\r\n\r\n")
        with self.gw.connect() as client:
            for byte in request:
                client.send(byte)
                time.sleep(0.0005)
            answer = client.answer()
            self.assertEqual((answer.status, answer.json()["name"]), (201, "A"))

    def test_expect_continue(self):
        head = ("POST /v1/users HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
                "Content-Length: 12\r\nExpect: 100-continue\r\n\r\n")
        with self.gw.connect() as client:
            client.send(head)
            self.assertEqual(client.answer().status, 100)
            client.send('{"name":"A"}')
            self.assertEqual(client.answer().status, 201)
            client.send(head + '{"name":"B"}')  # a client that does not wait
            first = client.answer()
            final = client.answer() if first.status == 100 else first
            self.assertEqual((final.status, final.json()["name"]), (201, "B"))
        for target, status in (("/nothing", 404), ("/v1/users/7", 405)):
            with self.subTest(target=target), self.gw.connect() as client:
                client.send(head.replace("/v1/users", target))
                self.assertEqual(client.answer().status, status)  # no 100 before it
        with self.gw.connect() as client:
            client.send(head.replace("100-continue", "200-maybe"))
            self.assertEqual(client.answer().status, 417)

    def test_head(self):
        with self.gw.connect() as client:
            want = client.get("/v1/users/7")
            answer = client.get("/v1/users/7", method="HEAD")
            self.assertEqual((answer.status, answer.header("content-type")),
                             (200, "application/json"))
            self.assertEqual(answer.header("content-length"), want.header("content-length"))
            self.assertEqual(client.get("/v1/users/status-5", method="HEAD").status, 404)
            self.assertEqual(client.get("/nothing", method="HEAD").status, 404)
            self.assertEqual(client.get("/v1/users/7").status, 200)

    def test_options(self):
        for target, allowed in (("/v1/users", {"GET", "HEAD", "POST", "OPTIONS"}),
                                ("/v1/users/7", {"GET", "HEAD", "PATCH", "DELETE", "OPTIONS"})):
            answer = self.gw.curl(target, "-X", "OPTIONS")
            self.assertEqual((answer.status, answer.body), (204, b""))
            self.assertEqual(set(answer.header("allow").split(", ")), allowed)
        self.assertEqual(self.gw.curl("/nothing", "-X", "OPTIONS").status, 404)
        self.assertEqual(self.server.state()["count"], 0)

    def test_http10(self):
        with self.gw.connect() as client:
            client.send("GET /v1/users/7 HTTP/1.0\r\n\r\n")
            answer = client.answer()
            self.assertEqual((answer.status, answer.json()["userId"]), (200, "7"))
            self.assertTrue(client.closed(5))
        with self.gw.connect() as client:
            client.send("GET /v1/users/7 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            answer = client.answer()
            self.assertEqual(answer.status, 200)
            if (answer.header("connection") or "").lower() == "keep-alive":
                self.assertEqual(client.get("/v1/users/8").status, 200)
            else:
                self.assertTrue(client.closed(5))

    def test_absolute_form(self):
        with self.gw.connect() as client:
            client.send("GET http://t/v1/users/7?x=1 HTTP/1.1\r\nHost: t\r\n\r\n")
            self.assertEqual(client.answer().json()["userId"], "7")

    def test_half_closed_client_is_answered_or_left_alone(self):
        """A client that only ends its sending side: cancelled like one that left, or answered."""
        with self.gw.connect() as client:
            client.send(GET)
            client.socket.shutdown(1)
            try:
                self.assertEqual(client.answer().status, 200)
            except Closed:
                pass
        self.assertEqual(self.gw.curl("/v1/users/7").status, 200)

    def test_many_connections(self):
        clients = [self.gw.connect() for _ in range(300)]
        for client in clients:
            client.send(GET)
        self.assertEqual(counted(c.answer().status for c in clients), [(200, 300)])
        for client in clients:
            client.close()

    def test_answers_hold_what_http_demands(self):
        for target in ("/v1/users/7", "/nothing", "/v1/users/status-5"):
            answer = self.gw.curl(target)
            names = [name for name, _ in answer.headers]
            self.assertIn("date", names)
            self.assertEqual(len(names), len(set(names)), answer)
            json.loads(answer.body)


class Hostile(Test):
    def test_none_is_accepted(self):
        server = self.users()
        gw = self.gateway(config([server.endpoint], routes=(
            "services:\n  - service: userservice.UserService\n    upstream: users\n")))
        passed, failed = hostile_h1.run("127.0.0.1", gw.port)
        self.assertEqual(failed, 0)
        self.assertGreaterEqual(passed, 300)
        self.assertEqual(gw.curl("/v1/users/7").status, 200)
        gw.stop()

    def test_no_smuggled_request_is_answered(self):
        hidden = "GET /v1/users/hidden HTTP/1.1\r\nHost: t\r\n\r\n"
        server = self.users()
        gw = self.gateway(config([server.endpoint]))
        for name, request in {
            "both lengths": "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "two lengths": "Content-Length: 0\r\nContent-Length: 5\r\n\r\n",
            "space before colon": "Content-Length : 0\r\n\r\n",
            "signed length": "Content-Length: +0\r\n\r\n",
            "coding list": "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            "tab in coding": "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
            "bare LF": "Content-Length: 0\n\r\n",
            "folded": "X: a\r\n b\r\nContent-Length: 0\r\n\r\n",
            "chunk size": "Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n",
            "chunk end": "Transfer-Encoding: chunked\r\n\r\n2\r\n{}0\r\n\r\n",
        }.items():
            with self.subTest(name=name), gw.connect() as client:
                client.send("POST /v1/users HTTP/1.1\r\nHost: t\r\n"
                            "Content-Type: application/json\r\n" + request + hidden)
                answer = client.answer()
                self.assertIn(answer.status, (400, 501))
                self.assertEqual(answer.header("connection"), "close")
                self.assertTrue(client.closed(10))
                self.assertEqual(client.rest, b"")
        self.assertEqual(server.state()["count"], 0)


class Times(Test):
    """Deadlines are absolute: a byte now and then extends nothing."""

    LIMITS = ("header_timeout: 1s\nbody_timeout: 1s\nidle_timeout: 1s")

    @classmethod
    def setUpClass(cls):
        cls.server = harness.Users()
        cls.addClassCleanup(cls.server.kill)
        cls.gw = harness.Gateway(config([cls.server.endpoint], limits=cls.LIMITS))
        cls.addClassCleanup(cls.gw.kill)

    def drip(self, client, text):
        """Sends a byte every 0.2 s until the gateway ends it, after a second; its answer."""
        begun = time.monotonic()
        for byte in text:
            try:
                client.send(byte)
            except OSError:
                break
            if client.closed(0.2):
                break
        self.check_took(begun, 1.8, 0.8)
        return client.answer() if client.rest else None

    def test_slow_head(self):
        with self.gw.connect() as client:
            answer = self.drip(client, GET)
            if answer is not None:
                self.assertEqual(answer.status, 408)

    def test_slow_body(self):
        with self.gw.connect() as client:
            client.send("POST /v1/users HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
                        "Content-Length: 100\r\n\r\n")
            answer = self.drip(client, "{" + " " * 99)
            self.check_error(answer, 408)
            self.assertEqual(answer.header("connection"), "close")
        self.assertEqual(self.gw.curl("/v1/users/7").status, 200)

    def test_idle(self):
        with self.gw.connect() as client:
            self.assertEqual(client.get("/v1/users/7").status, 200)
            begun = time.monotonic()
            self.assertTrue(client.closed(10))
            self.check_took(begun, 2, 0.7)
            self.assertEqual(client.rest, b"")

    def test_silent_from_the_start(self):
        with self.gw.connect() as client:
            begun = time.monotonic()
            self.assertTrue(client.closed(10))
            self.check_took(begun, 2, 0.7)

    def test_idle_time_begins_anew_with_each_request(self):
        gw = self.gateway(config([self.server.endpoint], limits="idle_timeout: 3s"))
        with gw.connect() as client:
            for _ in range(5):
                self.assertEqual(client.get("/v1/users/7").status, 200)
                time.sleep(0.8)

    def test_a_slow_service_is_not_an_idle_client(self):
        self.assertEqual(self.gw.curl("/v1/users/sleep-1500").status, 200)

    def test_hundreds_of_slow_clients_leave_the_others_alone(self):
        slow = [self.gw.connect() for _ in range(300)]
        for client in slow:
            client.send("GET /v1/us")
        begun = time.monotonic()
        while time.monotonic() - begun < 1.2:
            asked = time.monotonic()
            self.assertEqual(self.gw.curl("/v1/users/7").status, 200)
            self.check_took(asked, 1)
        self.assertTrue(all(client.closed(5) for client in slow))
        for client in slow:
            client.close()


class Lots(Test):
    def test_connection_limit_keeps_new_clients_served(self):
        server = self.users()
        gw = self.gateway(config([server.endpoint], limits="connections: 32"))
        mute = []
        for _ in range(31):
            mute.append(gw.connect())
            mute[-1].get("/v1/users/7")
        begun = time.monotonic()
        for _ in range(10):
            with gw.connect() as client:
                self.assertEqual(client.get("/v1/users/7").status, 200)
        self.check_took(begun, 1)
        for client in mute:
            client.close()

    def test_requests_per_connection(self):
        server = self.users()
        gw = self.gateway(config([server.endpoint], limits="requests_per_connection: 3"))
        with gw.connect() as client:
            closing = [client.get("/v1/users/7").header("connection") for _ in range(3)]
            self.assertEqual(closing, [None, None, "close"])
            self.assertTrue(client.closed(5))

    def test_stalled_reader_is_cut(self):
        server = self.users()
        gw = self.gateway(config([server.endpoint], limits="stall_timeout: 1s"))
        client = Client(gw.port, receive_buffer=4096)
        client.send(f"GET /v1/users?page_size={BULK + 5000} HTTP/1.1\r\nHost: t\r\n\r\n")
        harness.wait_for(lambda: server.state()["cancelled"] == 1, 5, "the call is cancelled")
        client.close()


class Swallowing(Test):
    def test_who_sends_all_of_it_first_learns_why_it_was_refused(self):
        """As many HTTP libraries do; more than the sockets' own buffers hold."""
        gw = self.gateway(config([self.users().endpoint], limits="body: 1KiB"))
        client = gw.connect()
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        client.send(f"POST /v1/users HTTP/1.1\r\nHost: t\r\nContent-Length: {3 << 20}\r\n\r\n")
        client.socket.sendall(b"x" * (3 << 20))
        self.assertEqual(client.answer().status, 413)
        client.close()

    def test_what_follows_a_413_is_not_read_for_long(self):
        """The answer must reach a client that still sends; what it sends is read up to a bound only."""
        server = self.users()
        gw = self.gateway(config([server.endpoint], limits="body: 1KiB"))
        client = gw.connect()
        client.send("POST /v1/users HTTP/1.1\r\nHost: t\r\nContent-Length: 99999999999\r\n\r\n")
        self.assertEqual(client.answer().status, 413)
        client.socket.settimeout(0.5)
        sent = 0
        try:
            while sent < 64 << 20:
                sent += client.socket.send(b"x" * 65536)
        except OSError:
            pass
        self.assertLess(sent, 32 << 20)  # what the sockets' own buffers hold
        client.close()


if __name__ == "__main__":
    harness.main()
