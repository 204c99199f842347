"""TLS to services: bad certificates, and real servers with good ones."""
import os
import re
import socket
import ssl
import time
import warnings

from cryptography.hazmat.primitives import hashes

import harness
from certificates import CLIENT, DAY, SERVER, Certificate, server_context, weak_key
from harness import Client, Closed, config, heavy, wait_for
from tls_harness import NAME, Counting, Rest, TlsTest
from users_server import BULK

warnings.filterwarnings("ignore", "SHA1 signatures")


class BadServices(TlsTest):
    """RELIABILITY F1: no byte of a request leaves for a service that is not the one wanted."""

    def refused(self, certificate, words, upstream=None, endpoint=None, protocols=("h2",)):
        server = Counting(server_context(self.folder, "bad", certificate, protocols))
        self.addCleanup(server.kill)
        gw = self.gateway(config([endpoint or server.endpoint], upstream=upstream or self.upstream()),
                          ready=False)
        wait_for(lambda: server.refusals or server.handshakes, 5, "the gateway tries")
        answer = gw.curl("/v1/users/7")
        self.check_error(answer, 503, 14, "TLS: ")
        self.assertRegex(answer.json()["message"], words)
        metrics = gw.metrics()
        failures = harness.metric_sum(metrics, "sluice_upstream_tls_failures_total", upstream="users")
        self.assertGreaterEqual(failures, 1)
        self.assertEqual(gw.admin("/readyz").status, 503)
        self.assertEqual(server.received, 0)
        wait_for(lambda: re.search(words, str([line.get("reason") for line in gw.log()])), 5,
                 "the log has the reason")
        gw.stop()

    def test_a_good_one_gets_bytes(self):
        """What the others are compared with."""
        server = Counting(server_context(
            self.folder, "good", Certificate("x", self.ca, names=[NAME])))
        self.addCleanup(server.kill)
        self.gateway(config([server.endpoint], upstream=self.upstream()), ready=False)
        wait_for(lambda: server.received > 24, 5, "the preface arrives")

    def test_01_expired(self):
        self.refused(Certificate("x", self.ca, names=[NAME], since=-9 * DAY, until=-2 * DAY),
                     "certificate has expired")

    def test_02_not_valid_yet(self):
        self.refused(Certificate("x", self.ca, names=[NAME], since=2 * DAY, until=9 * DAY),
                     "not yet valid")

    def test_03_of_another_host(self):
        self.refused(Certificate("x", self.ca, names=["orders.test", "users.test.evil.test"]),
                     "hostname mismatch")

    def test_04_of_another_ca(self):
        other = Certificate("Other CA", ca=True)
        self.refused(Certificate("x", other, names=[NAME]), "unable to get local issuer")

    def test_05_self_signed(self):
        self.refused(Certificate(NAME, names=[NAME]), "self-signed certificate")

    def test_06_name_only_in_the_subject(self):
        self.refused(Certificate(NAME, self.ca), "hostname mismatch")

    def test_07_wildcards_that_cover_too_much(self):
        self.refused(Certificate("x", self.ca, names=["*.test", "*", "u*.test", "*sers.test",
                                                      "users.*", "*.users.test"]),
                     "hostname mismatch")

    def test_08_an_address_as_a_name_and_a_name_as_an_address(self):
        self.refused(Certificate("x", self.ca, raw_names=["127.0.0.1"]), "IP address mismatch",
                     f"tls.ca: {self.ca_file}")
        server = Counting(server_context(self.folder, "mixed",
                                         Certificate("x", self.ca, names=["127.0.0.1"])))
        self.addCleanup(server.kill)
        gw = self.gateway(config([f"grpcs://localhost:{server.port}"],
                                 upstream=f"tls.ca: {self.ca_file}"), ready=False)
        wait_for(lambda: "hostname mismatch" in gw.curl("/v1/users/7").body.decode(), 5, "refused")
        self.assertEqual(server.received, 0)

    def test_09_without_its_intermediate(self):
        middle = Certificate("Middle CA", self.ca, ca=True)
        leaf = Certificate("x", middle, names=[NAME])
        self.refused(leaf, "unable to get local issuer")
        whole = Certificate("x", middle, names=[NAME], chain=[middle])
        server = Counting(server_context(self.folder, "whole", whole))
        self.addCleanup(server.kill)
        self.gateway(config([server.endpoint], upstream=self.upstream()), ready=False)
        wait_for(lambda: server.received > 24, 5, "with it all is well")

    def test_10_revoked(self):
        leaf = Certificate("x", self.ca, names=[NAME])
        listed = self.folder.write("crl.pem", self.ca.revoke(leaf))
        self.refused(leaf, "certificate revoked", self.upstream(f", crl: {listed}"))

    def test_11_for_clients_only(self):
        self.refused(Certificate("x", self.ca, names=[NAME], usage=[CLIENT]),
                     "unsuitable certificate purpose")

    def test_12_weak(self):
        self.refused(Certificate("x", self.ca, names=[NAME], key=weak_key()), "key too (small|weak)")
        self.refused(Certificate("x", self.ca, names=[NAME], digest=hashes.SHA1()), "too weak")

    def test_13_beyond_the_names_of_its_ca(self):
        middle = Certificate("Orders CA", self.ca, ca=True, constraint="orders.test")
        self.refused(Certificate("x", middle, names=[NAME], chain=[middle]), "subtree violation")

    def test_14_a_zero_byte_in_the_name(self):
        self.refused(Certificate("x", self.ca, names=[NAME + "\0.evil.test"]), "hostname mismatch")

    def test_does_not_speak_h2(self):
        """F2: with another protocol, and without ALPN."""
        leaf = Certificate("x", self.ca, names=[NAME])
        for protocols in ((), ("http/1.1",)):
            self.refused(leaf, "does not speak h2|no application protocol", protocols=protocols)

    def test_does_not_speak_tls(self):
        plain = harness.free_port()
        users = self.users("--address", f"127.0.0.1:{plain}")
        gw = self.gateway(config([f"grpcs://127.0.0.1:{plain}"], upstream=self.upstream()),
                          ready=False)
        wait_for(lambda: "TLS: " in gw.curl("/v1/users/7").body.decode(), 5, "refused")
        self.assertEqual(users.state()["count"], 0)

    def test_a_silent_service_is_given_up_after_the_connect_timeout(self):
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen(16)
            gw = self.gateway(config([f"grpcs://127.0.0.1:{silent.getsockname()[1]}"],
                                     upstream=self.upstream() + "\nconnect_timeout: 300ms"), ready=False)
            begun = time.monotonic()
            self.check_error(gw.curl("/v1/users/7"), 503, 14)
            self.check_took(begun, 2)


