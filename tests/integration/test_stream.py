"""Server streams: as JSON array, NDJSON and SSE; errors within; back-pressure."""
import json
import time

import harness
from harness import ROUTES, Closed, Shared, Test, TooSlow, config, heavy, wait_for
from users_server import BULK, BULK_NAME

MB = 1_000_000


def user(i):
    found = {"userId": str(i), "name": f"User {i}", "email": f"{i}@example.com",
             "createdAt": str(i)}
    if i == 0:
        del found["createdAt"]
    return found


THREE = [user(i) for i in range(3)]


def events(body):
    """[(event, data)] of an SSE body."""
    found = []
    for block in body.decode().split("\n\n"):
        if block:
            lines = dict(line.split(": ", 1) for line in block.split("\n"))
            found.append((lines.get("event", "message"), json.loads(lines["data"])))
    return found


class Formats(Shared):
    def test_array_is_the_default(self):
        answer = self.gw.curl("/v1/users")
        self.assertEqual((answer.status, answer.header("content-type")), (200, "application/json"))
        self.assertEqual(answer.json(), THREE)

    def test_ndjson_by_accept(self):
        answer = self.gw.curl("/v1/users", "-H", "Accept: application/x-ndjson")
        self.assertEqual((answer.status, answer.header("content-type")),
                         (200, "application/x-ndjson"))
        self.assertTrue(answer.body.endswith(b"\n"))
        self.assertEqual([json.loads(line) for line in answer.body.splitlines()], THREE)

    def test_sse_by_accept(self):
        answer = self.gw.curl("/v1/users", "-H", "Accept: text/event-stream")
        self.assertEqual((answer.status, answer.header("content-type")),
                         (200, "text/event-stream"))
        self.assertEqual(events(answer.body), [("message", u) for u in THREE])

    def test_accept_with_several_types_and_weights(self):
        for accept, kind in (("text/html, application/x-ndjson;q=0.9", "application/x-ndjson"),
                             ("application/x-ndjson;q=0", "application/json"),
                             ("application/json;q=0.9, application/x-ndjson;q=1",
                              "application/x-ndjson"),
                             ("*/*", "application/json"), ("TEXT/EVENT-STREAM", "text/event-stream"),
                             ("application/json", "application/json")):
            with self.subTest(accept=accept):
                answer = self.gw.curl("/v1/users", "-H", "Accept: " + accept)
                self.assertEqual(answer.header("content-type"), kind)

    def test_empty_streams(self):
        for accept, body in (("*/*", b"[]"), ("application/x-ndjson", b""),
                             ("text/event-stream", b"")):
            with self.subTest(accept=accept):
                answer = self.gw.curl("/v1/users?page_size=-6", "-H", "Accept: " + accept)
                self.assertEqual((answer.status, answer.body), (200, body))

    def test_query_reaches_the_service(self):
        self.assertEqual(len(self.gw.curl("/v1/users?pageSize=17").json()), 17)

    def test_messages_come_one_by_one(self):
        with self.gw.connect() as client:
            client.send("GET /v1/users?page_size=-4 HTTP/1.1\r\nHost: t\r\n"
                        "Accept: application/x-ndjson\r\n\r\n")
            begun = time.monotonic()
            _, status, _ = client.head()
            self.assertEqual(status, 200)
            lines = []
            for chunk in client.chunks():
                if not lines:
                    self.check_took(begun, 0.2)
                lines.append(chunk)
            self.check_took(begun, 5, 0.7)
            self.assertEqual(len(b"".join(lines).splitlines()), 5)
            if len(lines) < 5:  # two came before one was sent on
                raise TooSlow(f"{len(lines)} chunks of 5 messages")
            self.assertEqual(len(lines), 5)
            self.assertEqual(client.get("/v1/users/7").status, 200)  # the connection lives on

    def test_http10_client_gets_the_stream_until_close(self):
        answer = self.gw.curl("/v1/users", "--http1.0")
        self.assertEqual((answer.status, answer.header("transfer-encoding")), (200, None))
        self.assertEqual(answer.json(), THREE)

    def test_error_before_the_first_message(self):
        answer = self.gw.curl("/v1/users?page_size=-1", "-H", "Accept: application/x-ndjson")
        body = self.check_error(answer, 403, 7, "not for you")
        self.assertEqual(body["details"][0]["reason"], "TOLD_TO")

    def test_error_within_ndjson(self):
        answer = self.gw.curl("/v1/users?page_size=-2", "-H", "Accept: application/x-ndjson")
        lines = [json.loads(line) for line in answer.body.splitlines()]
        self.assertEqual(lines[:2], THREE[:2])
        self.assertEqual(list(lines[2]), ["error"])
        self.assertEqual((lines[2]["error"]["code"], lines[2]["error"]["message"]), (8, "enough"))
        self.assertEqual(lines[2]["error"]["details"][0]["reason"], "TOLD_TO")
        self.assertEqual(len(lines), 3)

    def test_error_within_sse(self):
        answer = self.gw.curl("/v1/users?page_size=-2", "-H", "Accept: text/event-stream")
        found = events(answer.body)
        self.assertEqual(found[:2], [("message", u) for u in THREE[:2]])
        self.assertEqual((found[2][0], found[2][1]["code"]), ("error", 8))

    def test_error_within_an_array_has_no_clean_end(self):
        with self.gw.connect() as client:
            client.send("GET /v1/users?page_size=-2 HTTP/1.1\r\nHost: t\r\n\r\n")
            _, status, _ = client.head()
            self.assertEqual(status, 200)
            with self.assertRaises(Closed):
                for _ in client.chunks():
                    pass

    def test_client_that_leaves_cancels_the_stream(self):
        client = self.gw.connect()
        client.send("GET /v1/users?page_size=-7 HTTP/1.1\r\nHost: t\r\n\r\n")
        client.read_until(b"User 1")
        client.close()
        self.check_within(lambda: self.server.state()["cancelled"] == 1, 1, "the service sees a cancel")

    def test_head_of_a_stream_cancels_or_ends_it(self):
        with self.gw.connect() as client:
            answer = client.get("/v1/users?page_size=2", method="HEAD")
            self.assertEqual((answer.status, answer.body), (200, b""))
            self.assertEqual(client.get("/v1/users/7").status, 200)


