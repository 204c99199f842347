"""Streams of requests: JSON arrays and NDJSON as gRPC messages; both directions at once; back-pressure;
early ends; malformed values."""
import hashlib
import json
import socket
import struct
import tempfile
import threading
import time

import harness
from harness import ROUTES, Closed, Shared, Test, config, heavy, wait_for

STREAM_ROUTES = ROUTES + """
  - match: POST /v1/updates
    rpc: userservice.UserService/StreamUpdates
    upstream: users
    body: "*"
    stream: ndjson
  - name: chat-ndjson
    match: POST /chat/{room}
    rpc: streamtest.StreamService/Chat
    upstream: users
    body: "*"
    stream: ndjson
    headers: {request: [x-test]}
  - name: author
    match: POST /append/{room}
    rpc: streamtest.StreamService/Append
    upstream: users
    body: item
    headers: {bind: {x-author: author}}
  - name: form
    match: POST /list/{room}
    rpc: streamtest.StreamService/Collect
    upstream: users
    body: text
services:
  - service: streamtest.StreamService
    upstream: users
    auto: true
"""


def stream_config(endpoints, **options):
    return config(endpoints, routes=STREAM_ROUTES, names=["userservice", "stream_test"], **options)


def items(count, text="x"):
    return [{"text": text, "number": str(i)} for i in range(count)]


def lines(values):
    return "".join(json.dumps(v) + "\n" for v in values)


def digest(texts):
    return hashlib.sha256("".join(texts).encode()).hexdigest()


def chunk(data):
    data = data.encode() if isinstance(data, str) else data
    return b"%x\r\n" % len(data) + data + b"\r\n"


def head(target, headers="Transfer-Encoding: chunked\r\n", method="POST"):
    return f"{method} {target} HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n{headers}\r\n"


class StreamShared(Shared):
    @classmethod
    def setUpClass(cls):
        cls.server = harness.Users(*cls.SERVER, language=cls.LANGUAGE)
        cls.addClassCleanup(cls.server.kill)
        cls.gw = harness.Gateway(stream_config([cls.server.endpoint], **cls.OPTIONS))
        cls.addClassCleanup(cls.gw.kill)

    def post(self, target, body, *more, kind="application/json"):
        with tempfile.NamedTemporaryFile("w") as file:  # a command line is short
            file.write(body)
            file.flush()
            return self.gw.curl(target, "-H", "Content-Type: " + kind, "--data-binary",
                                "@" + file.name, *more)

    def seen(self, count):
        """Waits until the service took so many messages of the last call."""
        wait_for(lambda: [c for c in self.server.state()["calls"][-1:] if c.get("received") == count],
                 2, f"the service has {count} messages")

    def check_count(self, answer, count, texts=None):
        self.assertEqual(answer.status, 200, answer)
        summary = answer.json()
        self.assertEqual(summary.get("count", "0"), str(count), summary)
        if texts is not None:
            self.assertEqual(summary["digest"], digest(texts))
        return summary


