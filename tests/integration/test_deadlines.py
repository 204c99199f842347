"""Deadlines travel; who leaves cancels; headers and metadata pass by list."""
import socket
import time

import harness
from harness import ROUTES, Shared, Test, TooSlow, config, free_port, heavy, wait_for


class Deadlines(Shared):
    OPTIONS = {"routes": ROUTES.replace("  - name: get-user\n",
                                        "  - name: short\n    match: GET /short/{user_id}\n"
                                        "    rpc: userservice.UserService/GetUser\n"
                                        "    upstream: users\n    timeout: 300ms\n"
                                        "  - name: get-user\n")}

    def seen(self, *headers, target="/v1/users/7"):
        arguments = [word for header in headers for word in ("-H", header)]
        answer = self.gw.curl(target, *arguments)
        if answer.status == 504:
            raise TooSlow("the deadline was over before the service had answered")
        self.assertEqual(answer.status, 200)
        return self.server.last()["timeout"]

    def check_left(self, seen, seconds, slack):
        """What is left of the time when the service reads it."""
        self.assertLessEqual(seen, seconds + 0.01)
        if seen <= seconds - slack:
            raise TooSlow(f"{seen} s are left of {seconds} s")

    def test_the_default_travels(self):
        self.check_left(self.seen(), 15, 1)

    def test_the_routes_option_travels(self):
        self.check_left(self.seen(target="/short/7"), 0.3, 0.2)

    def test_the_client_may_shorten_it(self):
        for header, seconds in (("Grpc-Timeout: 2S", 2), ("Grpc-Timeout: 1500m", 1.5),
                                ("Grpc-Timeout: 900000u", 0.9), ("grpc-timeout: 99999999n", 0.1),
                                ("X-Server-Timeout: 2.5", 2.5), ("X-Server-Timeout: 3", 3),
                                ("X-Request-Timeout-Ms: 700", 0.7)):
            with self.subTest(header=header):
                self.check_left(self.seen(header), seconds, 0.4)

    def test_the_client_cannot_lengthen_it(self):
        for header in ("Grpc-Timeout: 1H", "Grpc-Timeout: 99999999H", "X-Server-Timeout: 1000000",
                       "X-Request-Timeout-Ms: 4000000000"):
            with self.subTest(header=header):
                self.assertLessEqual(self.seen(header), 15.01)

    def test_504_at_the_deadline_and_the_service_sees_a_cancel(self):
        begun = time.monotonic()
        answer = self.gw.curl("/short/hang")
        self.check_took(begun, 0.6, 0.29)
        self.check_error(answer, 504, 4)
        self.check_within(lambda: self.server.state()["cancelled"] == 1, 1, "the service sees a cancel")

    def test_504_by_the_clients_header(self):
        begun = time.monotonic()
        with self.gw.connect() as client:
            self.check_error(client.get("/v1/users/hang", "X-Request-Timeout-Ms: 200\r\n"), 504, 4)
            self.check_took(begun, 0.5)
            self.assertEqual(client.get("/v1/users/7").status, 200)  # the connection lives on

    def test_a_deadline_too_small_to_begin(self):
        for header in ("Grpc-Timeout: 1n", "Grpc-Timeout: 0m", "X-Request-Timeout-Ms: 0"):
            with self.subTest(header=header):
                self.check_error(self.gw.curl("/v1/users/hang", "-H", header), 504, 4)

    def test_what_is_left_is_sent_not_what_was_given(self):
        """Time that the body took is gone."""
        with self.gw.connect() as client:
            client.send("POST /v1/users HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
                        "Grpc-Timeout: 3S\r\nContent-Length: 14\r\n\r\n")
            time.sleep(1)
            client.send('{"name": "ab"}')
            self.assertEqual(client.answer().status, 201)
        self.assertLessEqual(self.server.last()["timeout"], 2.1)

    def test_waiting_for_a_connection_counts(self):
        gw = self.gateway(config([f"grpc://127.0.0.1:{free_port()}"]), ready=False)
        begun = time.monotonic()
        answer = gw.curl("/v1/users/7", "-H", "X-Request-Timeout-Ms: 200")
        self.assertIn(answer.status, (503, 504))
        self.check_took(begun, 1)