class Services(TlsTest):
    """Real gRPC servers that demand a certificate of the gateway."""

    def serve(self, language, client_ca=True):
        pair = self.folder.pair("service-" + language, Certificate(
            "users", self.ca, names=[NAME, "localhost"], usage=[SERVER]))
        return self.users("--tls", *pair, self.ca_file if client_ca else "", language=language)

    def mutual(self):
        return self.upstream(f", certificate: {self.client[0]}, key: {self.client[1]}")

    def call_all(self, language):
        server = self.serve(language)
        gw = self.gateway(config([f"grpcs://127.0.0.1:{server.port}"], upstream=self.mutual()),
                          tls=self.front())
        answer = self.https(gw, "/v1/users/7")
        self.assertEqual((answer.status, answer.json()["userId"]), (200, "7"), answer)
        metadata = dict(map(tuple, server.last()["metadata"]))
        self.assertEqual(metadata["x-forwarded-proto"], "https")
        self.check_error(self.https(gw, "/v1/users/status-5"), 404, 5)
        made = self.https(gw, "/v1/users", "-d", '{"name":"A"}', "-H",
                          "Content-Type: application/json")
        self.assertEqual((made.status, made.json()["name"]), (201, "A"))
        self.assertEqual(len(self.https(gw, "/v1/users?page_size=50").json()), 50)
        answer = self.https(gw, "/v1/users/big-2000000")
        self.assertEqual(len(answer.json()["name"]), 2000000)
        gw.stop()

    def test_grpcio(self):
        self.call_all("python")

    def test_grpc_js(self):
        self.call_all("node")

    def test_without_the_certificate_that_the_service_demands(self):
        for language, words in (("python", "cut the connection"), ("node", "certificate required")):
            server = self.serve(language)
            gw = self.gateway(config([f"grpcs://127.0.0.1:{server.port}"],
                                     upstream=self.upstream()), ready=False)
            wait_for(lambda: "TLS: " in gw.curl("/v1/users/7").body.decode(), 5, "refused")
            self.check_error(gw.curl("/v1/users/7"), 503, 14, words)
            self.assertEqual(server.state()["count"], 0)

    def test_a_name_and_the_systems_roots(self):
        server = self.serve("python", client_ca=False)
        os.environ["SSL_CERT_FILE"] = self.ca_file
        self.addCleanup(os.environ.pop, "SSL_CERT_FILE")
        gw = self.gateway(config([f"grpcs://localhost:{server.port}"]))
        self.assertEqual(gw.curl("/v1/users/7").status, 200)
        del os.environ["SSL_CERT_FILE"]
        try:
            other = self.gateway(config([f"grpcs://localhost:{server.port}"]), ready=False)
            wait_for(lambda: "TLS: unable" in other.curl("/v1/users/7").body.decode(), 5, "refused")
        finally:
            os.environ["SSL_CERT_FILE"] = self.ca_file

    @heavy
    def test_a_long_stream_is_as_slow_as_its_client(self):
        """100 MB through TLS on both sides; a client that stops reading stops the service."""
        count = 1600
        server = self.serve("python")
        gw = self.gateway(config([f"grpcs://127.0.0.1:{server.port}"], upstream=self.mutual()),
                          tls=self.front())
        client = Client(gw.port, timeout=60, tls=self.context(), name="localhost")
        before = gw.rss()
        client.send(f"GET /v1/users?page_size={BULK + count} HTTP/1.1\r\nHost: localhost\r\n"
                    "Accept: application/x-ndjson\r\n\r\n")
        self.assertEqual(client.head()[1], 200)
        time.sleep(1)
        sent = server.last()["sent"]
        time.sleep(0.5)
        self.assertEqual(server.last()["sent"], sent, "the service waits")
        self.assertLess(sent, 200)
        self.assertLess(gw.rss() - before, 16 * 2**20)
        lines = total = 0
        for chunk in client.chunks():
            total += len(chunk)
            lines += chunk.count(b"\n")
        self.assertEqual(lines, count)
        self.assertGreater(total, 100_000_000)
        client.close()
        gw.stop()


