"""The side of the gRPC services: connections, balancing, faults, answers that are wrong."""
import struct
import subprocess
import threading
import time

import h2.errors

import harness
from bad_server import HEAD, OK, USER, Raw, Upstream, message
from harness import Settings, Test, config, free_port, heavy, wait_for

JSON = ("-H", "Content-Type: application/json")


class Connections(Test):
    def test_more_connections_at_max_concurrent_streams(self):
        server = self.users("--max-streams", "2")
        gw = self.gateway(config([server.endpoint]))
        clients = [gw.connect() for _ in range(8)]
        begun = time.monotonic()
        for client in clients:
            client.send("GET /v1/users/sleep-700 HTTP/1.1\r\nHost: t\r\n\r\n")
        self.assertEqual([c.answer().status for c in clients], [200] * 8)
        self.check_took(begun, 1.3)  # not one after the other
        self.assertGreaterEqual(len(server.state()["peers"]), 4)
        self.assertLessEqual(len(server.state()["peers"]), 8)
        for client in clients:
            client.close()

    def test_what_exceeds_all_streams_waits(self):
        server = self.users("--max-streams", "1")
        gw = self.gateway(config([server.endpoint], upstream="max_connections: 2"))
        clients = [gw.connect() for _ in range(6)]
        for client in clients:
            client.send("GET /v1/users/sleep-150 HTTP/1.1\r\nHost: t\r\n\r\n")
        self.assertEqual([c.answer().status for c in clients], [200] * 6)
        self.assertLessEqual(len(server.state()["peers"]), 2)
        for client in clients:
            client.close()

    def test_many_calls_at_once_on_one_connection(self):
        server = self.users()
        gw = self.gateway(config([server.endpoint]))
        clients = [gw.connect() for _ in range(60)]
        for client in clients:
            client.send("GET /v1/users/sleep-300 HTTP/1.1\r\nHost: t\r\n\r\n")
        self.assertEqual([c.answer().status for c in clients], [200] * 60)
        self.assertEqual(len(server.state()["peers"]), 1)
        for client in clients:
            client.close()

    def test_a_queue_that_is_full_sheds(self):
        server = self.users("--max-streams", "1")
        gw = self.gateway(config([server.endpoint], upstream=(
            "max_connections: 1\ncircuit: { waiting: 3, waiting_time: 5s }")))
        clients = [gw.connect() for _ in range(10)]
        for client in clients:
            client.send("GET /v1/users/sleep-300 HTTP/1.1\r\nHost: t\r\n\r\n")
        answers = [c.answer() for c in clients]
        shed = [a for a in answers if a.status == 503]
        self.assertEqual({a.status for a in answers}, {200, 503})
        self.assertGreaterEqual(len(shed), 5)
        for answer in shed:
            self.assertIsNotNone(answer.header("retry-after"))
        self.assertEqual(gw.curl("/v1/users/7").status, 200)
        for client in clients:
            client.close()


