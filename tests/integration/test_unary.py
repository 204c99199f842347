"""Unary calls, as a REST client makes them, against both gRPC servers; binding and options."""
import json

import harness
from harness import ROUTES, Shared, Test, config

JSON = ("-H", "Content-Type: application/json")


class Unary:
    def test_get(self):
        answer = self.gw.curl("/v1/users/7")
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.header("content-type"), "application/json")
        self.assertEqual(answer.header("content-length"), str(len(answer.body)))
        self.assertEqual(answer.json(), {"userId": "7", "name": "User 7",
                                         "email": "7@example.com",
                                         "createdAt": "9007199254740993"})
        self.assertEqual(self.server.last()["rpc"], "GetUser")

    def test_post(self):
        body = {"name": "Ada \u00e9\u4e2d\U0001f600 \"q\" \\ \n", "email": "ada@example.com"}
        answer = self.gw.curl("/v1/users", *JSON, "-d", json.dumps(body))
        self.assertEqual(answer.status, 201, answer)
        self.assertEqual(answer.json(), {"userId": "new", "createdAt": "1", **body})

    def test_post_with_raw_utf8(self):
        body = {"name": "Grüße 中 😀"}
        answer = self.gw.curl("/v1/users", *JSON, "-d", json.dumps(body, ensure_ascii=False))
        self.assertEqual(answer.json()["name"], body["name"])

    def test_post_without_a_body_is_an_empty_message(self):
        answer = self.gw.curl("/v1/users", "-X", "POST")
        self.assertEqual((answer.status, answer.json()),
                         (201, {"userId": "new", "createdAt": "1"}))

    def test_post_accepts_plain_curl_d(self):
        answer = self.gw.curl("/v1/users", "-d", '{"name":"Ada"}')
        self.assertEqual((answer.status, answer.json().get("name")), (201, "Ada"), answer)

    def test_post_accepts_both_spellings_and_charset(self):
        answer = self.gw.curl("/v1/users/7", "-X", "PATCH", "-H",
                              "Content-Type: application/json; charset=utf-8",
                              "-d", '{"user_id":"x","created_at":"12"}')
        self.assertEqual(answer.json(), {"userId": "7", "createdAt": "12"}, answer)

    def test_patch_path_wins_over_body(self):
        answer = self.gw.curl("/v1/users/from-path", "-X", "PATCH", *JSON,
                              "-d", '{"userId":"from-body","name":"N","createdAt":5}')
        self.assertEqual((answer.status, answer.json()),
                         (200, {"userId": "from-path", "name": "N", "createdAt": "5"}))

    def test_delete(self):
        answer = self.gw.curl("/v1/users/9", "-X", "DELETE")
        self.assertEqual((answer.status, answer.json()), (200, {}), answer)
        self.assertEqual(list(self.server.last()["request"].values()), ["9"])

    def test_path_escapes_are_decoded_once(self):
        answer = self.gw.curl("/v1/users/a%2Fb%20c%2523%C3%A9+d")
        self.assertEqual(answer.json()["userId"], "a/b c%23é+d")

    def test_trailing_slash_is_ignored(self):
        self.assertEqual(self.gw.curl("/v1/users/7/").status, 200)

    def test_large_answer(self):
        answer = self.gw.curl("/v1/users/big-3000000")
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.json()["name"], "n" * 3000000)

    def test_large_request(self):
        name = "x" * 3_000_000
        path = self.gw.folder / "body.json"
        path.write_text(json.dumps({"name": name}))
        answer = self.gw.curl("/v1/users", *JSON, "--data-binary", f"@{path}")
        self.assertEqual(answer.status, 201)
        self.assertEqual(answer.json()["name"], name)

    def test_many_calls_share_one_connection(self):
        for i in range(50):
            self.assertEqual(self.gw.curl(f"/v1/users/{i}").status, 200)
        state = self.server.state()
        self.assertEqual(state["count"], 50)
        self.assertEqual(len(state["peers"]), 1, state["peers"])


class WithPython(Unary, Shared):
    pass


class WithNode(Unary, Shared):
    LANGUAGE = "node"


class WithTwoWorkers(Unary, Shared):
    OPTIONS = {"workers": 2}

    def test_many_calls_share_one_connection(self):
        for i in range(50):
            self.assertEqual(self.gw.curl(f"/v1/users/{i}").status, 200)
        self.assertLessEqual(len(self.server.state()["peers"]), 2)


ECHO = """
routes:
  - name: echo
    match: POST /v1/echo
    rpc: codectest.EchoService/Echo
    upstream: users
    body: "*"
    also:
      - match: GET /v1/echo/{string_value}
      - match: PUT /v1/nested/{nested.name}
        body: nested
        response_body: nested
  - match: GET /v1/lists/{name=shelves/*}
    rpc: codectest.EchoService/EchoList
    upstream: users
    response_body: repeated_nested
  - match: GET /v1/files/{name=**}
    rpc: codectest.EchoService/Download
    upstream: users
"""

