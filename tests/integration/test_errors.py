"""Errors: the service's, the client's and the gateway's own."""
import json

import harness
from harness import Shared, Test, config

JSON = ("-H", "Content-Type: application/json")
STATUS_OF = {1: 499, 2: 500, 3: 400, 4: 504, 5: 404, 6: 409, 7: 403, 8: 429, 9: 400, 10: 409,
             11: 400, 12: 501, 13: 500, 14: 503, 15: 500, 16: 401}


class Table:
    def test_each_code_with_details(self):
        for code, status in STATUS_OF.items():
            with self.subTest(code=code):
                body = self.check_error(self.gw.curl(f"/v1/users/status-{code}"), status, code)
                self.assertEqual(body, {
                    "code": code, "message": f"told to fail with {code}",
                    "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo",
                                 "reason": "TOLD_TO", "domain": "tests",
                                 "metadata": {"code": str(code)}}]})

    def test_each_code_without_details(self):
        for code, status in STATUS_OF.items():
            with self.subTest(code=code):
                self.assertEqual(
                    self.check_error(self.gw.curl(f"/v1/users/plain-{code}"), status),
                    {"code": code, "message": f"plainly {code}", "details": []})

    def test_message_is_percent_decoded(self):
        self.check_error(self.gw.curl("/v1/users/percent"), 404, 5, 'kein Nutzer "Jörg" 100% ✓')

    def test_an_error_of_a_post(self):
        self.check_error(self.gw.curl("/v1/users", *JSON, "-d", '{"name":"status-6"}'), 409, 6)


class PythonTable(Table, Shared):
    def test_unknown_detail_does_not_destroy_the_error(self):
        body = self.check_error(self.gw.curl("/v1/users/odd-9"), 400, 9, "odd details")
        self.assertIn("nobody.Knows", json.dumps(body["details"]))
        self.assertEqual([d for d in body["details"] if d.get("reason")][0]["reason"], "KNOWN")


class NodeTable(Table, Shared):
    LANGUAGE = "node"


