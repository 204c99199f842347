"""compat: what users of Envoy's transcoder and of grpc-gateway rely on most, with the real program
and a real service.  Every row of the table has its golden case in tests/golden/compat."""
import json

import harness
from harness import ROUTES, Gateway, Shared, config


class Default(Shared):
    """The same requests without a profile: what the profiles change is not changed by accident."""

    def test_errors_have_a_body(self):
        answer = self.gw.curl("/v1/users/plain-5")
        self.assertEqual(answer.status, 404)
        self.assertEqual(answer.json(), {"code": 5, "message": "plainly 5", "details": []})
        self.assertIsNone(answer.header("grpc-status"))

    def test_a_wrong_method_is_405(self):
        answer = self.gw.curl("/v1/users/7", "-X", "PUT")
        self.assertEqual((answer.status, answer.header("allow")),
                         (405, "DELETE, GET, HEAD, OPTIONS, PATCH"))

    def test_a_stream_that_fails_is_cut(self):
        answer = self.gw.curl("/v1/users?page_size=-2")
        self.assertEqual((answer.status, answer.curl_exit), (200, 18))


class Envoy(Shared):
    OPTIONS = {"extra": "defaults: {compat: envoy}"}

    def test_errors_are_headers(self):
        answer = self.gw.curl("/v1/users/percent")
        self.assertEqual((answer.status, answer.body), (404, b""))
        self.assertEqual(answer.header("grpc-status"), "5")
        self.assertEqual(answer.header("grpc-message"), 'kein Nutzer "J%C3%B6rg" 100%25 %E2%9C%93')
        self.assertIsNone(answer.header("content-type"))

    def test_errors_of_the_gateway_are_headers_too(self):
        for target, status, code in (("/nothing", 404, "5"), ("/v1/users/7?nobody=1", 400, "3")):
            with self.subTest(target=target):
                answer = self.gw.curl(target)
                self.assertEqual((answer.status, answer.body, answer.header("grpc-status")),
                                 (status, b"", code))

    def test_a_wrong_method_is_404(self):
        answer = self.gw.curl("/v1/users/7", "-X", "PUT")
        self.assertEqual((answer.status, answer.header("allow")), (404, None))

    def test_a_stream_that_fails_ends_as_an_array(self):
        answer = self.gw.curl("/v1/users?page_size=-2")
        self.assertEqual((answer.status, answer.curl_exit), (200, 0))
        self.assertEqual([u["userId"] for u in answer.json()], ["0", "1"])

    def test_a_stream_that_fails_at_once(self):
        answer = self.gw.curl("/v1/users?page_size=-1")
        self.assertEqual((answer.status, answer.body, answer.header("grpc-status")),
                         (403, b"[]", "7"))

    def test_loose_json(self):
        answer = self.gw.curl("/v1/users", "--data-binary", "{name: 'x', \"email\": \"e\",}")
        self.assertEqual(answer.status, 201)
        self.assertEqual(self.server.last()["request"]["name"], "x")

    def test_all_headers_travel(self):
        self.gw.curl("/v1/users/7", "-H", "X-Mine: 1", "-H", "Cookie: a=b")
        metadata = dict(self.server.last()["metadata"])
        self.assertEqual((metadata["x-mine"], metadata["cookie"]), ("1", "a=b"))
        self.assertEqual(self.gw.curl("/v1/users/meta").header("x-custom"), "custom value")


class GrpcGateway(Shared):
    OPTIONS = {"extra": "defaults: {compat: grpc-gateway}"}

    def test_a_wrong_method_is_501(self):
        answer = self.gw.curl("/v1/users/7", "-X", "PUT")
        self.assertEqual((answer.status, answer.json()["code"]), (501, 12))

    def test_a_stream_is_lines_of_results(self):
        answer = self.gw.curl("/v1/users?page_size=2")
        self.assertEqual(answer.header("content-type"), "application/json")
        lines = [json.loads(line) for line in answer.body.splitlines()]
        self.assertEqual([list(line) for line in lines], [["result"], ["result"]])
        self.assertEqual([line["result"]["userId"] for line in lines], ["0", "1"])

    def test_a_stream_that_fails_ends_with_an_error_line(self):
        answer = self.gw.curl("/v1/users?page_size=-2")
        self.assertEqual((answer.status, answer.curl_exit), (200, 0))
        last = json.loads(answer.body.splitlines()[-1])
        self.assertEqual((last["error"]["code"], last["error"]["message"]), (8, "enough"))

    def test_a_stream_that_fails_at_once_is_wrapped(self):
        answer = self.gw.curl("/v1/users?page_size=-1")
        self.assertEqual((answer.status, answer.json()["error"]["code"]), (403, 7))

    def test_defaults_are_printed(self):
        user = self.gw.curl("/v1/users/7").json()
        self.assertTrue(set(user) >= {"userId", "name", "email", "createdAt"}, user)
        self.assertEqual(self.gw.curl("/v1/users?page_size=1").json()["result"]["createdAt"], "0")

    def test_header_names(self):
        self.gw.curl("/v1/users/7", "-A", "mine", "-H", "Grpc-Metadata-Tenant: t",
                     "-H", "X-Other: no", "-H", "Authorization: Bearer x")
        metadata = dict(self.server.last()["metadata"])
        self.assertEqual(metadata["grpcgateway-user-agent"], "mine")
        self.assertEqual(metadata["tenant"], "t")
        self.assertEqual(metadata["authorization"], "Bearer x")
        self.assertNotIn("x-other", metadata)
        answer = self.gw.curl("/v1/users/meta", "-H", "TE: trailers")
        self.assertEqual(answer.header("grpc-metadata-x-custom"), "custom value")
        self.assertEqual(answer.header("grpc-trailer-x-trailer"), "late")
        self.assertIsNone(answer.header("etag"))
        self.assertIsNone(self.gw.curl("/v1/users/meta").header("grpc-trailer-x-trailer"))

    def test_a_form_may_stand_for_a_get(self):
        answer = self.gw.curl("/v1/users/7", "-d", "",
                              "-H", "Content-Type: application/x-www-form-urlencoded")
        self.assertEqual((answer.status, answer.json()["userId"]), (200, "7"))


class Mixed(harness.Test):
    """Profiles are options of routes; a reload changes them."""

    def test_one_route_of_another_profile_and_a_reload(self):
        server = harness.Users()
        self.addCleanup(server.kill)
        routes = ROUTES.replace("  - name: get-user\n", "  - name: get-user\n"
                                "    compat: grpc-gateway\n")
        routes = routes.replace("  - name: list-users\n", "  - name: list-users\n"
                                "    compat: grpc-gateway\n")
        gw = Gateway(config([server.endpoint], routes=routes))
        self.addCleanup(gw.kill)
        self.assertIn("result", gw.curl("/v1/users?page_size=1").json())
        self.assertEqual(gw.curl("/v1/users/plain-5").json()["code"], 5)
        self.assertEqual(gw.curl("/v1/users/7", "-X", "PUT").status, 501)
        self.assertEqual(gw.curl("/v1/users", "-X", "PUT").status, 405)  # the first rule: POST
        gw.write(config([server.endpoint], extra="defaults: {compat: envoy}"))
        self.assertEqual(gw.admin("/reload", "-X", "POST").status, 200)
        harness.wait_for(lambda: gw.curl("/v1/users/plain-5").body == b"", 10, "the new profile")
        self.assertEqual(gw.curl("/v1/users?page_size=1").json()[0]["userId"], "0")
        gw.stop()


if __name__ == "__main__":
    harness.main()