class Collect(StreamShared):
    """One answer to many requests."""

    def test_sent_bytes_are_those_of_the_messages(self):
        name = "grpc_client_attempt_sent_total_compressed_message_size_bytes_"

        def sent():
            found = self.gw.metrics()
            return [harness.metric_sum(found, name + part, grpc_status="OK",
                                       grpc_method="streamtest.StreamService/Collect")
                    for part in ("count", "sum")]
        before = sent()
        self.check_count(self.post("/v1/collect/7", lines(items(3000, "x" * 100))), 3000)
        more = [b - a for a, b in zip(before, sent())]
        self.assertEqual(more[0], 1)
        # at least text with tag and length, at most number and room too; no prefix of 5 bytes
        self.assertGreaterEqual(more[1], 3000 * 102)
        self.assertLess(more[1], 3000 * (102 + 3) + 100)

    def test_array_lines_and_joined_values(self):
        values = items(5, "ä{[\"")
        for body in (json.dumps(values), lines(values), json.dumps(values, indent=2) + "\n",
                     "".join(json.dumps(v) for v in values), "\r\n\r\n" + lines(values)):
            with self.subTest(body=body):
                summary = self.check_count(self.post("/v1/collect/7", body), 5, ['ä{["'] * 5)
                self.assertTrue(summary["ordered"])
                self.assertEqual(summary["sum"], "10")

    def test_content_types(self):
        for kind in ("application/json", "application/x-ndjson", "application/jsonl",
                     "application/x-www-form-urlencoded", "application/vnd.x+json",
                     "application/x-ndjson; charset=utf-8"):
            with self.subTest(kind=kind):
                self.check_count(self.post("/v1/collect/7", lines(items(3)), kind=kind), 3)
        answer = self.post("/v1/collect/7", lines(items(3)), kind="text/csv")
        self.check_error(answer, 415, 3)
        self.check_error(self.post("/v1/users", "{}", kind="application/x-ndjson"), 415, 3)

    def test_bindings_go_into_the_first_message_only(self):
        self.post("/v1/collect/blue", lines([{"room": "lost", "text": "a"}, {"room": "kept"}, {}]))
        self.assertEqual(self.server.last()["requests"],
                         [{"room": "blue", "text": "a"}, {"room": "kept"}, {}])
        self.post("/append/red?author=query", '[{"text":"a"},{"text":"b"},{}]')
        self.assertEqual(self.server.last()["requests"],
                         [{"room": "red", "item": {"text": "a"}, "author": "query"},
                          {"item": {"text": "b"}}, {"item": {}}])
        self.post("/append/red", '[{"text":"a"},null]', "-H", "X-Author: header")
        self.assertEqual(self.server.last()["requests"],
                         [{"room": "red", "item": {"text": "a"}, "author": "header"}, {}])

    def test_a_body_field_may_be_a_scalar(self):
        self.post("/list/r", '"a" "b"\n"c"')
        self.assertEqual(self.server.last()["requests"],
                         [{"room": "r", "text": "a"}, {"text": "b"}, {"text": "c"}])

    def test_no_values_no_messages(self):
        for body in ("", "[]", " [ ]\n", "\n\n", " "):
            with self.subTest(body=body):
                answer = self.post("/v1/collect/7", body)
                self.check_count(answer, 0)
                self.assertEqual(self.server.last()["requests"], [])
        with self.gw.connect() as client:
            client.send("POST /v1/collect/7 HTTP/1.1\r\nHost: t\r\n\r\n")
            self.check_count(client.answer(), 0)
            client.send(head("/v1/collect/7") + "0\r\n\r\n")
            self.check_count(client.answer(), 0)

    def test_without_a_body_rule_one_message_is_sent(self):
        answer = self.gw.curl("/v1/watch/green?text=hi&number=3")
        self.assertEqual(answer.json(), [{"room": "green", "text": "hi", "number": "3"}])
        self.assertEqual(self.server.last()["received"], 1)

    def test_auto_route(self):
        answer = self.post("/streamtest.StreamService/Collect", lines(items(3)))
        self.check_count(answer, 3)

    def test_ten_thousand_in_order(self):
        texts = [f"text {i}" for i in range(10_000)]
        values = [{"text": t, "number": i} for i, t in enumerate(texts)]
        for body in (lines(values), json.dumps(values)):
            summary = self.check_count(self.post("/v1/collect/7", body), 10_000, texts)
            self.assertTrue(summary["ordered"])

    def test_cut_anywhere(self):
        body = json.dumps(items(3, "\\ä\"")).encode()
        with self.gw.connect() as client:
            client.send(head("/v1/collect/7"))
            for i in range(len(body)):
                client.send(chunk(body[i:i + 1]))
            client.send("0\r\n\r\n")
            self.check_count(client.answer(), 3, ['\\ä"'] * 3)
            client.send(head("/v1/collect/7", f"Content-Length: {len(body)}\r\n"))
            for i in range(0, len(body), 7):
                client.send(body[i:i + 7])
                time.sleep(0.001)
            self.check_count(client.answer(), 3, ['\\ä"'] * 3)

    def test_a_slow_client_gets_its_messages_through_one_by_one(self):
        with self.gw.connect() as client:
            client.send(head("/v1/collect/7"))
            for i, value in enumerate(items(4)):
                client.send(chunk(lines([value])))
                self.seen(i + 1)  # before the next one is sent
            client.send("0\r\n\r\n")
            self.check_count(client.answer(), 4)
            self.assertEqual(client.get("/v1/users/7").status, 200)

    def test_expect_continue(self):
        body = lines(items(3))
        for framing in (f"Content-Length: {len(body)}\r\n", "Transfer-Encoding: chunked\r\n"):
            with self.gw.connect() as client:
                client.send(head("/v1/collect/7", framing + "Expect: 100-continue\r\n"))
                self.assertEqual(client.head()[1], 100)
                client.send(body if "Length" in framing else chunk(body) + b"0\r\n\r\n")
                self.check_count(client.answer(), 3)

    def test_pipelined_requests_wait_for_both_ends(self):
        with self.gw.connect() as client:
            one = head("/v1/collect/7").encode() + chunk(lines(items(2))) + b"0\r\n\r\n"
            client.send(one * 20 + b"GET /v1/users/7 HTTP/1.1\r\nHost: t\r\n\r\n")
            for _ in range(20):
                self.check_count(client.answer(), 2)
            self.assertEqual(client.answer().status, 200)

    def test_more_than_the_limit_of_a_body(self):
        text = "y" * 50_000
        with self.gw.connect() as client:
            client.send(head("/v1/collect/7"))
            for value in items(200, text):
                client.send(chunk(lines([value])))
            client.send("0\r\n\r\n")
            self.check_count(client.answer(), 200, [text] * 200)

    def test_access_line_counts_messages(self):
        self.post("/v1/collect/7?marked", lines(items(9)))

        def found():
            return [line for line in self.gw.log() if line.get("path", "").endswith("collect/7")
                    and line.get("messages_in") == 9]
        line = wait_for(found, 2, "the access line")[-1]
        self.assertEqual((line["status"], "messages_out" in line), (200, False))
        self.assertEqual(line["bytes_in"], len(lines(items(9))))