class Legacy(TlsTest):
    """REST services behind https."""

    def serve(self, certificate, client_ca=False):
        context = server_context(self.folder, "legacy", certificate, ("http/1.1",))
        if client_ca:
            context.load_verify_locations(self.ca_file)
            context.verify_mode = ssl.CERT_REQUIRED
        service = Rest(context)
        self.addCleanup(service.kill)
        return service

    def good(self):
        return Certificate("x", self.ca, names=[NAME])

    def legacy(self, service, more=""):
        text = config(["grpc://127.0.0.1:1"], extra="legacy: monolith")
        return self.gateway(text.replace("upstreams:\n", (
            f"upstreams:\n  monolith:\n    endpoints: [https://127.0.0.1:{service.port}]\n"
            f"    tls: {{ ca: {self.ca_file}, server_name: {NAME}{more} }}\n"
            "    backoff.initial: 50ms\n")), ready=False, tls=self.front())

    def test_passes_through_both_ways(self):
        service = self.serve(self.good(), client_ca=True)
        gw = self.legacy(service, f", certificate: {self.client[0]}, key: {self.client[1]}")
        for _ in range(5):
            answer = self.https(gw, "/old/thing?x=1", "-d", "a" * 100000)
            self.assertEqual((answer.status, len(answer.body)), (200, 100000), answer)
        self.assertIn("x-forwarded-proto: https", service.heads[-1].lower())
        self.assertEqual(len(service.connected), 1, "one connection, kept")
        gw.stop()

    def test_a_bad_certificate_gets_nothing(self):
        for certificate, words in ((Certificate("x", self.ca, names=["orders.test"]), "hostname"),
                                   (Certificate(NAME, names=[NAME]), "self-signed")):
            service = self.serve(certificate)
            gw = self.legacy(service)
            self.check_error(self.https(gw, "/old"), 503, 14, "TLS: ")
            self.assertIn(words, self.https(gw, "/old").json()["message"])
            self.assertEqual(service.heads, [])

    def test_an_end_that_is_not_told_in_tls_is_a_cut(self):
        """Of a body that only the connection's end would end."""
        service = self.serve(self.good())
        gw = self.legacy(service)
        with Client(gw.port, tls=self.context(), name="localhost") as client:
            client.send("GET /whole HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.assertEqual(client.answer().body, b"half")
        with Client(gw.port, tls=self.context(), name="localhost") as client:
            client.send("GET /cut HTTP/1.1\r\nHost: localhost\r\n\r\n")
            with self.assertRaises((Closed, ssl.SSLError)):
                client.answer()


if __name__ == "__main__":
    harness.main()