RICH = {
    "doubleValue": 1.5, "floatValue": 1.02, "int64Value": "-9223372036854775808",
    "uint64Value": "18446744073709551615", "int32Value": -5, "fixed64Value": "7",
    "fixed32Value": 4294967295, "boolValue": True, "stringValue": "s\u0000é", "bytesValue": "AP8=",
    "color": "BLUE", "sint64Value": "-2", "nested": {"name": "n", "child": {"count": 3}},
    "optionalInt32": 0, "repeatedInt32": [1, -2, 300], "repeatedString": ["", "b"],
    "repeatedNested": [{}, {"name": "x"}], "unpackedInt32": [1, 2],
    "mapInt32": {"-1": 5}, "mapString": {"k": "v"}, "mapBool": {"true": False},
    "mapNested": {"a": {"name": "A"}}, "choiceString": "c", "second_int64": "4",
    "timestamp": "2024-02-29T12:34:56.789Z", "duration": "-1.500s", "fieldMask": "aB,c.dE",
    "struct": {"a": [1, None, "x", {"b": True}]}, "value": [1.5], "listValue": ["l"],
    "any": {"@type": "type.googleapis.com/codectest.Nested", "name": "in any"},
    "empty": {}, "wrappedInt64": "12", "wrappedString": "", "wrappedBool": False,
    "repeatedTimestamp": ["1970-01-01T00:00:00Z"], "@renamed": "r", "numberMax": 3,
}


class Rich(Shared):
    """Every shape there and back through a server that did not write our codec."""

    OPTIONS = {"routes": ECHO, "names": ["codec_test"]}

    def echo(self, value):
        return self.gw.curl("/v1/echo", *JSON, "-d", json.dumps(value))

    def test_every_shape_round_trips(self):
        answer = self.echo(RICH)
        self.assertEqual(answer.status, 200, answer)
        wanted = dict(RICH)
        wanted["secondInt64"] = wanted.pop("second_int64")
        self.assertEqual(answer.json(), wanted)

    def test_the_server_saw_what_was_sent(self):
        self.echo({"doubleValue": "-Infinity", "int32Value": "1e2", "color": 2,
                   "mapUint64": {"18446744073709551615": "1"}, "value": None})
        self.assertEqual(self.server.last()["request"],
                         {"doubleValue": "-Infinity", "int32Value": 100, "color": "GREEN",
                          "mapUint64": {"18446744073709551615": "1"}, "value": None})

    def test_query_binds_nested_and_repeated_fields(self):
        answer = self.gw.curl("/v1/echo/word?nested.name=n&nested.child.count=4&repeated_int32=1"
                              "&repeatedInt32=2&repeatedString=a%2Cb&repeatedString=c+d"
                              "&boolValue=1&color=RED&timestamp=2024-01-01T00:00:00Z"
                              "&wrappedInt64=5&bytesValue=AP8&mapString[k]=v&stringValue=query")
        self.assertEqual((answer.status, answer.json()), (200, {
            "stringValue": "word", "nested": {"name": "n", "child": {"count": 4}},
            "repeatedInt32": [1, 2], "repeatedString": ["a,b", "c d"], "boolValue": True,
            "color": "RED", "timestamp": "2024-01-01T00:00:00Z", "wrappedInt64": "5",
            "bytesValue": "AP8=", "mapString": {"k": "v"}}))

    def test_query_and_body_and_path_meet_in_one_message(self):
        answer = self.gw.curl("/v1/nested/path?int32Value=5", "-X", "PUT", *JSON,
                              "-d", '{"name":"body","count":2}')
        self.assertEqual((answer.status, answer.json()), (200, {"name": "path", "count": 2}))
        self.assertEqual(self.server.last()["request"],
                         {"int32Value": 5, "nested": {"name": "path", "count": 2}})

    def test_unknown_query_and_fields_are_ignored(self):
        self.assertEqual(self.gw.curl("/v1/echo/a?nothing=1").json(), {"stringValue": "a"})
        self.assertEqual(self.echo({"nothing": [{}], "int32Value": 1}).json(), {"int32Value": 1})

    def test_response_body(self):
        answer = self.gw.curl("/v1/lists/shelves/7?count=2")
        self.assertEqual(answer.json(), [{"name": "shelves/7"}, {"name": "shelves/7", "count": 1}])
        self.assertEqual(self.gw.curl("/v1/lists/shelves/7").json(), [])

    def test_multi_segment_capture_keeps_reserved_escapes(self):
        self.gw.curl("/v1/files/a/b%2Fc%20d")
        self.assertEqual(self.server.last()["request"], {"name": "a/b%2Fc d"})

    def test_http_body_stream_is_verbatim(self):
        answer = self.gw.curl("/v1/files/x")
        self.assertEqual((answer.status, answer.header("content-type"), answer.body),
                         (200, "text/plain", b"part 0\npart 1\npart 2\n"))