class Wrong(StreamShared):
    """Malformed values, limits, services that end early."""

    def test_place_of_a_malformed_value(self):
        rows = [('[{"text":"a"},\n {"text":"b"},\n {"number":"x"}]', 3, 12, "[2].number"),
                ('{"text":"a"}\n{"text":7}\n', 2, 9, "[1].text"),
                ('{"text":"a"}\r\n\r\n  {"text":"b",}', 3, 15, "[1]"),
                ('[{"text":"a"}', 1, 14, None), ('{"text":"a"},{}', 1, 13, None),
                ('[{}] {}', 1, 6, None), ('{}\n{"text":"b\n', 2, 11, "[1]"),
                ('{}{}{"text', 1, 11, "[2]"), ("[1]", 1, 2, "[0]"), ("{}\nnull", 2, 1, "[1]")]
        for body, line, column, field in rows:
            with self.subTest(body=body):
                answer = self.post("/v1/collect/7", body)
                error = self.check_error(answer, 400, 3, f"line {line}, column {column}")
                if field:
                    self.assertTrue(error["message"].startswith(field + ":"), error)
        wait_for(lambda: self.server.state()["running"] == 0, 2, "no call is left")

    def test_nothing_of_a_malformed_value_reaches_the_service(self):
        with self.gw.connect() as client:
            client.send(head("/v1/collect/7").encode() + chunk(lines(items(3))))
            self.seen(3)
            client.send(chunk('{"text":"bad","number":"1x"}\n' + lines(items(3))))
            answer = client.answer()
            self.check_error(answer, 400, 3, "[3].number: ")
            self.assertIn("line 4, column 24", answer.json()["message"])
            self.assertEqual(answer.json()["details"][0]["fieldViolations"][0]["field"],
                             "[3].number")
            self.assertEqual(answer.header("connection"), "close")
            self.assertTrue(client.closed(10))
        wait_for(lambda: self.server.last()["state"] == "cancelled", 2, "the service sees a cancel")
        self.assertEqual(self.server.last()["received"], 3)

    def test_malformed_within_a_begun_answer(self):
        for target, kind in (("/chat/7", "ndjson"), ("/v1/chat/7", "array")):
            with self.subTest(kind=kind), self.gw.connect() as client:
                client.send(head(target).encode() + chunk(lines(items(2))))
                _, status, _ = client.head()
                self.assertEqual(status, 200)
                client.read_until(b'"1"')
                client.send(chunk('{"nam'))
                client.send(chunk('e\n:1}'))
                if kind == "array":
                    with self.assertRaises(Closed):
                        client.read_until(b"\r\n0\r\n")
                    continue
                rest = client.read_until(b"\r\n0\r\n\r\n")
                record = json.loads(rest[rest.index(b'{"error"'):].splitlines()[0])["error"]
                self.assertEqual(record["code"], 3)
                self.assertIn("[2]: ", record["message"])
                self.assertIn("line 3, column 7", record["message"])
        wait_for(lambda: self.server.state()["running"] == 0, 2, "no call is left")

    def test_bad_bindings(self):
        self.check_error(self.post("/v1/append/7?author=%ff", '[{}]'), 400, 3, "author")
        self.check_error(self.post("/v1/append/%zz", '[{}]'), 400, 3)

    def test_depth(self):
        deep = '{"a":' * 101 + "1" + "}" * 101
        self.check_error(self.post("/v1/collect/7", "{}\n" + deep), 400, 3, "100 levels")
        self.check_count(self.post("/v1/collect/7", "{}\n" + deep.replace('{"a":', "", 1)[:-1]), 2)
        with self.gw.connect() as client:
            client.send(head("/v1/collect/7").encode() + chunk("[" * 60_000))
            self.check_error(client.answer(), 400, 3, "levels")

    def test_message_over_its_limit(self):
        big = "z" * 5_000_000
        for body in (lines([{"text": "a"}, {"text": big}]), json.dumps([{}, {"text": big}])):
            with self.gw.connect() as client:
                client.send(head("/v1/collect/7"))
                sender = threading.Thread(target=self.try_send, args=(client, chunk(body)))
                sender.start()
                self.check_error(client.answer(), 413, 8, "[1]: the message is over the limit of "
                                                          "4194304 bytes (message)")
                sender.join()

    @staticmethod
    def try_send(client, data):
        try:
            client.send(data)
        except OSError:
            pass

    def test_early_answer(self):
        for word, status in (("stop", 200), ("fail", 400)):
            with self.subTest(word=word), self.gw.connect() as client:
                client.send(head("/v1/collect/7").encode() + chunk(lines([{"text": word}])))
                answer = client.answer()  # the request is not over
                self.assertEqual(answer.status, status, answer)
                self.assertEqual(answer.header("connection"), "close")
                self.try_send(client, chunk(lines(items(1000))))
                self.assertTrue(client.closed(10))
        wait_for(lambda: self.server.state()["running"] == 0, 2, "no call is left")

    def test_early_end_while_a_client_sends_a_lot(self):
        """Its answer is not lost to a reset."""
        with self.gw.connect() as client:
            client.send(head("/v1/collect/7").encode() + chunk(lines([{"text": "fail"}])))
            self.try_send(client, chunk(lines(items(20_000))))
            self.check_error(client.answer(), 400, 9, "told to fail")

    def test_client_that_leaves_cancels(self):
        for target, sent in (("/v1/collect/7", items(2)), ("/chat/7", items(2)),
                             ("/v1/collect/7", [{"text": "stall"}])):
            with self.subTest(target=target):
                self.server.clear()
                client = self.gw.connect()
                client.send(head(target).encode() + chunk(lines(sent)))
                self.seen(len(sent))
                client.close()
                wait_for(lambda: self.server.state()["cancelled"] == 1, 2,
                         "the service sees a cancel")

    def test_no_service(self):
        gone = self.gateway(stream_config(["grpc://127.0.0.1:" + str(harness.free_port())],
                                          upstream="connect_timeout: 100ms"), ready=False)
        with gone.connect() as client:
            client.send(head("/v1/collect/7"))
            answer = client.answer()
            self.check_error(answer, 503, 14)
            self.assertEqual(answer.header("connection"), "close")


