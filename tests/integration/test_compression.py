"""gzip: messages to and from services, answers to clients; bombs."""
import gzip
import json
import struct
import zlib

import harness
from bad_server import HEAD, OK, Upstream, message
from harness import Settings, Test, config

JSON = ("-H", "Content-Type: application/json")
BOMB_BYTES = 40 << 20
ACCEPT = ("-H", "Accept-Encoding: gzip")
GZIP_HEAD = HEAD + [("grpc-encoding", "gzip")]


def user(name):
    """userservice.User{name}"""
    size, data = len(name), b"\x12"
    while size >= 0x80:
        data += bytes([size & 0x7f | 0x80])
        size >>= 7
    return data + bytes([size]) + name


class Services(Test):
    """Messages of gRPC."""

    def test_compressed_answers_are_read(self):
        server = self.users("--compression", "Gzip")
        gw = self.gateway(config([server.endpoint]))
        for size in (1, 1000, 100000):
            answer = gw.curl(f"/v1/users/big-{size}")
            self.assertEqual(answer.status, 200, answer)
            self.assertEqual(len(answer.json()["name"]), size)
        answer = gw.curl("/v1/users?page_size=50")
        self.assertEqual(len(answer.json()), 50)
        accepted = server.last()["metadata"]
        self.assertNotIn("grpc-encoding", dict(accepted))

    def check_requests(self, server):
        gw = self.gateway(config([server.endpoint], upstream="compression: gzip"))
        for size in (10, 2000, 100000):
            answer = gw.curl("/v1/users", *JSON, "-d", json.dumps({"name": "x" * size}))
            self.assertEqual(answer.status, 201, answer)
            self.assertEqual(len(server.last()["request"]["name"]), size)

    def test_compressed_requests_are_understood(self):
        self.check_requests(self.users())

    def test_and_by_another_implementation(self):
        self.check_requests(self.users(language="node"))

    def test_requests_are_compressed_where_that_pays(self):
        server = Upstream(lambda call: call.answer())
        self.addCleanup(server.kill)
        gw = self.gateway(config([server.endpoint], upstream="compression: gzip"))
        rows = (("x" * 10, 0), ("x" * 2000, 1), ("".join(map(chr, range(0x4e00, 0x5200))), 0))
        for name, flag in rows:
            self.assertEqual(gw.curl("/v1/users", *JSON, "-d", json.dumps({"name": name})).status, 201)
            call = server.requests[-1]
            self.assertEqual(call.headers["grpc-encoding"], "gzip")
            self.assertEqual(call.headers["grpc-accept-encoding"], "identity,gzip")
            self.assertEqual(len(call.body), 5 + struct.unpack(">I", call.body[1:5])[0])
            payload = gzip.decompress(call.body[5:]) if call.body[0] else call.body[5:]
            self.assertIn(name.encode(), payload)
            if flag:
                self.assertEqual(call.body[0], 1)
                self.assertLess(len(call.body), 200)
        self.assertEqual(server.requests[0].body[0], 0)

    def test_nothing_is_compressed_unasked(self):
        server = Upstream(lambda call: call.answer())
        self.addCleanup(server.kill)
        gw = self.gateway(config([server.endpoint]))
        self.assertEqual(gw.curl("/v1/users", *JSON, "-d", json.dumps({"name": "x" * 9000})).status, 201)
        self.assertNotIn("grpc-encoding", server.requests[0].headers)
        self.assertEqual(server.requests[0].body[0], 0)

    def answer_of(self, body, head=None, **options):
        def behaviour(call):
            call.head(head or GZIP_HEAD)
            for at in range(0, len(body), 16384):
                call.data(body[at:at + 16384])
            call.trailers(OK)
        server = Upstream(behaviour)
        self.addCleanup(server.kill)
        gw = self.gateway(config([server.endpoint], **options))
        return gw, gw.curl("/v1/users/7")

    def test_a_coding_that_was_not_asked_for(self):
        packed = message(gzip.compress(user(b"n")), 1)
        for head in (HEAD, HEAD + [("grpc-encoding", "identity")], HEAD + [("grpc-encoding", "br")]):
            _, answer = self.answer_of(packed, head)
            self.check_error(answer, 502, 13, "expected gzip")

    def test_malformed(self):
        good = gzip.compress(user(b"n" * 500))
        for bad in (b"", b"x" * 40, good[:-1], good + good, good[:-4] + b"\0\0\0\0",
                    zlib.compress(user(b"n" * 500))):
            _, answer = self.answer_of(message(bad, 1))
            self.check_error(answer, 502, 13, "upstream: ")

    def test_a_bomb(self):
        """RELIABILITY B17: 1:1000; refused, its limit named, and nothing of it in memory."""
        bomb = gzip.compress(user(b"\0" * BOMB_BYTES))
        self.assertGreater(BOMB_BYTES / len(bomb), 900)
        gw, _ = self.answer_of(message(bomb, 1), limits="message: 1MiB")
        before = gw.rss()
        for _ in range(10):
            self.check_error(gw.curl("/v1/users/7"), 502, 13, "over the limit of 1048576 (message)")
        if not Settings.sanitized():  # which keep what was freed
            self.assertLess(gw.rss() - before, (1 << 20) + (64 << 10))

    def test_a_bomb_that_lies_about_its_size(self):
        bomb = gzip.compress(user(b"\0" * BOMB_BYTES))[:-4] + struct.pack("<I", 1000000)
        gw, answer = self.answer_of(message(bomb, 1), limits="message: 1MiB")
        self.check_error(answer, 502, 13, "more than the 1000000 bytes that it says")
        before = gw.rss()
        for _ in range(10):
            self.check_error(gw.curl("/v1/users/7"), 502, 13)
        if not Settings.sanitized():  # which keep what was freed
            self.assertLess(gw.rss() - before, (1 << 20) + (64 << 10))