class Leaving(Shared):
    OPTIONS = {"workers": 2}

    def test_one(self):
        client = self.gw.connect()
        client.send("GET /v1/users/hang HTTP/1.1\r\nHost: t\r\n\r\n")
        wait_for(lambda: self.server.state()["running"] == 1, 2, "the call runs")
        client.close()
        self.check_within(lambda: self.server.state()["cancelled"] == 1, 1, "the service sees a cancel")

    def test_a_hundred_at_once(self):
        clients = [self.gw.connect() for _ in range(100)]
        for client in clients:
            client.send("GET /v1/users/hang HTTP/1.1\r\nHost: t\r\n\r\n")
        wait_for(lambda: self.server.state()["running"] == 100, 10, "100 calls run")
        for client in clients:
            client.close()
        self.check_within(lambda: self.server.state()["cancelled"] == 100, 1, "100 cancels")

    def test_a_half_close_still_gets_a_quick_answer(self):
        """`printf ... | nc -N`: the end of its sending comes together with the request."""
        client = self.gw.connect()
        client.send("GET /v1/users/7 HTTP/1.1\r\nHost: t\r\n\r\n")
        client.socket.shutdown(socket.SHUT_WR)
        self.assertEqual(client.answer().status, 200)
        client.close()
        client = self.gw.connect()
        client.send("GET /v1/users/hang HTTP/1.1\r\nHost: t\r\n\r\n")
        wait_for(lambda: self.server.state()["running"] == 1, 2, "the call runs")
        client.socket.shutdown(socket.SHUT_WR)
        self.check_within(lambda: self.server.state()["cancelled"] == 1, 1, "the service sees a cancel")
        client.close()

    def test_behind_many_pipelined_bytes(self):
        """Reading goes on behind a request, up to a bound: only so the client's end is seen."""
        client = self.gw.connect()
        client.send("GET /v1/users/hang HTTP/1.1\r\nHost: t\r\n\r\n")
        wait_for(lambda: self.server.state()["running"] == 1, 2, "the call runs")
        client.send("GET /v1/users/7 HTTP/1.1\r\nHost: t\r\n\r\n" * 5000)
        time.sleep(0.1)
        client.close()
        self.check_within(lambda: self.server.state()["cancelled"] == 1, 1.5, "the service sees a cancel")

    @heavy
    def test_leaving_while_the_head_is_sent(self):
        for i in range(200):
            with self.gw.connect() as client:
                request = "GET /v1/users/hang HTTP/1.1\r\nHost: t\r\n\r\n"
                client.send(request[:i % len(request)])
        self.assertEqual(self.gw.curl("/v1/users/7").status, 200)
        wait_for(lambda: self.server.state()["running"] == 0, 2, "nothing runs")

    def test_a_pipelined_request_of_a_client_that_left_is_not_made(self):
        client = self.gw.connect()
        client.send("GET /v1/users/hang HTTP/1.1\r\nHost: t\r\n\r\n" * 3)
        wait_for(lambda: self.server.state()["running"] == 1, 2, "the first call runs")
        client.close()
        self.check_within(lambda: self.server.state()["cancelled"] == 1, 1, "a cancel")
        time.sleep(0.2)
        self.assertEqual(self.server.state()["count"], 1)