class Both(StreamShared):
    """Requests and answers at once."""

    def exchange(self, client, value):
        """One message there and back while both streams are open."""
        client.send(chunk(lines([value])))
        return json.loads(client.read_until(b"\n\r\n").split(b"\r\n")[-1])

    def test_answers_while_the_request_runs(self):
        with self.gw.connect() as client:
            client.send(head("/v1/updates"))
            client.send(chunk('{"userId":"first"}\n'))
            _, status, headers = client.head()
            self.assertEqual(status, 200)
            self.assertNotIn(("connection", "close"), headers)
            self.assertEqual(client.read_until(b"\n\r\n").split(b"\r\n")[-1],
                             b'{"success":true,"message":"first"}')
            for i in range(50):
                self.assertEqual(self.exchange(client, {"userId": str(i)}),
                                 {"success": True, "message": str(i)})
            client.send("0\r\n\r\n")
            self.assertEqual(client.read_until(b"0\r\n\r\n"), b"")
            self.assertEqual(client.get("/v1/users/7").status, 200)  # the connection lives on

    def test_the_service_may_speak_first(self):
        with self.gw.connect() as client:
            client.send(head("/chat/7", "Transfer-Encoding: chunked\r\nX-Test: greet\r\n"))
            self.assertEqual(client.head()[1], 200)
            self.assertIn(b"hello", client.read_until(b"\n\r\n"))
            self.assertEqual(self.exchange(client, {"text": "a"}), {"room": "7", "text": "a"})
            self.assertEqual(self.exchange(client, {"text": "b"}), {"text": "b"})
            client.send("0\r\n\r\n")
            client.read_until(b"0\r\n\r\n")

    def test_whole_request_then_whole_answer(self):
        values = items(500)
        answer = self.post("/v1/chat/7", lines(values))
        self.assertEqual(answer.status, 200)
        found = answer.json()
        found[0].pop("room")
        self.assertEqual(found, [{k: v for k, v in i.items() if v != "0"} for i in values])
        self.assertEqual(self.post("/v1/chat/7", "[]").json(), [])

    def test_the_service_ends_first(self):
        for word in ("stop", "fail"):
            with self.subTest(word=word), self.gw.connect() as client:
                client.send(head("/chat/7").encode() + chunk(lines([{"text": word}])))
                self.assertEqual(client.head()[1], 200)
                body = b"".join(client.chunks())
                self.assertEqual(len(body.splitlines()), 1 if word == "stop" else 2)
                if word == "fail":
                    self.assertEqual(json.loads(body.splitlines()[1])["error"]["code"], 9)
                # A request that ends soon behind it keeps its connection.
                client.send(chunk(lines(items(5))) + b"0\r\n\r\n")
                self.assertEqual(client.get("/v1/users/7").status, 200)

    def test_the_service_ends_first_and_the_client_goes_on(self):
        for way in ("more", "nothing"):
            with self.subTest(way=way), self.gw.connect() as client:
                client.send(head("/chat/7").encode() + chunk(lines([{"text": "stop"}])))
                client.head()
                b"".join(client.chunks())
                if way == "more":
                    Wrong.try_send(client, chunk(lines(items(5000))))
                self.assertTrue(client.closed(15))

    def test_http10(self):
        body = lines(items(3))
        with self.gw.connect() as client:
            client.send(f"POST /chat/7 HTTP/1.0\r\nContent-Type: application/json\r\n"
                        f"Content-Length: {len(body)}\r\n\r\n" + body)
            answer = client.answer()
            self.assertEqual((answer.status, len(answer.body.splitlines())), (200, 3))

    def test_sse(self):
        answer = self.post("/v1/chat/7", lines(items(2)), "-H", "Accept: text/event-stream")
        self.assertEqual(answer.body.count(b"data: "), 2)


