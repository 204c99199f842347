"""TLS: bad certificates of services and clients, good ones, renewals, slow handshakes."""
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import warnings
from pathlib import Path

from cryptography.hazmat.primitives import hashes

import harness
from bad_server import Listener
from certificates import CLIENT, DAY, SERVER, Certificate, Folder, server_context, weak_key
from harness import Client, Closed, Gateway, Settings, Test, config, curl, heavy, wait_for
from users_server import BULK

NAME = "users.test"


class Counting(Listener):
    """A TLS server that counts what comes through its handshake."""

    def __init__(self, context):
        self.context, self.received, self.handshakes, self.refusals = context, 0, 0, 0
        super().__init__()
        self.endpoint = f"grpcs://127.0.0.1:{self.port}"

    def serve(self, accepted):
        accepted.settimeout(20)
        try:
            with self.context.wrap_socket(accepted, server_side=True) as tls:
                self.handshakes += 1
                while True:
                    data = tls.recv(65536)
                    if not data:
                        return
                    self.received += len(data)
        except OSError:
            self.refusals += 1


class TlsTest(Test):
    @classmethod
    def setUpClass(cls):
        cls.folder = Folder(Path(tempfile.mkdtemp(dir=Settings.work(), prefix="tls-")))
        cls.addClassCleanup(shutil.rmtree, cls.folder.path)
        cls.ca = Certificate("Test CA", ca=True)
        cls.ca_file = cls.folder.write("ca.pem", cls.ca.pem())
        cls.own = cls.folder.pair("gateway", Certificate(
            "gateway", cls.ca, names=["localhost", "127.0.0.1", "gateway.test"]))
        cls.client = cls.folder.pair("client", Certificate("client", cls.ca, usage=[CLIENT]))

    def upstream(self, more=""):
        return f"tls: {{ ca: {self.ca_file}, server_name: {NAME}{more} }}\nbackoff.initial: 50ms"

    def front(self, more=""):
        return f"{{ certificate: {self.own[0]}, key: {self.own[1]}{more} }}"

    def context(self, client=None, version=None):
        context = ssl.create_default_context(cafile=self.ca_file)
        if client is not None:
            context.load_cert_chain(*client)
        if version is not None:
            context.minimum_version = context.maximum_version = version
        return context

    def https(self, gateway, target, *arguments):
        return curl(f"https://localhost:{gateway.port}{target}", "--cacert", self.ca_file, *arguments)


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
            self.assertLess(time.monotonic() - begun, 2)


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


class Rest(Listener):
    """Answers with the request's body; /cut and /whole: "half", ended by the connection's end, which
    only /whole tells in TLS."""

    def __init__(self, context):
        self.context, self.heads, self.connected = context, [], []
        super().__init__()

    def serve(self, accepted):
        accepted.settimeout(20)
        with self.context.wrap_socket(accepted, server_side=True) as tls:
            self.connected.append(tls)
            while self.answer(tls):
                pass

    def answer(self, tls):
        data = b""
        while b"\r\n\r\n" not in data:
            more = tls.recv(65536)
            if not more:
                return False
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        self.heads.append(head.decode())
        length = re.search(r"content-length: (\d+)", head.decode().lower())
        while length and len(body) < int(length[1]):
            body += tls.recv(65536)
        if b" /cut " in head or b" /whole " in head:
            tls.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf")
            if b" /whole " in head:
                tls.unwrap()
            else:
                tls.shutdown(socket.SHUT_RDWR)
            return False
        tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        return True