class RequestHeaders(Shared):
    def metadata(self, *headers, gw=None):
        arguments = [word for header in headers for word in ("-H", header)]
        self.assertEqual((gw or self.gw).curl("/v1/users/7", *arguments).status, 200)
        found = {}
        for name, value in self.server.last()["metadata"]:
            found.setdefault(name, []).append(value)
        return found

    def test_the_default_list(self):
        trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        found = self.metadata("Authorization: Bearer abc", "Accept-Language: de", "X-Request-Id: r7",
                              "User-Agent: phone/1.0", f"Traceparent: {trace}",
                              "Tracestate: a=b", "Baggage: k=v", "X-Custom: no", "Cookie: s=1")
        self.assertEqual(found["authorization"], ["Bearer abc"])
        self.assertEqual(found["accept-language"], ["de"])
        self.assertEqual(found["x-request-id"], ["r7"])
        self.assertEqual(found["x-forwarded-user-agent"], ["phone/1.0"])
        self.assertEqual(found["traceparent"][0].split("-")[1], trace.split("-")[1])
        self.assertEqual((found["tracestate"], found["baggage"]), (["a=b"], ["k=v"]))
        self.assertNotIn("x-custom", found)
        self.assertNotIn("cookie", found)
        self.assertFalse(any("phone" in v for v in found.get("user-agent", [])))

    def test_forwarded_headers(self):
        found = self.metadata("Host: api.example.com")
        self.assertEqual(found["x-forwarded-for"], ["127.0.0.1"])
        self.assertEqual(found["x-forwarded-host"], ["api.example.com"])
        self.assertEqual(found["x-forwarded-proto"], ["http"])
        found = self.metadata("X-Forwarded-For: 10.1.2.3")
        self.assertEqual(found["x-forwarded-for"], ["10.1.2.3, 127.0.0.1"])
        found = self.metadata("X-Forwarded-For: 10.1.2.3, 10.1.2.4", "X-Forwarded-For: 10.1.2.5")
        self.assertEqual(found["x-forwarded-for"], ["10.1.2.3, 10.1.2.4, 10.1.2.5, 127.0.0.1"])

    def test_trace_begins_when_the_client_has_none(self):
        self.assertRegex(self.metadata()["traceparent"][0],
                         "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")

    def test_a_broken_trace_is_not_continued(self):
        found = self.metadata("Traceparent: 00-00000000000000000000000000000000-b7ad6b7169203331-01")
        self.assertNotIn("0" * 32, found.get("traceparent", [""])[0])

    def test_forbidden_metadata_never_reaches_the_service(self):
        routes = ROUTES.replace("    upstream: users\n  - match: POST", "    upstream: users\n"
                                "    headers: { request: [x-custom, x-data-bin, cookie] }\n"
                                "  - match: POST")
        self.assertIn("x-data-bin", routes)
        gw = self.gateway(config([self.server.endpoint], routes=routes))
        found = self.metadata(
            "Grpc-Encoding: gzip", "Grpc-Status: 0", "Grpc-Message: m", "Grpc-Tags-Bin: AAA=",
            "Grpc-Previous-Rpc-Attempts: 3", "Grpc-Accept-Encoding: br", "Te: gzip",
            "Connection: X-Hop", "X-Hop: hop", "Keep-Alive: 5", "Proxy-Authorization: p",
            "X-Custom: yes", "X-Data-Bin: AP8", "X_Custom: under", "Cookie: s=1", gw=gw)
        self.assertEqual(found["x-custom"], ["yes"])
        self.assertEqual(found["cookie"], ["s=1"])
        self.assertEqual(found["x-data-bin"], ["00ff"])
        for name in ("grpc-encoding", "grpc-status", "grpc-message", "grpc-tags-bin",
                     "grpc-previous-rpc-attempts", "te", "connection", "x-hop", "keep-alive",
                     "proxy-authorization", "x_custom", "host", "content-length"):
            self.assertNotIn(name, found)
        self.assertNotIn("br", found.get("grpc-accept-encoding", []))

    def test_binary_metadata_of_one_client_leaves_the_calls_of_others_alone(self):
        """grpcio ends the connection over base64 that is not exact."""
        gw = self.gateway(config([self.server.endpoint], routes=ROUTES.replace(
            "    upstream: users\n  - match: POST", "    upstream: users\n"
            "    headers: { request: [x-data-bin] }\n  - match: POST")))
        other = gw.connect()
        other.send("GET /v1/users/sleep-1500 HTTP/1.1\r\nHost: t\r\n\r\n")
        wait_for(lambda: any("sleep-1500" in call.get("request", {}).values()
                             for call in self.server.state()["calls"]), 5, "the other call")
        for value, wanted in (("AA==,AAEC", ["00", "000102"]), ("AAEC/+==", ["000102ff"]),
                              ("A", []), ("AA=A", []), ("A===", [])):
            with self.subTest(value=value):
                found = self.metadata(f"X-Data-Bin: {value}", gw=gw)
                self.assertEqual(found.get("x-data-bin", []), wanted)
        self.assertEqual(other.answer().status, 200)
        other.close()

    def test_a_listed_name_that_connection_names_is_hop_by_hop(self):
        found = self.metadata("Connection: keep-alive, X-Request-Id", "X-Request-Id: r7")
        self.assertNotIn("x-request-id", found)


class ResponseHeaders(Test):
    def answer(self, lines="", target="/v1/users/meta"):
        server = self.users()
        routes = ROUTES.replace("    upstream: users\n  - match: POST",
                                f"    upstream: users\n{lines}  - match: POST")
        return self.gateway(config([server.endpoint], routes=routes)).curl(target)

    def test_the_default_list(self):
        answer = self.answer()
        self.assertEqual((answer.header("etag"), answer.header("cache-control"),
                          answer.header("x-request-id")), ('"v1"', "no-cache", "r-1"))
        for name in ("x-custom", "server-secret", "x-data-bin", "x-trailer", "grpc-status",
                     "grpc-encoding", "grpc-accept-encoding"):
            self.assertIsNone(answer.header(name))

    def test_added_names(self):
        answer = self.answer("    headers: { response: [x-custom] }\n")
        self.assertEqual((answer.header("x-custom"), answer.header("server-secret")),
                         ("custom value", None))

    def test_all_but_reserved_names(self):
        answer = self.answer('    headers: { response: ["*"] }\n')
        self.assertEqual((answer.header("x-custom"), answer.header("server-secret")),
                         ("custom value", "hidden"))
        self.assertIn(answer.header("x-data-bin"), ("AP8=", "AP8"))
        self.assertEqual([n for n, _ in answer.headers if n.startswith("grpc-")], [])
        self.assertEqual(len([n for n, _ in answer.headers if n == "content-type"]), 1)

    def test_bound_headers(self):
        server = self.users()
        routes = ROUTES.replace("    body: user\n", "    body: user\n    headers:\n      bind:\n"
                                "        x-user-name: user.name\n")
        gw = self.gateway(config([server.endpoint], routes=routes))
        answer = gw.curl("/v1/users/7", "-X", "PATCH", "-H", "X-User-Name: From Header",
                         "-H", "Content-Type: application/json", "-d", '{"email":"e"}')
        self.assertEqual(answer.json(), {"userId": "7", "name": "From Header", "email": "e"})


if __name__ == "__main__":
    harness.main()