class Two(Both):
    """The same on two workers."""

    OPTIONS = {"workers": 2}


class Node(StreamShared):
    LANGUAGE = "node"

    def test_updates(self):
        values = [{"userId": str(i)} for i in range(10_000)]
        answer = self.post("/v1/updates", lines(values))
        self.assertEqual(answer.status, 200)
        found = [json.loads(line)["message"] for line in answer.body.splitlines()]
        self.assertEqual(found, [v["userId"] for v in values])

    def test_collect(self):
        texts = [f"text {i}" for i in range(10_000)]
        body = json.dumps([{"text": t, "number": i} for i, t in enumerate(texts)])
        summary = self.check_count(self.post("/v1/collect/7", body), 10_000, texts)
        self.assertTrue(summary["ordered"])

    def test_early_status(self):
        with self.gw.connect() as client:
            client.send(head("/v1/collect/7").encode() + chunk(lines([{"text": "fail"}])))
            self.check_error(client.answer(), 400, 9, "told to fail")

    def test_leaving(self):
        client = self.gw.connect()
        client.send(head("/v1/collect/7").encode() + chunk(lines(items(2))))
        wait_for(lambda: self.server.state()["running"] == 1, 2, "the service was called")
        client.close()
        wait_for(lambda: self.server.state()["cancelled"] == 1, 2, "the service sees a cancel")


