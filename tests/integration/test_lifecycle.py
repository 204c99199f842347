"""Start, reload, drain."""
import signal
import subprocess
import threading
import time

import harness
from harness import ROUTES, Closed, Settings, Test, config, wait_for
from users_server import BULK


class Load:
    """Keep-alive clients that ask again and again until told to stop; a thread each.

    A client whose answer said `Connection: close` opens a new connection, or ends when draining.
    """

    def __init__(self, gateway, clients=6, target="/v1/users/sleep-3"):
        self.gateway, self.target = gateway, target
        self.done = self.failed = self.closing = 0
        self.problems = []
        self.stopping = self.draining = False
        self.threads = [threading.Thread(target=self.run, args=(i,)) for i in range(clients)]
        for thread in self.threads:
            thread.start()

    def run(self, number):
        client = self.gateway.connect()
        count = 0
        while not self.stopping:
            count += 1
            try:
                if number % 3 == 2 and count % 2:
                    answer = client.get("/v1/users", method="POST", body='{"name":"A"}')
                else:
                    answer = client.get(self.target)
                if answer.status not in (200, 201) or not answer.json():
                    self.problems.append(repr(answer))
            except (Closed, OSError, ValueError) as problem:
                self.problems.append(repr(problem))
                return
            self.done += 1
            if answer.header("connection") == "close":
                self.closing += 1
                client.close()
                if self.draining:
                    return
                client = self.gateway.connect()
        client.close()

    def stop(self):
        self.stopping = True
        for thread in self.threads:
            thread.join()


class Drain(Test):
    def drain(self, workers):
        server = self.users()
        gw = self.gateway(config([server.endpoint], workers=workers))
        load = Load(gw)
        time.sleep(1.5)
        wait_for(lambda: load.done > 200 or load.problems, 5, "there is traffic")
        load.draining = True
        gw.signal(signal.SIGTERM)
        self.assertEqual(gw.wait(8), 0)
        load.stop()
        self.assertEqual(load.problems, [])
        self.assertEqual(load.closing, 6, "every client was told to close")
        self.assertGreater(load.done, 200)
        self.assertEqual(server.state()["running"], 0)

    def test_no_request_fails(self):
        self.drain(1)

    def test_no_request_fails_on_two_workers(self):
        self.drain(2)

    def test_idle_exits_within_a_second(self):
        server = self.users()
        gw = self.gateway(config([server.endpoint]))
        idle = [gw.connect() for _ in range(10)]
        for client in idle[:5]:
            client.get("/v1/users/7")
        begun = time.monotonic()
        gw.signal(signal.SIGTERM)
        self.assertEqual(gw.wait(3), 0)
        self.check_took(begun, 1.0 if not Settings.sanitized() else 2.0)
        for client in idle:
            self.assertTrue(client.closed(5))
            self.assertEqual(client.rest, b"")
            client.close()

    def test_what_runs_is_finished(self):
        server = self.users()
        gw = self.gateway(config([server.endpoint]))
        client = gw.connect()
        client.send("GET /v1/users/sleep-3000 HTTP/1.1\r\nHost: t\r\n\r\n")
        stream = gw.connect()
        stream.send("GET /v1/users?page_size=-4 HTTP/1.1\r\nHost: t\r\n\r\n")
        wait_for(lambda: server.state()["running"] == 2, 2, "two calls run")
        gw.signal(signal.SIGTERM)
        time.sleep(0.2)
        self.assertEqual(gw.admin("/readyz").status, 503)  # not ready at once
        answer = client.answer()
        self.assertEqual((answer.status, answer.header("connection")), (200, "close"))
        self.assertEqual(len(stream.answer().json()), 5)
        self.assertEqual(gw.wait(3), 0)

    def test_an_endless_stream_is_ended_at_the_drain_timeout(self):
        server = self.users()
        gw = self.gateway(config([server.endpoint], extra="drain_timeout: 1s"))
        client = gw.connect()
        client.send("GET /v1/users?page_size=-7 HTTP/1.1\r\nHost: t\r\n\r\n")
        client.read_until(b"User 1")
        begun = time.monotonic()
        gw.signal(signal.SIGTERM)
        self.assertEqual(gw.wait(4), 0)
        self.assertGreater(time.monotonic() - begun, 0.8)
        self.assertTrue(client.closed(5))
        self.assertFalse(client.rest.endswith(b"0\r\n\r\n"), "not a clean end")

    def test_at_the_drain_timeout_each_client_is_told(self):
        """A stream ends with an error record, a call with 503: nothing is merely cut."""
        server = self.users()
        gw = self.gateway(config([server.endpoint], extra="drain_timeout: 1s"))
        clients = {}
        for accept in ("application/x-ndjson", "text/event-stream"):
            clients[accept] = client = gw.connect()
            client.send("GET /v1/users?page_size=-7 HTTP/1.1\r\nHost: t\r\n"
                        f"Accept: {accept}\r\n\r\n")
            client.read_until(b"User 1")
        unary = gw.connect()
        unary.send("GET /v1/users/hang HTTP/1.1\r\nHost: t\r\n\r\n")
        wait_for(lambda: server.state()["running"] == 3, 2, "the calls run")
        gw.signal(signal.SIGTERM)
        answer = unary.answer()
        self.assertEqual((answer.status, answer.header("connection")), (503, "close"))
        self.assertIn(b'{"error":{"code":14', clients["application/x-ndjson"].read_until(b"0\r\n\r\n"))
        self.assertIn(b"event: error", clients["text/event-stream"].read_until(b"0\r\n\r\n"))
        for client in (unary, *clients.values()):
            client.close()
        self.assertEqual(gw.wait(4), 0)

    def test_sigint_stops_too(self):
        server = self.users()
        gw = self.gateway(config([server.endpoint]))
        gw.signal(signal.SIGINT)
        self.assertEqual(gw.wait(3), 0)

    def test_after_all_kinds_of_traffic_nothing_is_left(self):
        """The exit code says so under a leak checker."""
        server = self.users()
        gw = self.gateway(config([server.endpoint], workers=2))
        for target in ("/v1/users/7", "/v1/users/status-5", "/nothing", "/v1/users?page_size=-2",
                       f"/v1/users?page_size={BULK + 20}", "/v1/users?page_size=x"):
            gw.curl(target)
        left = gw.connect()
        left.send("GET /v1/users/hang HTTP/1.1\r\nHost: t\r\n\r\n")
        half = gw.connect()
        half.send("POST /v1/users HTTP/1.1\r\nHost: t\r\nContent-Length: 50\r\n\r\n{")
        wait_for(lambda: server.state()["running"] == 1, 2, "the call runs")
        left.close()
        wait_for(lambda: server.state()["running"] == 0, 2, "the call is cancelled")
        half.close()
        gw.stop()


