"""TLS to clients: bad certificates, slow handshakes, renewals, drains."""
import re
import signal
import socket
import ssl
import subprocess
import time
from pathlib import Path

import harness
from certificates import CLIENT, DAY, SERVER, Certificate
from harness import Client, Closed, Gateway, Settings, config, heavy, wait_for
from tls_harness import TlsLoad, TlsTest, ssl_serial


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
        for words in ("did not return a certificate", "expired", "signature failure|local issuer",
                      "unsuitable certificate purpose", "self-signed", "revoked"):
            # The log has a thread of its own, which may be behind.
            wait_for(lambda words=words: re.search(words, self.gw.stderr()), 5, words)

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
        while len(gone) < count and time.monotonic() - opened < 40:
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
        self.check_took(opened, 6.5)
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
        wait_for(lambda: load.done > 100 or load.problems, 5, "there is traffic")
        load.stop()
        self.assertEqual(load.problems, [])
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
            self.check_within(lambda: self.serial(gw) == made.serial, 1, "the new certificate is shown")
        wait_for(lambda: load.done > 100 or load.problems, 5, "there is traffic")
        load.stop()
        self.assertEqual(load.problems, [])
        gw.stop()

    def test_a_broken_pair_keeps_the_old_one(self):
        gw = self.begin()
        good = self.serial(gw)
        load = self.load(gw)
        self.folder.write("renewed.key", Certificate("x").key_pem(), 0o600)
        wait_for(lambda: "does not fit" in gw.stderr(), 3, "it looks")
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
        wait_for(lambda: load.done > 50 or load.problems, 5, "there is traffic")
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
            self.check_took(begun, 2)

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
                run = subprocess.run([Settings.sluice(), command, str(path)], timeout=60,
                                     stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
                self.assertEqual(run.returncode, 1)
                self.assertIn(b"chmod 600", run.stderr)
                self.assertRegex(run.stderr.decode(), r"open\.yaml:1:\d+: ")


if __name__ == "__main__":
    harness.main()