class Uploads(StreamShared):
    """google.api.HttpBody: pieces of any bytes."""

    def put(self, name, body, kind="image/png"):
        return self.gw.curl("/v1/uploads/" + name, "-X", "PUT", "-H", "Content-Type: " + kind,
                            "--data-binary", body)

    def test_pieces(self):
        data = bytes(range(256)) * 2000
        with self.gw.connect() as client:
            client.send(f"PUT /v1/uploads/a.png HTTP/1.1\r\nHost: t\r\nContent-Type: image/png\r\n"
                        f"Content-Length: {len(data)}\r\n\r\n".encode() + data)
            answer = client.answer()
        self.assertEqual(answer.status, 200, answer)
        summary = answer.json()
        self.assertEqual((summary["bytes"], summary["digest"], summary["name"]),
                         (str(len(data)), hashlib.sha256(data).hexdigest(), "a.png:image/png"))
        first, second = self.server.last()["requests"][:2]
        self.assertEqual((first["name"], first["file"]["contentType"]), ("a.png", "image/png"))
        self.assertEqual(set(second), {"file"})
        self.assertEqual(set(second["file"]), {"data"})

    def test_json_is_not_looked_into(self):
        self.assertEqual(self.put("x", "[{", "application/json").json()["bytes"], "2")

    def test_an_empty_file_is_one_message(self):
        self.assertEqual(self.put("empty", "").status, 200)
        self.assertEqual([r["name"] for r in self.server.last()["requests"]], ["empty"])


class Time(Test):
    def gate(self, **options):
        self.server = self.users()
        routes = options.pop("routes", STREAM_ROUTES)
        return self.gateway(config([self.server.endpoint], routes=routes,
                                   names=["userservice", "stream_test"], **options))

    def test_the_bodys_deadline_and_rate_are_not_for_streams(self):
        gw = self.gate(limits="body_timeout: 600ms\nbody: 100B")
        with gw.connect() as client:
            client.send(head("/v1/collect/7"))
            for value in items(8):
                client.send(chunk(lines([value])))
                time.sleep(0.2)
            client.send("0\r\n\r\n")
            self.assertEqual(client.answer().json()["count"], "8")
        with gw.connect() as client:  # as it is for others
            client.send(head("/v1/users").encode() + chunk("{"))
            self.check_error(client.answer(), 408, 4)
        self.assertIsNone(self.server.state()["calls"][0]["timeout"])

    def test_idle_timeout(self):
        gw = self.gate(routes=STREAM_ROUTES.replace("    headers: {bind",
                                                    "    idle_timeout: 300ms\n    headers: {bind"))
        for sent in ("", lines(items(1)), '{"text":"'):
            with self.subTest(sent=sent), gw.connect() as client:
                client.send(head("/append/7").encode() + (chunk(sent) if sent else b""))
                self.check_error(client.answer(), 408, 4, "the client sent no message")
        with gw.connect() as client:  # it is the service that does not go on
            client.send(head("/append/7").encode() + chunk(lines([{"text": "stall"}])) + b"0\r\n\r\n")
            self.check_error(client.answer(), 504, 4, "idle")
        wait_for(lambda: self.server.state()["running"] == 0, 2, "no call is left")

    def test_timeout_option(self):
        gw = self.gate(routes=STREAM_ROUTES.replace("    headers: {bind",
                                                    "    timeout: 300ms\n    headers: {bind"))
        with gw.connect() as client:
            client.send(head("/append/7"))
            self.check_error(client.answer(), 504, 4)

    def test_a_stop_ends_streams(self):
        gw = self.gate(extra="drain_timeout: 500ms")
        with gw.connect() as client:
            client.send(head("/v1/collect/7").encode() + chunk(lines(items(1))))
            wait_for(lambda: self.server.state()["running"] == 1, 2, "the service was called")
            gw.signal(harness.signal.SIGTERM)
            self.check_error(client.answer(), 503, 14)
        gw.stop()