class Clients(Test):
    """Answers over HTTP."""

    def setUp(self):
        self.server = self.users()

    def gw(self, **options):
        return self.gateway(config([self.server.endpoint], **options))

    def check_plain(self, answer, varies):
        self.assertIsNone(answer.header("content-encoding"), answer)
        self.assertEqual(answer.header("vary"), "accept-encoding" if varies else None, answer)
        answer.json()

    def test_curl_compressed(self):
        gw = self.gw()
        answer = gw.curl("/v1/users/big-50000", "--compressed")
        self.assertEqual(answer.header("content-encoding"), "gzip")
        self.assertEqual(answer.header("vary"), "accept-encoding")
        self.assertLess(int(answer.header("content-length")), 1000)
        self.assertEqual(answer.json()["name"], "n" * 50000)

    def test_only_where_it_is_asked_for_and_pays(self):
        gw = self.gw()
        self.check_plain(gw.curl("/v1/users/big-50000"), True)
        self.check_plain(gw.curl("/v1/users/big-50000", "-H", "Accept-Encoding: br, gzip;q=0"), True)
        self.check_plain(gw.curl("/v1/users/big-100", *ACCEPT), False)
        answer = gw.curl("/v1/users/big-2000", *ACCEPT)
        self.assertEqual(answer.header("content-encoding"), "gzip")
        self.assertEqual(json.loads(gzip.decompress(answer.body))["name"], "n" * 2000)

    def test_head_says_what_get_would(self):
        gw = self.gw()
        get = gw.curl("/v1/users/big-50000", *ACCEPT)
        head = gw.curl("/v1/users/big-50000", "-I", *ACCEPT)
        for name in ("content-length", "content-encoding", "content-type", "vary"):
            self.assertEqual(head.header(name), get.header(name))

    def test_streams_flow_on_uncompressed(self):
        gw = self.gw()
        answer = gw.curl("/v1/users?page_size=200", *ACCEPT)
        self.assertIsNone(answer.header("content-encoding"))
        self.assertEqual(len(answer.json()), 200)

    def test_size_and_off(self):
        gw = self.gw(extra="compression: { min_size: 64B }")
        self.assertEqual(gw.curl("/v1/users/big-100", *ACCEPT).header("content-encoding"), "gzip")
        gw = self.gw(extra="compression: { gzip: false }")
        self.check_plain(gw.curl("/v1/users/big-50000", *ACCEPT), False)

    def test_a_large_answer_is_left_as_it_is(self):
        gw = self.gw(limits="message: 4MiB")
        self.check_plain(gw.curl(f"/v1/users/big-{2 << 20}", *ACCEPT), True)

    def test_errors_too(self):
        gw = self.gw(extra="compression: { min_size: 64B }")
        answer = gw.curl("/v1/users/status-5", "--compressed")
        self.assertEqual((answer.status, answer.header("content-encoding")), (404, "gzip"))
        self.assertEqual(answer.json()["code"], 5)

    def test_validators_are_weak_and_no_transform_is_obeyed(self):
        def tagged(call):
            call.answer(body=message(user(b"n" * 5000)), head=HEAD + [("etag", '"v1"')])
        upstream = Upstream(tagged)
        self.addCleanup(upstream.kill)
        gw = self.gateway(config([upstream.endpoint]))
        self.assertEqual(gw.curl("/v1/users/7").header("etag"), '"v1"')
        self.assertEqual(gw.curl("/v1/users/7", *ACCEPT).header("etag"), 'W/"v1"')

        def transformless(call):
            call.answer(body=message(user(b"n" * 5000)),
                        head=HEAD + [("cache-control", "max-age=5, No-Transform")])
        upstream = Upstream(transformless)
        self.addCleanup(upstream.kill)
        self.check_plain(self.gateway(config([upstream.endpoint])).curl("/v1/users/7", *ACCEPT), False)

    def test_a_compressed_request_body_is_refused(self):
        gw = self.gw()
        answer = gw.curl("/v1/users", *JSON, "-H", "Content-Encoding: gzip", "-d", "{}")
        self.check_error(answer, 415)


if __name__ == "__main__":
    harness.main()