class Options(Test):
    """Route options, each seen from outside."""

    def option(self, lines, rpc="GetUser", match="GET /v1/users/{user_id}", **options):
        if not hasattr(self, "server"):
            self.server = self.users()
        text = "".join(f"    {line}\n" for line in lines.splitlines())
        return self.gateway(config([self.server.endpoint], routes=(
            f"routes:\n  - match: {match}\n    rpc: userservice.UserService/{rpc}\n"
            f"    upstream: users\n{text}"), **options))

    def test_json_names_and_int64(self):
        gw = self.option("json: { int64: number, names: proto }")
        self.assertEqual(gw.curl("/v1/users/7").body, b'{"user_id":"7","name":"User 7",'
                         b'"email":"7@example.com","created_at":9007199254740993}')

    def test_json_emit_all(self):
        gw = self.option("json: { emit: all }\nbody: user", rpc="UpdateUser",
                         match="PATCH /v1/users/{user.user_id}")
        self.assertEqual(gw.curl("/v1/users/7", "-X", "PATCH", *JSON, "-d", "{}").json(),
                         {"userId": "7", "name": "", "email": "", "createdAt": "0"})

    def test_unknown_can_be_refused(self):
        gw = self.option("json: { unknown_fields: reject }\nquery: { unknown: reject }\n"
                         "body: user", rpc="UpdateUser", match="PATCH /v1/users/{user.user_id}")
        self.check_error(gw.curl("/v1/users/7", "-X", "PATCH", *JSON, "-d", '{"nothing":1}'), 400,
                         3, "nothing")
        self.check_error(gw.curl("/v1/users/7?zzz=1", "-X", "PATCH", *JSON, "-d", "{}"), 400, 3,
                         "zzz")
        self.assertEqual(self.server.state()["count"], 0)

    def test_strict_trailing_slash(self):
        gw = self.option("trailing_slash: strict")
        self.assertEqual(gw.curl("/v1/users/7").status, 200)
        self.assertEqual(gw.curl("/v1/users/7/").status, 404)

    def test_problem_json(self):
        gw = self.option("errors: problem")
        answer = gw.curl("/v1/users/status-5")
        self.assertEqual((answer.status, answer.header("content-type")),
                         (404, "application/problem+json"), answer)
        body = answer.json()
        self.assertEqual(body["status"], 404)
        self.assertIn("told to fail with 5", json.dumps(body))

    def test_success_status_204_sends_no_body(self):
        gw = self.option("success_status: 204", rpc="DeleteUser",
                         match="DELETE /v1/users/{user_id}")
        answer = gw.curl("/v1/users/7", "-X", "DELETE")
        self.assertEqual((answer.status, answer.body), (204, b""))

    def test_service_chooses_the_status(self):
        gw = self.option("")
        for code, status in (("202", 202), ("418", 418), ("700", 200), ("abc", 200)):
            with self.subTest(code=code):
                self.assertEqual(gw.curl(f"/v1/users/http-{code}").status, status)

    def test_defaults_apply_and_a_route_overrides_them(self):
        server = self.users()
        gw = self.gateway(config(
            [server.endpoint], extra="defaults:\n  json: { names: proto }\n",
            routes=ROUTES + "    json: { names: camel }\n"))
        self.assertIn("user_id", gw.curl("/v1/users/7").json())
        self.assertIn("userId", gw.curl("/v1/users").json()[0])

    def test_routes_come_from_annotations(self):
        server = self.users()
        gw = self.gateway(config([server.endpoint], routes=(
            "services:\n  - service: userservice.UserService\n    upstream: users\n"
            "    auto: true\n")))
        self.assertEqual(gw.curl("/v1/users/7").json()["name"], "User 7")
        self.assertEqual(gw.curl("/v1/users", *JSON, "-d", '{"name":"A"}').json()["name"], "A")
        self.assertEqual(gw.curl("/v1/users/7", "-X", "PATCH", *JSON, "-d", '{"name":"B"}').json(),
                         {"userId": "7", "name": "B"})
        answer = gw.curl("/userservice.UserService/GetUser", *JSON, "-d", '{"userId":"8"}')
        self.assertEqual((answer.status, answer.json()["name"]), (200, "User 8"))

    def test_environment_variables_in_values(self):
        server = self.users()
        text = config(['"grpc://127.0.0.1:${SLUICE_TEST_UNSET:-%d}"' % server.port])
        self.assertEqual(self.gateway(text).curl("/v1/users/7").status, 200)


if __name__ == "__main__":
    harness.main()