class Two(Formats):
    """The same on two workers."""

    OPTIONS = {"workers": 2}


class Node(Shared):
    LANGUAGE = "node"

    def test_formats(self):
        self.assertEqual(self.gw.curl("/v1/users").json(), THREE)
        answer = self.gw.curl("/v1/users?page_size=500", "-H", "Accept: application/x-ndjson")
        self.assertEqual([json.loads(line)["userId"] for line in answer.body.splitlines()],
                         [str(i) for i in range(500)])

    def test_error_within(self):
        answer = self.gw.curl("/v1/users?page_size=-2", "-H", "Accept: application/x-ndjson")
        lines = answer.body.splitlines()
        self.assertEqual((len(lines), json.loads(lines[-1])["error"]["code"]), (3, 8))

    def test_large_messages(self):
        check_bulk(self, self.gw, 512)


class ByOption(Test):
    def test_stream_option(self):
        server = self.users()
        routes = ROUTES.replace("  - name: list-users\n    match: GET /v1/users\n", "".join(
            f"  - match: GET /{form}\n    stream: {form}\n"
            "    rpc: userservice.UserService/ListUsers\n    upstream: users\n"
            for form in ("array", "ndjson", "sse")) +
            "  - name: list-users\n    match: GET /v1/users\n")
        gw = self.gateway(config([server.endpoint], routes=routes))
        for form, kind in (("array", "application/json"), ("ndjson", "application/x-ndjson"),
                           ("sse", "text/event-stream")):
            for accept in ("*/*", "text/event-stream", "application/x-ndjson"):
                with self.subTest(form=form, accept=accept):
                    answer = gw.curl("/" + form, "-H", "Accept: " + accept)
                    self.assertEqual((answer.status, answer.header("content-type")), (200, kind))

    def test_idle_stream_ends(self):
        server = self.users()
        gw = self.gateway(config([server.endpoint], routes=ROUTES + "    idle_timeout: 300ms\n"))
        begun = time.monotonic()
        answer = gw.curl("/v1/users?page_size=-3", "-H", "Accept: application/x-ndjson")
        self.check_took(begun, 2)
        self.assertEqual(json.loads(answer.body.splitlines()[-1])["error"]["code"], 4)
        self.check_error(gw.curl("/v1/users?page_size=-5"), 504, 4)
        self.check_within(lambda: server.state()["cancelled"] == 2, 1, "the service sees the cancels")

    def test_a_stream_has_no_deadline_of_its_own(self):
        server = self.users()
        gw = self.gateway(config([server.endpoint]))
        gw.curl("/v1/users")
        self.assertIsNone(server.last()["timeout"])

    def test_a_streams_timeout_option_ends_it(self):
        server = self.users()
        gw = self.gateway(config([server.endpoint], routes=ROUTES + "    timeout: 400ms\n"))
        answer = gw.curl("/v1/users?page_size=-7", "-H", "Accept: application/x-ndjson")
        lines = answer.body.splitlines()
        self.assertGreater(len(lines), 3)
        self.assertEqual(json.loads(lines[-1])["error"]["code"], 4)