class Balancing(Test):
    def counts(self, servers, gw, count=40):
        for server in servers:
            server.clear()
        for i in range(count):
            self.assertEqual(gw.curl(f"/v1/users/{i}").status, 200)
        return [server.state()["count"] for server in servers]

    def test_round_robin_over_endpoints(self):
        servers = [self.users(), self.users()]
        gw = self.gateway(config([s.endpoint for s in servers]))
        gw.curl("/v1/users/7")
        time.sleep(0.2)
        counts = self.counts(servers, gw)
        self.assertEqual(sum(counts), 40)
        self.assertGreaterEqual(min(counts), 18, counts)

    def test_pick_first_stays(self):
        servers = [self.users(), self.users()]
        gw = self.gateway(config([s.endpoint for s in servers], upstream="balance: pick_first"))
        self.assertIn(0, self.counts(servers, gw))

    def test_round_robin_over_the_addresses_of_a_name(self):
        """A name with two addresses: /etc/hosts of a mount namespace."""
        port = free_port()
        servers = [self.users("--address", f"{a}:{port}") for a in ("127.0.0.1", "127.0.0.2")]
        hosts = harness.Settings.work() / "hosts"
        hosts.write_text("127.0.0.1 localhost\n127.0.0.1 users.test\n127.0.0.2 users.test\n")
        prefix = ["unshare", "-rm", "sh", "-c",
                  f'mount --bind "{hosts}" /etc/hosts && exec "$@"', "sh"]
        if subprocess.run([*prefix, "true"], stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("no mount namespaces here")
        gw = self.gateway(config([f"grpc://users.test:{port}"]), prefix=prefix)
        gw.curl("/v1/users/7")
        time.sleep(0.2)
        counts = self.counts(servers, gw)
        self.assertGreaterEqual(min(counts), 18, counts)
        servers[0].kill()
        time.sleep(0.2)
        self.assertEqual(gw.curl("/v1/users/7").status, 200)

    def test_a_name_is_resolved(self):
        server = self.users()
        gw = self.gateway(config([f"grpc://localhost:{server.port}"]))
        self.assertEqual(gw.curl("/v1/users/7").status, 200)

    def test_a_name_that_does_not_resolve(self):
        gw = self.gateway(config(["grpc://nobody.invalid:50051"]), ready=False)
        self.check_error(gw.curl("/v1/users/7"), 503, 14)

    def test_one_of_two_is_gone(self):
        servers = [self.users(), self.users()]
        gw = self.gateway(config([s.endpoint for s in servers]))
        for i in range(10):
            self.assertEqual(gw.curl(f"/v1/users/{i}").status, 200)
        servers[0].kill()
        time.sleep(0.1)
        self.assertEqual([gw.curl(f"/v1/users/{i}").status for i in range(30)], [200] * 30)
        self.assertEqual(gw.admin("/readyz").status, 200)


class Restart(Test):
    def test_reconnects(self):
        port = free_port()
        server = self.users("--address", f"127.0.0.1:{port}")
        gw = self.gateway(config([server.endpoint]))
        self.assertEqual(gw.curl("/v1/users/7").status, 200)
        server.kill()
        answer = gw.curl("/v1/users/7")
        self.check_error(answer, 503, 14)
        self.assertIsNotNone(answer.header("retry-after"))
        server = self.users("--address", f"127.0.0.1:{port}")
        wait_for(lambda: gw.curl("/v1/users/7").status == 200, 4, "a call succeeds again")

    def test_a_server_that_comes_later(self):
        port = free_port()
        gw = self.gateway(config([f"grpc://127.0.0.1:{port}"]), ready=False)
        self.assertEqual(gw.curl("/v1/users/7").status, 503)
        self.users("--address", f"127.0.0.1:{port}")
        wait_for(lambda: gw.curl("/v1/users/7").status == 200, 4, "a call succeeds")

    def test_calls_in_flight_are_answered_when_the_server_dies(self):
        server = self.users()
        gw = self.gateway(config([server.endpoint]))
        clients = [gw.connect() for _ in range(20)]
        for client in clients:
            client.send("GET /v1/users/hang HTTP/1.1\r\nHost: t\r\n\r\n")
        wait_for(lambda: server.state()["running"] == 20, 5, "20 calls run")
        server.kill()
        begun = time.monotonic()
        for client in clients:
            self.check_error(client.answer(), 503, 14)
            client.close()
        self.check_took(begun, 2)

    @heavy
    def test_goaway_loses_no_call(self):
        server = self.users("--max-age-ms", "300")
        gw = self.gateway(config([server.endpoint]))
        statuses, end = [], time.monotonic() + 4

        def load(number):
            with gw.connect() as client:
                while time.monotonic() < end or len(statuses) <= 500:
                    for answer in (client.get(f"/v1/users/sleep-{10 + number}"),
                                   client.get("/v1/users", method="POST", body='{"name":"A"}')):
                        statuses.append((answer.status, answer.body if answer.status > 201 else b""))

        threads = [threading.Thread(target=load, args=(i,)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(set(statuses), {(200, b""), (201, b"")})
        self.assertGreater(len(server.state()["peers"]), 3, "the server renewed its connections")


class Wrong(Test):
    """A bad answer is never 200, never hangs, and harms no other call."""

    def setUp(self):
        self.mode = None
        self.upstream = Upstream(self.behave)
        self.addCleanup(self.upstream.kill)
        self.gw = self.gateway(config([self.upstream.endpoint], upstream="max_message: 1MiB"))

    def behave(self, call):
        if call.headers[":path"].endswith("/GetUser") and self.mode:
            self.mode(call)
        else:
            call.answer()

    def check(self, mode, statuses, code=None, target="/v1/users/7"):
        self.mode = mode
        begun = time.monotonic()
        answer = self.gw.curl(target, "-m", "20")
        self.check_took(begun, 2)
        self.assertIn(answer.status, statuses, answer)
        self.check_error(answer, answer.status, code)
        self.mode = None
        self.assertEqual(self.gw.curl("/v1/users/7").status, 200)

    def test_a_good_answer_is_good(self):
        self.assertEqual(self.gw.curl("/v1/users/7").json(), {"userId": "7"})

    def test_one_byte_frames(self):
        def drip(call):
            call.head()
            for byte in message(USER):
                call.data(bytes([byte]))
            call.trailers(OK)
        self.mode = drip
        self.assertEqual(self.gw.curl("/v1/users/7").json(), {"userId": "7"})

    def test_padding_is_given_back(self):
        def padded(call):
            call.head()
            body = message(b"\x12\xd0\x0f" + b"n" * 2000)
            for i in range(0, len(body), 5):
                call.data(body[i:i + 5], pad_length=255)
            call.trailers(OK)
        self.mode = padded
        for _ in range(3):  # 400 frames of 256 bytes each time: over the windows without credit
            self.assertEqual(self.gw.curl("/v1/users/7", "-m", "20").json(), {"name": "n" * 2000})

    def test_undecodable_messages(self):
        for payload in (b"\xff" * 11, b"\x0a\x7fshort", b"\x0a\x02\xff\xfe", b"\x07", b"\x0b",
                        b"\x00\x00", b"\x20"):
            with self.subTest(payload=payload):
                self.check(lambda call, p=payload: call.answer(message(p)), (502,), 13)

    def test_broken_frames(self):
        for name, body in {"truncated head": b"\x00\x00", "truncated": message(USER)[:-1],
                           "4 GiB": b"\x00\xff\xff\xff\xff", "flag 2": message(USER, 2),
                           "compressed without encoding": message(USER, 1)}.items():
            with self.subTest(name=name):
                self.check(lambda call, b=body: call.answer(b), (500, 501, 502))

    def test_over_the_message_limit(self):
        def large(call):
            call.head()
            call.data(b"\x00" + struct.pack(">I", 2**20 + 1))
            call.data(b"x" * 1000)
        self.check(large, (502,))

    def test_zero_or_two_messages(self):
        self.check(lambda call: call.answer(b""), (500,), 13)
        self.check(lambda call: call.answer(message(USER) * 2), (500,), 13)

    def test_status_forms(self):
        for trailers, status, code in (
                ([], 500, 2), ([("grpc-status", "17")], 500, None),
                ([("grpc-status", "abc")], 500, 2), ([("grpc-status", "-1")], 500, 2),
                ([("grpc-status", "")], 500, 2), ([("grpc-status", "99999999999")], 500, None),
                ([("grpc-status", "5"), ("grpc-message", "a%20b%zz%")], 404, 5)):
            with self.subTest(trailers=trailers):
                self.check(lambda call, t=trailers: call.answer(trailers=t or [("x-none", "1")]),
                           (status,), code)

    def test_status_after_a_message_is_an_error(self):
        self.check(lambda call: call.answer(trailers=[("grpc-status", "9")]), (400,), 9)

    def test_trailers_only(self):
        self.check(lambda call: call.head(HEAD + [("grpc-status", "7"), ("grpc-message", "no")],
                                          end=True), (403,), 7)
        self.check(lambda call: call.head(HEAD + OK, end=True), (500,), 13)

    def test_broken_details(self):
        for details in ("!!!", "AAAA", "/w", "A" * 9000):
            with self.subTest(details=details[:8]):
                self.check(lambda call, d=details: call.head(
                    HEAD + [("grpc-status", "5"), ("grpc-message", "m"),
                            ("grpc-status-details-bin", d)], end=True), (404,), 5)

    def test_not_grpc(self):
        for headers, status, code in (
                ([(":status", "200"), ("content-type", "text/html")], 500, 2),
                ([(":status", "400"), ("content-type", "text/html")], 500, 13),
                ([(":status", "401")], 401, 16), ([(":status", "403")], 403, 7),
                ([(":status", "404"), ("content-type", "text/plain")], 501, 12),
                ([(":status", "429")], 503, 14), ([(":status", "502")], 503, 14),
                ([(":status", "503")], 503, 14), ([(":status", "504")], 503, 14),
                ([(":status", "418")], 500, 2), ([(":status", "500")], 500, 2)):
            with self.subTest(headers=headers):
                def mode(call, h=headers):
                    call.head(h)
                    call.data(b"<html>nothing here</html>", end=True)
                self.check(mode, (status,), code)

    def test_resets(self):
        """gRPC's table of HTTP/2 error codes."""
        codes = h2.errors.ErrorCodes
        for code, grpc in ((codes.NO_ERROR, 13), (codes.PROTOCOL_ERROR, 13),
                           (codes.INTERNAL_ERROR, 13), (codes.FLOW_CONTROL_ERROR, 13),
                           (codes.CANCEL, 1), (codes.COMPRESSION_ERROR, 13),
                           (codes.ENHANCE_YOUR_CALM, 8), (codes.INADEQUATE_SECURITY, 7)):
            with self.subTest(code=code):
                self.check(lambda call, c=code: call.reset(c), (400, 403, 429, 499, 500, 502, 503),
                           grpc)

    def test_reset_within_a_message(self):
        def cut(call):
            call.head()
            call.data(message(USER)[:4])
            call.reset()
        self.check(cut, (500, 502, 503))

    def test_connection_cut_within_a_message(self):
        def cut(call):
            call.head()
            call.data(message(USER)[:4])
            call.socket.shutdown(2)
        self.check(cut, (500, 502, 503))

    def test_headers_over_their_limit(self):
        for headers in ([("x-big", "v" * 17000)], [(f"x-{i}", "v") for i in range(120)]):
            with self.subTest(count=len(headers)):
                self.check(lambda call, h=headers: call.head(HEAD + h), (500, 502))

    def test_hpack_bomb(self):
        def bomb(call):
            call.head(HEAD + [("x-bomb", "v" * 3000)] * 400)
        before = self.gw.rss()
        for _ in range(5):
            self.check(bomb, (500, 502, 503))
        if not Settings.sanitized():
            self.assertLess(self.gw.rss() - before, 4 * 2**20)

    def test_informational_flood(self):
        def flood(call):
            for _ in range(50):
                call.head([(":status", "103")])
            call.answer()
        self.check(flood, (500, 502))

    def test_hostile_metadata_cannot_split_the_answer(self):
        for value in ("a\r\nX-Injected: 1", "a\nb", "a\x00b", "a\rb"):
            with self.subTest(value=value):
                self.mode = lambda call, v=value: call.answer(head=HEAD + [("etag", v)])
                answer = self.gw.curl("/v1/users/7", "-m", "20")
                self.assertIsNone(answer.header("x-injected"))
                self.assertIn(answer.status, (200, 500, 502), answer)
                self.mode = lambda call: call.head(
                    HEAD + [("grpc-status", "5"), ("grpc-message", "a%0d%0aX-Injected: 1")],
                    end=True)
                answer = self.gw.curl("/v1/users/7", "-m", "20")
                self.check_error(answer, 404, 5)
                self.assertIsNone(answer.header("x-injected"))

    def test_stalled(self):
        self.mode = lambda call: call.head()
        begun = time.monotonic()
        answer = self.gw.curl("/v1/users/7", "-H", "X-Request-Timeout-Ms: 300")
        self.check_error(answer, 504, 4)
        self.check_took(begun, 0.8)
        wait_for(lambda: h2.errors.ErrorCodes.CANCEL in self.upstream.resets, 1,
                 "the stream is reset with CANCEL")

    def test_stream_cut_is_not_a_clean_end(self):
        def cut(call):
            call.head()
            call.data(message(USER) * 2)
            call.data(message(USER)[:3])
            call.trailers(OK)
        self.upstream.behaviour = cut
        answer = self.gw.curl("/v1/users", "-m", "20")
        self.assertNotEqual(answer.curl_exit, 0)
        answer = self.gw.curl("/v1/users", "-H", "Accept: application/x-ndjson", "-m", "20")
        lines = answer.body.splitlines()
        self.assertEqual(lines[:2], [b'{"userId":"7"}'] * 2)
        self.assertIn(b'"error"', lines[-1])


class NotHttp2(Test):
    def test_garbage(self):
        for data in (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", b"\x00" * 100,
                     b"SSH-2.0-x\r\n", b"\xff" * 20000, b""):
            for close in (True, False):
                if not data and not close:
                    continue
                with self.subTest(data=data[:10], close=close):
                    upstream = Raw(data, close)
                    self.addCleanup(upstream.kill)
                    gw = self.gateway(config([upstream.endpoint]), ready=False)
                    answer = gw.curl("/v1/users/7", "-m", "20")
                    self.check_error(answer, 503 if not data else answer.status)
                    self.assertIn(answer.status, (502, 503))
                    gw.stop()
                    gw.kill()

    def test_silence_is_504_at_the_deadline(self):
        upstream = Raw(b"")
        self.addCleanup(upstream.kill)
        gw = self.gateway(config([upstream.endpoint]), ready=False)
        begun = time.monotonic()
        answer = gw.curl("/v1/users/7", "-H", "X-Request-Timeout-Ms: 400")
        self.assertIn(answer.status, (503, 504))
        self.check_took(begun, 1)

    def test_frames_that_break_the_protocol(self):
        settings = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
        for name, frames in {
            "push promise": b"\x00\x00\x04\x05\x04\x00\x00\x00\x01\x00\x00\x00\x02",
            "reset of idle": b"\x00\x00\x04\x03\x00\x00\x00\x00\x09\x00\x00\x00\x08",
            "window overflow": b"\x00\x00\x04\x08\x00\x00\x00\x00\x00\x7f\xff\xff\xff",
            "settings of 5 bytes": b"\x00\x00\x05\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
            "frame over its size": b"\xff\xff\xff\x00\x00\x00\x00\x00\x01",
            "data on stream 0": b"\x00\x00\x01\x00\x00\x00\x00\x00\x00x",
        }.items():
            with self.subTest(name=name):
                upstream = Raw(settings + frames)
                self.addCleanup(upstream.kill)
                gw = self.gateway(config([upstream.endpoint]), ready=False)
                answer = gw.curl("/v1/users/7", "-m", "5", "-H", "X-Request-Timeout-Ms: 2000")
                self.assertIn(answer.status, (500, 502, 503), answer)
                gw.stop()
                gw.kill()

    def test_floods(self):
        """More than a peer may ask for: the connection goes, memory and CPU stay."""
        settings = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
        ping = b"\x00\x00\x08\x06\x00\x00\x00\x00\x00ABCDEFGH"
        for name, frame in {"ping": ping, "settings": settings,
                            "unknown": b"\x00\x00\x00\xee\x00\x00\x00\x00\x00",
                            "priority": b"\x00\x00\x05\x02\x00\x00\x00\x00\x01\x00\x00\x00\x00\x01",
                            }.items():
            with self.subTest(name=name):
                upstream = Raw(settings + frame * 50000)
                self.addCleanup(upstream.kill)
                gw = self.gateway(config([upstream.endpoint]), ready=False)
                before = gw.rss()
                answer = gw.curl("/v1/users/7", "-m", "5", "-H", "X-Request-Timeout-Ms: 1000")
                self.assertIn(answer.status, (502, 503, 504))
                if not Settings.sanitized():
                    self.assertLess(gw.rss() - before, 3 * 2**20)
                gw.stop()
                gw.kill()


class Retries(Test):
    def test_a_refused_stream_is_sent_again(self):
        """The server says that it did not process it: safe even for a POST."""
        seen = []

        def refuse_first(call):
            seen.append(call)
            if len(seen) % 2:
                call.reset(h2.errors.ErrorCodes.REFUSED_STREAM)
            else:
                call.answer()
        upstream = Upstream(refuse_first)
        self.addCleanup(upstream.kill)
        gw = self.gateway(config([upstream.endpoint]))
        self.assertEqual(gw.curl("/v1/users", *JSON, "-d", "{}").status, 201)
        self.assertEqual(gw.curl("/v1/users/7").status, 200)
        self.assertEqual(len(seen), 4)

    def test_streams_above_goaways_last_are_sent_again(self):
        first = []

        def go_away(call):
            if not first:
                first.append(call)
                call.h2.close_connection(last_stream_id=0)
                call.flush()
            else:
                call.answer()
        upstream = Upstream(go_away)
        self.addCleanup(upstream.kill)
        gw = self.gateway(config([upstream.endpoint]))
        self.assertEqual(gw.curl("/v1/users", *JSON, "-d", "{}").status, 201)
        self.assertEqual(upstream.connections, 2)

    def test_requests_are_well_formed(self):
        upstream = Upstream(lambda call: call.answer())
        self.addCleanup(upstream.kill)
        gw = self.gateway(config([upstream.endpoint]))
        gw.curl("/v1/users/7")
        headers = upstream.requests[-1].headers
        self.assertEqual({k: headers[k] for k in (":method", ":scheme", ":path", ":authority", "te",
                                                  "content-type")},
                         {":method": "POST", ":scheme": "http",
                          ":path": "/userservice.UserService/GetUser",
                          ":authority": f"127.0.0.1:{upstream.port}", "te": "trailers",
                          "content-type": headers["content-type"]})
        self.assertIn(headers["content-type"], ("application/grpc", "application/grpc+proto"))
        self.assertRegex(headers["grpc-timeout"], r"^\d{1,8}[HMSmun]$")
        self.assertNotIn("content-length", headers)


if __name__ == "__main__":
    harness.main()