class Reload(Test):
    def test_a_route_appears_and_another_goes(self):
        server = self.users()
        gw = self.gateway(config([server.endpoint]))
        self.assertEqual(gw.curl("/v2/users/7").status, 404)
        gw.write(gw.text.replace("/v1/users/{user_id}", "/v2/users/{user_id}"))
        gw.signal(signal.SIGHUP)
        wait_for(lambda: gw.curl("/v2/users/7").status == 200, 3, "the new route answers")
        self.assertEqual(gw.curl("/v1/users/7").status, 405)  # PATCH is still there
        self.assertIn("GET /v2/users/{user_id}", gw.admin("/routes").body.decode())
        gw.stop()

    def test_under_load_nothing_fails(self):
        server, second = self.users(), self.users()
        gw = self.gateway(config([server.endpoint], workers=2))
        load = Load(gw)
        texts = [config([s.endpoint], workers=2) for s in (second, server)]
        for i in range(20):
            gw.write(texts[i % 2] if i % 5 else "nonsense: [\n")
            gw.signal(signal.SIGHUP)
            time.sleep(0.1)
        wait_for(lambda: load.done > 200 or load.problems, 5, "there is traffic")
        load.stop()
        self.assertEqual(load.problems, [])
        self.assertGreater(second.state()["count"], 10, "the new upstream was used")
        self.assertEqual(gw.curl("/v1/users/7").status, 200)
        gw.stop()

    def test_a_broken_configuration_keeps_the_old(self):
        server = self.users()
        gw = self.gateway(config([server.endpoint]))
        for broken in ("", "listen: 5\n", gw.text.replace("GetUser", "GetUsr"), "\x00"):
            gw.path.write_text(broken)
            gw.signal(signal.SIGHUP)
            time.sleep(0.2)
            self.assertEqual(gw.curl("/v1/users/7").status, 200)
        gw.path.unlink()
        gw.signal(signal.SIGHUP)
        time.sleep(0.2)
        self.assertEqual(gw.curl("/v1/users/7").status, 200)
        events = [line for line in gw.log() if "method" not in line]
        self.assertIn("GetUsr", str(events))
        gw.stop()

    def test_calls_in_flight_finish_on_their_snapshot(self):
        server = self.users()
        gw = self.gateway(config([server.endpoint]))
        with gw.connect() as client, gw.connect() as stream:
            client.send("GET /v1/users/sleep-3000 HTTP/1.1\r\nHost: t\r\n\r\n")
            stream.send("GET /v1/users?page_size=-4 HTTP/1.1\r\nHost: t\r\n\r\n")
            wait_for(lambda: server.state()["count"] == 2, 2, "the calls run")
            gw.write(config([server.endpoint], routes=ROUTES.replace("/v1/", "/v9/")))
            gw.signal(signal.SIGHUP)
            wait_for(lambda: gw.curl("/v9/users/7").status == 200, 3, "the new route answers")
            self.assertEqual(client.answer().json()["userId"], "sleep-3000")
            self.assertEqual(len(stream.answer().json()), 5)
            self.assertEqual(client.get("/v1/users/7").status, 404)
        gw.stop()

    def test_many_reloads_keep_no_memory(self):
        server = self.users()
        gw = self.gateway(config([server.endpoint]))

        def reload(times):
            for _ in range(times):
                gw.signal(signal.SIGHUP)
                time.sleep(0.03)
                self.assertEqual(gw.curl("/v1/users/7").status, 200)
        reload(20)
        before = gw.rss()
        reload(40)
        if not Settings.sanitized():
            self.assertLess(gw.rss() - before, 2**20)
        gw.stop()