def check_bulk(test, gateway, count):
    """Reads count messages of 64 KiB as fast as it goes: whole and in order."""
    tail = b'","name":"' + BULK_NAME + b'"'
    with gateway.connect(timeout=30) as client:
        client.send(f"GET /v1/users?page_size={BULK + count} HTTP/1.1\r\nHost: t\r\n"
                    "Accept: application/x-ndjson\r\n\r\n")
        _, status, _ = client.head()
        test.assertEqual(status, 200)
        rest, seen = [], 0
        for chunk in client.chunks():
            *lines, last = chunk.split(b"\n")
            for line in lines:
                whole = b"".join(rest) + line
                rest = []
                prefix = b'{"userId":"%d' % seen + tail
                if not whole.startswith(prefix):
                    test.fail(f"message {seen} is {whole[:60]!r}... of {len(whole)} bytes")
                seen += 1
            if last:
                rest.append(last)
        test.assertEqual((seen, rest), (count, []))


class BackPressure(Test):
    """The service offers 1 GB."""

    COUNT = 16384  # of 64 KiB: 1.07 GB

    def setUp(self):
        self.server = self.users()
        self.gw = self.gateway(config([self.server.endpoint]))
        for _ in range(20):
            self.gw.curl("/v1/users/big-100000")
            self.gw.curl("/v1/users?page_size=50")

    @heavy
    def test_slow_client_grows_no_memory(self):
        idle = highest = self.gw.rss()
        with self.gw.connect(receive_buffer=65536) as client:
            client.send(f"GET /v1/users?page_size={BULK + self.COUNT} HTTP/1.1\r\nHost: t\r\n"
                        "Accept: application/x-ndjson\r\n\r\n")
            begun, taken = time.monotonic(), 0
            while taken < 10 * MB:
                due = begun + taken / MB
                time.sleep(max(0, due - time.monotonic()))
                taken += len(client.socket.recv(50_000))
                highest = max(highest, self.gw.rss())
            offered = self.server.last()["sent"] * 65536
            self.assertGreater(time.monotonic() - begun, 9)
        self.assertLess(highest - idle, 8 * 2**20, "resident memory above idle")
        # What the kernel's buffers on the way hold is not the gateway's, but it is bounded too.
        self.assertLess(offered - taken, 40 * MB, "bytes that the service could send ahead")
        self.check_within(lambda: self.server.state()["cancelled"] == 1, 1, "the service sees a cancel")
        self.gw.stop()

    @heavy
    def test_fast_client_gets_it_whole_and_in_order(self):
        idle = self.gw.rss()
        check_bulk(self, self.gw, self.COUNT)
        self.assertLess(self.gw.rss() - idle, 8 * 2**20)

    def test_a_stalled_client_does_not_hold_up_others(self):
        stalled = [self.gw.connect(receive_buffer=8192) for _ in range(8)]
        try:
            for client in stalled:
                client.send(f"GET /v1/users?page_size={BULK + 1000} HTTP/1.1\r\nHost: t\r\n\r\n")
            time.sleep(1)
            for i in range(20):
                begun = time.monotonic()
                self.assertEqual(self.gw.curl(f"/v1/users/{i}").status, 200)
                self.check_took(begun, 1)
            self.assertEqual(len(self.gw.curl("/v1/users?page_size=300").json()), 300)
        finally:
            for client in stalled:
                client.close()

    def test_sixteen_streams_at_once(self):
        clients = [self.gw.connect() for _ in range(16)]
        for client in clients:
            client.send(f"GET /v1/users?page_size={BULK + 20} HTTP/1.1\r\nHost: t\r\n\r\n")
        for client in clients:
            names = [u["name"] for u in client.answer().json()]
            self.assertEqual(names, [BULK_NAME.decode()] * 20)
            client.close()


if __name__ == "__main__":
    harness.main()