class Clients(TlsTest):
    """RELIABILITY F3: who has no valid certificate reaches nothing."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = harness.Users()
        cls.addClassCleanup(cls.server.kill)
        revoked = Certificate("revoked", cls.ca, usage=[CLIENT])
        listed = cls.folder.write("clients.crl", cls.ca.revoke(revoked))
        other = Certificate("Test CA", ca=True)
        bad = {
            "expired": Certificate("client", cls.ca, since=-9 * DAY, until=-DAY),
            "wrong-ca": Certificate("client", other),
            "server-only": Certificate("client", cls.ca, usage=[SERVER]),
            "same-name": Certificate("client"),
            "revoked": revoked,
        }
        cls.bad = {name: cls.folder.pair(name, made) for name, made in bad.items()}
        cls.gw = Gateway(config([cls.server.endpoint]), tls=cls.front(
            cls, f", client_ca: {cls.ca_file}, crl: {listed}"))
        cls.addClassCleanup(cls.gw.kill)

    def setUp(self):
        self.server.clear()

    def failures(self):
        return harness.metric_sum(self.gw.metrics(), "sluice_tls_failures_total")

    def test_six_bad_ones(self):
        """With both versions: in 1.3 a client is done before the server has looked at it."""
        before = self.failures()
        for i, (name, pair) in enumerate([("none", None), *self.bad.items()]):
            if i % 3 == 0:
                time.sleep(1.1)  # at most 10 are logged in a second
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                with self.subTest(name, version=version):
                    with self.assertRaises((ssl.SSLError, ConnectionError, Closed)):
                        with Client(self.gw.port, tls=self.context(pair, version),
                                    name="localhost") as client:
                            client.get("/v1/users/7", "Host: localhost\r\n")
        self.assertEqual(self.server.state()["count"], 0)
        self.assertEqual(self.failures() - before, 12)
        text = self.gw.stderr()
        for words in ("did not return a certificate", "expired", "signature failure|local issuer",
                      "unsuitable certificate purpose", "self-signed", "revoked"):
            self.assertRegex(text, words)

    def test_a_client_is_told_by_an_alert(self):
        """Not by a reset, which would leave it guessing."""
        for _ in range(5):
            with self.assertRaisesRegex(ssl.SSLError, "certificate required"):
                with Client(self.gw.port, tls=self.context(), name="localhost") as client:
                    client.send("GET /v1/users/7 HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    client.more()

    def test_a_good_one(self):
        arguments = ("--cert", self.client[0], "--key", self.client[1])
        for versions in (("--tls-max", "1.2"), ("--tlsv1.3",)):
            answer = self.https(self.gw, "/v1/users/7", *arguments, *versions)
            self.assertEqual(answer.status, 200, answer)
        self.assertEqual(self.server.state()["count"], 2)

    def test_a_resumed_session_is_still_a_good_one(self):
        context = self.context(self.client, ssl.TLSVersion.TLSv1_2)
        session = None
        for reused in (False, True):
            sock = socket.create_connection(("127.0.0.1", self.gw.port))
            tls = context.wrap_socket(sock, server_hostname="localhost", session=session)
            session = tls.session
            self.assertEqual(tls.session_reused, reused)
            tls.sendall(b"GET /v1/users/7 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.assertIn(b" 200 ", tls.recv(65536))
            tls.close()


class Front(TlsTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = harness.Users()
        cls.addClassCleanup(cls.server.kill)
        cls.gw = Gateway(config([cls.server.endpoint]), tls=cls.front(cls))
        cls.addClassCleanup(cls.gw.kill)

    def setUp(self):
        self.server.clear()

    def connect(self, name="localhost", **options):
        return Client(self.gw.port, tls=self.context(), name=name, **options)

    def ask(self, client, host):
        client.send(f"GET /v1/users/7 HTTP/1.1\r\nHost: {host}\r\n\r\n")
        return client.answer()

    def test_versions_and_protocols(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = self.context(version=version)
            context.set_alpn_protocols(["h2", "http/1.1"])
            with Client(self.gw.port, tls=context, name="localhost") as client:
                self.assertEqual(client.socket.selected_alpn_protocol(), "http/1.1")
                self.assertEqual(self.ask(client, "localhost").status, 200)
        context.set_alpn_protocols(["h2"])
        with self.assertRaisesRegex(ssl.SSLError, "no application protocol"):
            Client(self.gw.port, tls=context, name="localhost")

    def test_openssl_s_client(self):
        made = subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{self.gw.port}", "-CAfile", self.ca_file,
             "-servername", "localhost", "-verify_return_error", "-quiet", "-no_ign_eof"],
            input=b"GET /v1/users/7 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=20)
        self.assertIn(b"depth=0", made.stderr)
        old = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{self.gw.port}",
                              "-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0"], input=b"",
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20)
        self.assertRegex(old.stdout, b"alert protocol version|no protocols available")

    def test_many_requests_on_one_connection(self):
        with self.connect() as client:
            for i in range(200):
                client.send(f"GET /v1/users/{i} HTTP/1.1\r\nHost: localhost\r\n\r\n")
                self.assertEqual(client.answer().json()["userId"], str(i))

    def test_another_host_than_the_servers_name(self):
        """RELIABILITY F8."""
        for host, status in (("localhost", 200), (f"LOCALHOST:{self.gw.port}", 200),
                             ("localhost.", 200), ("gateway.test", 421), ("127.0.0.1", 421),
                             ("localhost.evil.test", 421), ("[::1]:1", 421)):
            with self.subTest(host), self.connect() as client:
                answer = self.ask(client, host)
                self.assertEqual(answer.status, status, answer)
        self.assertEqual(self.server.state()["count"], 3)
        with self.connect("127.0.0.1") as client:  # an address is no SNI: nothing to compare
            self.assertEqual(self.ask(client, "any.test").status, 200)

    def test_plain_http_on_the_port(self):
        answer = self.gw.curl("/v1/users/7")
        self.assertEqual((answer.status, answer.header("connection")), (400, "close"), answer)
        self.assertEqual(self.server.state()["count"], 0)

    def test_who_only_knocks_has_not_failed(self):
        """A balancer's check of the port is no line in the log."""
        def failures():
            return harness.metric_sum(self.gw.metrics(), "sluice_tls_failures_total")
        before = failures()
        for _ in range(5):
            socket.create_connection(("127.0.0.1", self.gw.port)).close()
        with socket.create_connection(("127.0.0.1", self.gw.port)) as sock:
            sock.send(b"\x16")
        wait_for(lambda: failures() > before, 5, "the one that said something counts")
        self.assertEqual(failures() - before, 1)

    def test_an_end_is_told_in_tls(self):
        """A body that the connection's end would end could be cut by anybody on the way."""
        with self.connect() as client:
            client.send("GET /v1/users?page_size=3 HTTP/1.0\r\nHost: localhost\r\n\r\n")
            self.assertEqual(len(client.answer().json()), 3)  # Closed, and no ssl.SSLEOFError
            client.socket.close()

    def test_the_key_is_told_nobody(self):
        secret = Path(self.own[1]).read_text().splitlines()[1:-1]
        self.https(self.gw, "/v1/users/7")
        told = self.gw.stderr() + Path(f"/proc/{self.gw.pid}/environ").read_text() + \
            Path(f"/proc/{self.gw.pid}/cmdline").read_text()
        for path in ("/routes", "/metrics", "/readyz", "/"):
            told += self.gw.admin(path).body.decode()
        for line in secret:
            self.assertNotIn(line, told)

    def test_slow_handshakes(self):
        """RELIABILITY F5: 1,000 that send a byte now and then; each is gone after 5 s."""
        count = 100 if Settings.sanitized() else 1000
        hello = self.hello()
        before, begun = self.gw.rss(), time.monotonic()
        slow = []
        for _ in range(count):
            slow.append(socket.create_connection(("127.0.0.1", self.gw.port)))
            slow[-1].setblocking(False)
        opened = time.monotonic()
        gone, sent = set(), 0
        while len(gone) < count and time.monotonic() - opened < 9:
            for i, sock in enumerate(slow):
                if i in gone:
                    continue
                try:
                    if sock.recv(100) == b"":
                        gone.add(i)
                except BlockingIOError:
                    pass
                except OSError:
                    gone.add(i)
            if time.monotonic() - begun > 0.5 * (sent + 1):
                for i, sock in enumerate(slow):
                    if i not in gone:
                        try:
                            sock.send(hello[sent:sent + 1])
                        except OSError:
                            gone.add(i)
                sent += 1
                with self.connect() as client:
                    self.assertEqual(self.ask(client, "localhost").status, 200)
            time.sleep(0.05)
        self.assertEqual(len(gone), count)
        self.assertLess(time.monotonic() - opened, 6.5)
        if not Settings.sanitized():
            self.assertLess(self.gw.rss() - before, 64 * 2**20)
        for sock in slow:
            sock.close()
        hits = harness.metric_sum(self.gw.metrics(), "sluice_limits_hit_total",
                                  limit="tls_handshake_timeout")
        self.assertGreaterEqual(hits, count)

    def hello(self):
        """A client's first message."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = self.context().wrap_bio(incoming, outgoing, server_hostname="localhost")
        with self.assertRaises(ssl.SSLWantReadError):
            client.do_handshake()
        return outgoing.read()


class Renewal(TlsTest):
    """RELIABILITY F6."""

    def pair(self, name="renewed"):
        made = Certificate("gateway", self.ca, names=["localhost"])
        return made, *self.folder.pair(name, made)

    def serial(self, gw):
        with Client(gw.port, tls=self.context(), name="localhost") as client:
            der = client.socket.getpeercert(binary_form=True)
        return ssl_serial(der)

    def begin(self):
        server = self.users()
        made, certificate, key = self.pair()
        gw = self.gateway(config([server.endpoint], workers=2),
                          tls=f"{{ certificate: {certificate}, key: {key} }}")
        self.assertEqual(self.serial(gw), made.serial)
        return gw

    def load(self, gw):
        return TlsLoad(gw, self.context())

    def test_files_that_change_are_used_within_a_second(self):
        gw = self.begin()
        load = self.load(gw)
        time.sleep(0.5)
        took = []
        for _ in range(3):
            made, _, _ = self.pair()
            begun = time.monotonic()
            wait_for(lambda: self.serial(gw) == made.serial, 5, "the new certificate is shown")
            took.append(time.monotonic() - begun)
        print("new certificate after", ", ".join(f"{t:.2f} s" for t in took))
        if not Settings.sanitized():
            self.assertLess(min(took), 1)
        load.stop()
        self.assertEqual(load.problems, [])
        self.assertGreater(load.done, 100)
        gw.stop()

    def test_a_reload_uses_them_too(self):
        gw = self.begin()
        load = self.load(gw)
        for i in range(10):
            made, _, _ = self.pair()
            if i % 2:
                gw.signal(signal.SIGHUP)
            else:
                self.assertEqual(gw.admin("/reload", "-X", "POST").status, 200)
            wait_for(lambda: self.serial(gw) == made.serial, 1, "the new certificate is shown")
        load.stop()
        self.assertEqual(load.problems, [])
        self.assertGreater(load.done, 100)
        gw.stop()

    def test_a_broken_pair_keeps_the_old_one(self):
        gw = self.begin()
        good = self.serial(gw)
        load = self.load(gw)
        self.folder.write("renewed.key", Certificate("x").key_pem(), 0o600)
        time.sleep(1.5)
        self.assertEqual(self.serial(gw), good)
        told = [line for line in gw.log() if "does not fit" in line.get("text", "")]
        self.assertEqual(len(told), 1, "once, not each time that it looks")
        gw.signal(signal.SIGHUP)
        wait_for(lambda: len([line for line in gw.log()
                              if "does not fit" in line.get("text", "")]) == 2, 2, "asked again")
        self.assertEqual(self.serial(gw), good)
        for name in ("renewed.pem", "renewed.key"):
            (self.folder.path / name).unlink()
        time.sleep(1.2)
        self.assertEqual(self.serial(gw), good)
        made, _, _ = self.pair()
        wait_for(lambda: self.serial(gw) == made.serial, 2, "mended")
        load.stop()
        self.assertEqual(load.problems, [])
        gw.stop()

    def test_a_renewal_reads_no_configuration(self):
        """Who edits the file has not said yet that it shall count."""
        gw = self.begin()
        gw.write(gw.text.replace("/v1/users/{user_id}", "/v2/users/{user_id}"))
        made, _, _ = self.pair()
        wait_for(lambda: self.serial(gw) == made.serial, 3, "the new certificate is shown")
        self.assertEqual(self.https(gw, "/v1/users/7").status, 200)
        gw.signal(signal.SIGHUP)
        wait_for(lambda: self.https(gw, "/v2/users/7").status == 200, 2, "now it counts")
        gw.stop()


class Ends(TlsTest):
    def test_a_drain_loses_nothing(self):
        server = self.users()
        gw = self.gateway(config([server.endpoint], workers=2), tls=self.front())
        load = TlsLoad(gw, self.context(), clients=6, kept=True)
        time.sleep(1)
        load.draining = True
        gw.signal(signal.SIGTERM)
        self.assertEqual(gw.wait(8), 0)
        load.stop()
        self.assertEqual(load.problems, [])
        self.assertGreater(load.done, 50)
        self.assertEqual(server.state()["running"], 0)

    def test_a_handshake_that_never_ends_does_not_hold_a_drain(self):
        server = self.users()
        gw = self.gateway(config([server.endpoint]), tls=self.front())
        with socket.create_connection(("127.0.0.1", gw.port)) as silent:
            silent.send(b"\x16\x03\x01\x02")
            time.sleep(0.2)
            begun = time.monotonic()
            gw.signal(signal.SIGTERM)
            self.assertEqual(gw.wait(4), 0)
            self.assertLess(time.monotonic() - begun, 2)

    def test_silent_connections_give_way(self):
        """They count before their handshake, and the oldest goes first."""
        server = self.users()
        gw = self.gateway(config([server.endpoint], limits="connections: 50"), tls=self.front())
        silent = [socket.create_connection(("127.0.0.1", gw.port)) for _ in range(120)]
        for _ in range(5):
            with Client(gw.port, tls=self.context(), name="localhost") as client:
                client.send("GET /v1/users/7 HTTP/1.1\r\nHost: localhost\r\n\r\n")
                self.assertEqual(client.answer().status, 200)
        self.assertLess(harness.metric_sum(gw.metrics(), "sluice_connections"), 51)
        for sock in silent:
            sock.close()
        gw.stop()

    def test_a_client_that_leaves_cancels_its_call(self):
        server = self.users()
        gw = self.gateway(config([server.endpoint]), tls=self.front())
        for polite in (True, False):
            client = Client(gw.port, tls=self.context(), name="localhost")
            client.send("GET /v1/users/hang HTTP/1.1\r\nHost: localhost\r\n\r\n")
            wait_for(lambda: server.state()["running"] == 1, 5, "the call runs")
            if polite:
                client.socket.setblocking(False)
                try:
                    client.socket.unwrap()  # close_notify, and no FIN
                except ssl.SSLError:
                    pass
            else:
                client.close()
            wait_for(lambda: server.state()["running"] == 0, 3, "the call is cancelled")
            client.close()
        gw.stop()

    @heavy
    def test_memory_of_idle_connections(self):
        server = self.users()
        gw = self.gateway(config([server.endpoint]), tls=self.front())
        context = self.context()
        before, clients = gw.rss(), []
        for i in range(1000):
            clients.append(Client(gw.port, tls=context, name="localhost"))
            clients[-1].send("GET /v1/users/7 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.assertEqual(clients[-1].answer().status, 200)
        each = (gw.rss() - before) / len(clients)
        print(f"{each / 1024:.1f} KiB for each idle connection")
        if not Settings.sanitized():
            self.assertLess(each, 32 * 1024)
        for client in clients:
            client.close()
        gw.stop()


class Keys(TlsTest):
    """RELIABILITY F7."""

    def test_one_that_others_can_read_is_refused(self):
        made = Certificate("gateway", self.ca, names=["localhost"])
        certificate = self.folder.write("open.pem", made.pem())
        path = self.folder.path / "open.yaml"
        for mode in (0o640, 0o604):
            key = self.folder.write("open.key", made.key_pem(), mode)
            path.write_text("listen: [{address: \"127.0.0.1:0\", tls: "
                            f"{{certificate: {certificate}, key: {key}}}}}]\n")
            for command in ("serve", "check"):
                run = subprocess.run([Settings.sluice(), command, str(path)], timeout=10,
                                     stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
                self.assertEqual(run.returncode, 1)
                self.assertIn(b"chmod 600", run.stderr)
                self.assertRegex(run.stderr.decode(), r"open\.yaml:1:\d+: ")


class TlsLoad:
    """Clients that ask on kept connections and on new ones, until told to stop."""

    def __init__(self, gateway, context, clients=4, kept=False):
        self.gateway, self.context, self.kept = gateway, context, kept
        self.done, self.problems, self.stopping, self.draining = 0, [], False, False
        self.threads = [threading.Thread(target=self.run, args=(i,)) for i in range(clients)]
        for thread in self.threads:
            thread.start()

    def connect(self):
        return Client(self.gateway.port, tls=self.context, name="localhost")

    def run(self, number):
        try:
            client = self.connect()
            while not self.stopping:
                client.send("GET /v1/users/sleep-2 HTTP/1.1\r\nHost: localhost\r\n\r\n")
                answer = client.answer()
                if answer.status != 200:
                    self.problems.append(repr(answer))
                self.done += 1
                closes = answer.header("connection") == "close"
                if closes and self.draining:
                    break
                if closes or (number % 2 and not self.kept):
                    client.close()
                    client = self.connect()
            client.close()
        except (Closed, OSError, ValueError) as problem:
            self.problems.append(repr(problem))

    def stop(self):
        self.stopping = True
        for thread in self.threads:
            thread.join()


def ssl_serial(der):
    made = subprocess.run(["openssl", "x509", "-inform", "DER", "-noout", "-serial"], input=der,
                          stdout=subprocess.PIPE, check=True)
    return int(re.search(rb"serial=([0-9A-F]+)", made.stdout)[1], 16)


if __name__ == "__main__":
    harness.main()