class Refused(Shared):
    """What the gateway refuses itself; none of it may reach the service."""

    def tearDown(self):
        self.assertEqual(self.server.state()["count"], 0, "a bad request reached the service")

    def patch(self, body, *arguments):
        return self.gw.curl("/v1/users/7", "-X", "PATCH", *JSON, *arguments,
                            "--data-binary", body)

    def test_no_route(self):
        for target in ("/", "/v1", "/v1/users/7/x", "/V1/users", "/v1//users", "/v2/users?x=1"):
            with self.subTest(target=target):
                self.check_error(self.gw.curl(target), 404, 5)

    def test_wrong_method_has_allow(self):
        answer = self.gw.curl("/v1/users/7", "-X", "PUT")
        self.check_error(answer, 405, 12)
        self.assertEqual(set(answer.header("allow").split(", ")),
                         {"GET", "HEAD", "PATCH", "DELETE", "OPTIONS"})
        self.assertEqual(set(self.gw.curl("/v1/users", "-X", "DELETE").header("allow").split(", ")),
                         {"GET", "HEAD", "POST", "OPTIONS"})

    def test_bad_value_names_field_and_type(self):
        for body, field, expected in (
                ('{"createdAt":"x"}', "createdAt", "int64"),
                ('{"createdAt":9223372036854775808}', "createdAt", "int64"),
                ('{"createdAt":1.5}', "createdAt", "int64"),
                ('{"name":5}', "name", "string"),
                ('{"name":{}}', "name", "string")):
            with self.subTest(body=body):
                found = self.check_error(self.patch(body), 400, 3)
                self.assertRegex(found["message"].replace("_a", "A"), field)
                self.assertIn(expected, found["message"])
                detail = found["details"][0]
                self.assertEqual(detail["@type"], "type.googleapis.com/google.rpc.BadRequest")
                violation = detail["fieldViolations"][0]
                self.assertRegex(violation["field"].replace("_a", "A"), field)
                self.assertIn(expected, violation["description"])

    def test_bad_query_names_field_and_type(self):
        for query, expected in (("page_size=x", "int32"), ("pageSize=99999999999", "int32"),
                                ("page_size=", "int32"), ("page_size=1&page_size=2", "page")):
            with self.subTest(query=query):
                found = self.check_error(self.gw.curl("/v1/users?" + query), 400, 3)
                self.assertIn(expected, found["message"])
                self.assertRegex(found["message"], "page_size|pageSize")

    def test_bad_json(self):
        for body in ("{", "[]", "null", "7", '"s"', '{"name":"a"}x', '{"name":"a",}', "{'name':1}",
                     '{"name":"a","name":"b"}', '{"userId":"a","user_id":"b"}', " ", "{}{}",
                     '{"name":"\x01"}', '{"x":' + "[" * 200 + "]" * 200 + "}", "\ufeff{}"):
            with self.subTest(body=body):
                if body == "null":  # a body field's null unsets it; for "*" it is an error
                    answer = self.gw.curl("/v1/users", *JSON, "-d", body)
                else:
                    answer = self.patch(body)
                self.check_error(answer, 400, 3)

    def test_invalid_utf8(self):
        path = self.gw.folder / "bad.json"
        for bad in (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82"):
            with self.subTest(bad=bad):
                path.write_bytes(b'{"name":"' + bad + b'"}')
                self.check_error(self.patch(f"@{path}"), 400, 3)

    def test_bad_paths(self):
        for target in ("/v1/users/%", "/v1/users/%zz", "/v1/users/%2e%2e", "/v1/users/..",
                       "/v1/./users/7", "/v1/users/%FF", "/v1/users?page_size=%4"):
            with self.subTest(target=target):
                self.check_error(self.gw.curl(target), 400, 3)

    def test_too_large_by_length_before_the_body(self):
        with self.gw.connect() as client:
            client.send("POST /v1/users HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
                        f"Content-Length: {4 * 2**20 + 1}\r\nExpect: 100-continue\r\n\r\n")
            answer = client.answer()
            self.check_error(answer, 413)
            self.assertEqual(answer.header("connection"), "close")
            self.assertTrue(client.closed(10))

    def test_too_large_while_chunks_come(self):
        with self.gw.connect() as client:
            client.send("POST /v1/users HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
                        "Transfer-Encoding: chunked\r\n\r\n")
            chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
            try:
                for _ in range(80):  # 5 MiB
                    client.send(chunk)
            except (ConnectionResetError, BrokenPipeError):
                pass
            answer = client.answer()
            self.check_error(answer, 413)
            self.assertEqual(answer.header("connection"), "close")

    def test_unsupported_types(self):
        for kind in ("text/plain", "application/xml", "multipart/form-data; boundary=x",
                     "application/json; charset=latin1"):
            with self.subTest(kind=kind):
                self.check_error(self.gw.curl("/v1/users", "-H", "Content-Type: " + kind,
                                              "-d", "{}"), 415)
        self.check_error(self.gw.curl("/v1/users", *JSON, "-H", "Content-Encoding: gzip",
                                      "-d", "{}"), 415)

    def test_request_line_and_headers_at_their_limits(self):
        with self.gw.connect() as client:
            client.send("GET /v1/users/" + "a" * 9000 + " HTTP/1.1\r\nHost: t\r\n\r\n")
            self.check_error(client.answer(), 414)
        for headers in ("X-A: " + "a" * 8300 + "\r\n",
                        "".join(f"X-{i}: {'a' * 900}\r\n" for i in range(20)),
                        "".join(f"X-{i}: a\r\n" for i in range(101))):
            with self.subTest(headers=headers[:20]), self.gw.connect() as client:
                client.send(f"GET /v1/users/1 HTTP/1.1\r\nHost: t\r\n{headers}\r\n")
                self.check_error(client.answer(), 431)

    def test_bad_timeouts_from_the_client(self):
        for header in ("Grpc-Timeout: 5", "Grpc-Timeout: S", "Grpc-Timeout: -1S",
                       "Grpc-Timeout: 123456789S", "X-Server-Timeout: soon",
                       "X-Request-Timeout-Ms: 1e3"):
            with self.subTest(header=header):
                self.check_error(self.gw.curl("/v1/users/7", "-H", header), 400, 3)


class Limits(Test):
    def test_an_answer_over_the_message_limit(self):
        server = self.users()
        gw = self.gateway(config([server.endpoint], upstream="max_message: 64KiB"))
        self.assertEqual(gw.curl("/v1/users/big-60000").status, 200)
        body = self.check_error(gw.curl("/v1/users/big-70000"), 502)
        self.assertRegex(body["message"], "65536|64 ?KiB|max_message|message")
        self.assertEqual(gw.curl("/v1/users/7").status, 200)

    def test_the_body_limit_is_exact(self):
        server = self.users()
        gw = self.gateway(config([server.endpoint], limits="body: 1000B"))
        for size, status in ((1000, 201), (1001, 413)):
            body = json.dumps({"name": "x" * (size - 12)})
            self.assertEqual(len(body), size)
            self.assertEqual(gw.curl("/v1/users", *JSON, "-d", body).status, status)
        self.assertEqual(metric(gw, "body"), 1)

    def test_the_header_limits_are_exact(self):
        server = self.users()
        gw = self.gateway(config([server.endpoint], limits="header_count: 5"))
        for more, status in ((4, 200), (5, 431)):
            with gw.connect() as client:
                headers = "".join(f"X-{i}: a\r\n" for i in range(more))
                self.assertEqual(client.get("/v1/users/7", headers).status, status)

    def test_nothing_listens(self):
        gw = self.gateway(config([f"grpc://127.0.0.1:{harness.free_port()}"]), ready=False)
        answer = gw.curl("/v1/users/7")
        self.check_error(answer, 503, 14)
        self.assertRegex(answer.header("retry-after"), r"^[1-3]$")
        answer = gw.curl("/v1/users", *JSON, "-d", "{}")
        self.check_error(answer, 503, 14)

    def test_in_flight_limit_sheds(self):
        server = self.users()
        gw = self.gateway(config([server.endpoint], limits="in_flight: 3"))
        busy = [gw.connect() for _ in range(3)]
        for client in busy:
            client.send("GET /v1/users/sleep-2500 HTTP/1.1\r\nHost: t\r\n\r\n")
        harness.wait_for(lambda: server.state()["running"] == 3, 2, "three calls run")
        answer = gw.curl("/v1/users/7")
        self.check_error(answer, 503)
        self.assertRegex(answer.header("retry-after"), r"^\d+$")
        self.assertEqual([c.answer().status for c in busy], [200] * 3)
        self.assertEqual(gw.curl("/v1/users/7").status, 200)
        for client in busy:
            client.close()

    def test_the_form_of_defaults_where_no_route_says_one(self):
        gw = self.gateway(config([self.users().endpoint], extra="defaults: { errors: problem }"))
        for target, status, code in (("/nope", 404, 5), ("/v1/users/%zz", 400, 3)):
            answer = gw.curl(target)
            self.assertEqual((answer.status, answer.header("content-type")),
                             (status, "application/problem+json"))
            self.assertEqual((answer.json()["status"], answer.json()["code"]), (status, code))
        answer = gw.curl("/v1/users/7", "-X", "PUT")
        self.assertEqual((answer.status, answer.json()["status"]), (405, 405))
        client = gw.connect()
        client.send("GET /v1/users/7 HTTP/1.1\r\n\r\n")  # no Host
        self.assertEqual(client.answer().header("content-type"), "application/problem+json")
        client.close()

    def test_unknown_method_of_the_service(self):
        """A route whose RPC the running service does not have yet."""
        server = self.users(language="node")
        routes = ("routes:\n  - match: POST /v1/echo\n    rpc: codectest.EchoService/Echo\n"
                  "    upstream: users\n    body: \"*\"\n")
        gw = self.gateway(config([server.endpoint], routes=routes, names=["codec_test"]))
        self.check_error(gw.curl("/v1/echo", *JSON, "-d", "{}"), 501, 12)


def metric(gw, limit):
    return harness.metric_sum(gw.metrics(), "sluice_limits_hit_total", limit=limit)


if __name__ == "__main__":
    harness.main()