class Scratch(Test):
    """Messages that take memory beside themselves to convert: it must not add up."""

    def test_a_long_stream_both_ways(self):
        server = self.users()
        gw = self.gateway(config([server.endpoint], names=["codec_test"], routes="""
routes:
  - match: POST /echo
    rpc: codectest.EchoService/EchoStream
    upstream: users
    body: "*"
    stream: ndjson
    limits: {body: 16KiB, message: 16KiB}
"""))
        value = {"mapString": {f"key {i}": "\\" for i in range(100)},
                 "any": {"name": "a", "@type": "type.googleapis.com/codectest.Nested"}}
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(lines([value] * 2000))
            file.flush()
            answer = gw.curl("/echo", "-H", "Content-Type: application/json", "--data-binary",
                             "@" + file.name)
        self.assertEqual(answer.status, 200, answer)
        found = answer.body.splitlines()
        self.assertEqual((len(found), set(found)), (2000, {found[0]}), found[-1])
        self.assertEqual(json.loads(found[0])["mapString"], value["mapString"])


class BackPressure(Test):
    def setUp(self):
        self.server = self.users()
        self.gw = self.gateway(stream_config([self.server.endpoint]))
        for _ in range(20):
            self.gw.curl("/v1/users/big-100000")
            self.gw.curl("/v1/collect/7", "-d", json.dumps(items(500)))

    def offer(self, client, data, seconds):
        """How much of it is taken before nothing is for so long."""
        sent = 0
        client.socket.settimeout(seconds)
        try:
            while True:
                sent += client.socket.send(data)
        except socket.timeout:
            return sent

    def test_a_service_that_does_not_read_stops_the_client(self):
        idle = self.gw.rss()
        with self.gw.connect() as client:
            client.send(head("/v1/collect/7").encode() + chunk(lines([{"text": "stall"}])))
            wait_for(lambda: self.server.last().get("received") == 1, 2, "the service reads one")
            sent = self.offer(client, chunk(lines(items(1, "w" * 100_000))) * 10, 1)
            self.assertLess(sent, 64 * 2**20)  # the kernel's buffers, the service's window
            self.assertLess(self.gw.rss() - idle, 8 * 2**20)
            self.assertEqual(self.gw.curl("/v1/users/7").status, 200)
            # An ordinary end would wait behind the bytes that nobody takes.
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        wait_for(lambda: self.server.state()["cancelled"] == 1, 3, "the service sees a cancel")

    def test_a_client_that_does_not_read_stops_itself(self):
        """Its answers go nowhere: the service stops, then its requests are no longer read."""
        idle = self.gw.rss()
        with self.gw.connect(receive_buffer=65536) as client:
            client.send(head("/chat/7"))
            sent = self.offer(client, chunk(lines(items(1, "v" * 100_000))) * 10, 1)
            self.assertLess(sent, 128 * 2**20)
            self.assertLess(self.gw.rss() - idle, 8 * 2**20)

    @heavy
    def test_a_hundred_megabytes_grow_no_memory(self):
        idle = highest = self.gw.rss()
        text = "u" * 65_000
        piece = chunk(lines([{"text": text}]))
        count = 100 * 2**20 // len(piece) + 1
        with self.gw.connect(timeout=60) as client:
            client.send(head("/v1/collect/7"))
            for i in range(count):
                client.send(piece)
                if i % 50 == 0:
                    highest = max(highest, self.gw.rss())
            client.send("0\r\n\r\n")
            summary = client.answer().json()
        self.assertEqual((summary["count"], summary["bytes"]), (str(count), str(count * len(text))))
        self.assertLess(highest - idle, 8 * 2**20, "resident memory above idle")

    @heavy
    def test_a_long_stream_of_small_messages(self):
        idle = self.gw.rss()
        count = 200_000
        body = lines({"text": f"\\{i}", "number": i} for i in range(1000)).encode()
        with self.gw.connect(timeout=60) as client:
            client.send(head("/v1/collect/7"))
            for _ in range(count // 1000):
                client.send(chunk(body))
            client.send("0\r\n\r\n")
            self.assertEqual(client.answer().json()["count"], str(count))
        self.assertLess(self.gw.rss() - idle, 8 * 2**20)

    def test_many_streams_at_once(self):
        clients = [self.gw.connect() for _ in range(32)]
        for i, client in enumerate(clients):
            client.send(head(f"/v1/collect/{i}").encode() + chunk(lines(items(20))))
        for client in clients:
            client.send(chunk(lines(items(20))) + b"0\r\n\r\n")
        for i, client in enumerate(clients):
            summary = client.answer().json()
            self.assertEqual((summary["count"], summary["name"]), ("40", str(i)))
            client.close()


if __name__ == "__main__":
    harness.main()