class Start(Test):
    def test_a_taken_port_is_an_error(self):
        """SO_REUSEPORT would let a second gateway take half of the connections in silence."""
        with harness.socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen(1)
            port = taken.getsockname()[1]
            path = Settings.work() / "taken.yaml"
            path.write_text(f"listen: [{{address: \"127.0.0.1:{port}\"}}]\n"
                            + config(["grpc://127.0.0.1:1"]))
            made = subprocess.run([Settings.sluice(), "serve", str(path)], timeout=60,
                                  stderr=subprocess.PIPE)
            self.assertEqual(made.returncode, 1)
            self.assertIn(str(port).encode(), made.stderr)

    def test_bad_configuration_is_refused_with_every_error(self):
        path = Settings.work() / "bad.yaml"
        path.write_text("listen: [{address: \"127.0.0.1:1\"}]\nnonsense: 1\n"
                        + config(["grpc://127.0.0.1:1"]).replace("GetUser", "GetUsr")
                        .replace("workers: 1", "workers: many"))
        made = subprocess.run([Settings.sluice(), "serve", str(path)], timeout=60,
                              stderr=subprocess.PIPE)
        self.assertEqual(made.returncode, 1)
        for word in (b"nonsense", b"GetUsr", b"many"):
            self.assertIn(word, made.stderr)

    def test_several_listeners(self):
        server = self.users()
        port, host = harness.free_port(), harness.other_host()
        gw = self.gateway(config([server.endpoint]))
        gw.stop()
        path = Settings.work() / "two.yaml"
        path.write_text(f"listen:\n  - address: 127.0.0.1:{gw.port}\n"
                        f"  - address: \"{host}:{port}\"\nadmin: {{ address: \"127.0.0.1:"
                        f"{gw.admin_port}\" }}\n" + gw.text)
        gateway = harness.Process([Settings.sluice(), "serve", str(path)], "gateway")
        self.addCleanup(gateway.kill)
        wait_for(lambda: harness.curl(f"http://{host}:{port}/v1/users/7").status == 200, 5,
                 "the second listener answers")
        self.assertEqual(harness.curl(f"http://127.0.0.1:{gw.port}/v1/users/7").status, 200)


if __name__ == "__main__":
    harness.main()
