"""Everything at once for some seconds: clients that leave anywhere, services that die, reloads.

Whatever happens, each request that a patient client sends is answered, nothing crashes, and at the
end nothing is left over.
"""
import random
import signal
import socket
import struct
import threading
import time

import harness
from harness import Closed, Test, Users, config, free_port, wait_for
from users_server import BULK

SECONDS = 6
REQUESTS = (
    "GET /v1/users/7 HTTP/1.1\r\nHost: t\r\n\r\n",
    "GET /v1/users/sleep-20 HTTP/1.1\r\nHost: t\r\n\r\n",
    "GET /v1/users/hang HTTP/1.1\r\nHost: t\r\nX-Request-Timeout-Ms: 100\r\n\r\n",
    "GET /v1/users/hang HTTP/1.1\r\nHost: t\r\n\r\n",
    "GET /v1/users/status-5 HTTP/1.1\r\nHost: t\r\n\r\n",
    "GET /v1/users?page_size=-7 HTTP/1.1\r\nHost: t\r\nAccept: text/event-stream\r\n\r\n",
    f"GET /v1/users?page_size={BULK + 100} HTTP/1.1\r\nHost: t\r\n\r\n",
    "GET /v1/users?page_size=-2 HTTP/1.1\r\nHost: t\r\n\r\n",
    "HEAD /v1/users?page_size=100 HTTP/1.1\r\nHost: t\r\n\r\n",
    "POST /v1/users HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
    "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"nam\r\n6\r\ne\":1}\r\n\r\n0\r\n\r\n",
    "POST /v1/users HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
    "Content-Length: 3000000\r\n\r\n{\"name\":\"" + "x" * 200000,
    "POST /v1/users HTTP/1.1\r\nHost: t\r\nContent-Length: 5000000\r\nExpect: 100-continue\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "NONSENSE\r\n\r\n",
)


class Chaos(Test):
    def setUp(self):
        self.stopping = False
        self.problems = []
        self.answered = 0
        self.ports = [free_port(), free_port()]
        self.servers = [self.start_server(port) for port in self.ports]
        self.addCleanup(lambda: [server.kill() for server in self.servers])

    @staticmethod
    def start_server(port):
        return Users("--address", f"127.0.0.1:{port}")

    def text(self):
        return config([f"grpc://127.0.0.1:{port}" for port in self.ports], workers=2,
                      limits="header_timeout: 2s\nbody_timeout: 2s\nstall_timeout: 2s",
                      extra="drain_timeout: 5s")

    def leave(self, gw, seed):
        """Sends a request or two, maybe cut, reads a little, goes in a friendly or a rude way."""
        chance = random.Random(seed)
        while not self.stopping:
            client = socket.socket()
            try:
                client.connect(("127.0.0.1", gw.port))
                client.settimeout(0.2)
                text = "".join(chance.choices(REQUESTS, k=chance.choice((1, 1, 2, 5))))
                data = text.encode()[:chance.choice((10**9, 10**9, chance.randrange(len(text) + 1)))]
                client.sendall(data)
                for _ in range(chance.randrange(4)):
                    if not client.recv(chance.choice((1, 1000, 100000))):
                        break
                if chance.random() < 0.5:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            except OSError:
                pass
            finally:
                client.close()

    def patient(self, gw, allowed):
        client = gw.connect(timeout=20)
        while not self.stopping:
            try:
                answer = client.get("/v1/users/7")
                if answer.status not in allowed or not answer.json():
                    self.problems.append(repr(answer))
                self.answered += 1
                if answer.header("connection") == "close":
                    client.close()
                    client = gw.connect(timeout=20)
            except (Closed, OSError, ValueError) as problem:
                self.problems.append(repr(problem))
                return
        client.close()

    def reload(self, gw):
        while not self.stopping:
            time.sleep(0.15)
            gw.signal(signal.SIGHUP)

    def restart(self, gw):
        del gw
        i = 0
        while not self.stopping:
            time.sleep(0.5)
            self.servers[i].kill()
            time.sleep(0.3)
            self.servers[i] = self.start_server(self.ports[i])
            i = 1 - i

    def run_all(self, gw, allowed, *others):
        threads = [threading.Thread(target=self.leave, args=(gw, seed)) for seed in range(6)]
        threads += [threading.Thread(target=self.patient, args=(gw, allowed)) for _ in range(3)]
        threads += [threading.Thread(target=other, args=(gw,)) for other in others]
        for thread in threads:
            thread.start()
        time.sleep(SECONDS)
        wait_for(lambda: self.answered > 100 or self.problems, 5, "patient clients are served")
        self.stopping = True
        for thread in threads:
            thread.join()
        self.assertEqual(self.problems, [])
        wait_for(lambda: gw.curl("/v1/users/7").status == 200, 5, "service goes on")
        wait_for(lambda: sum(s.state()["running"] for s in self.servers) == 0, 5,
                 "no call is left at the services")
        gw.stop()

    def test_clients_that_leave_and_reloads(self):
        gw = self.gateway(self.text())
        self.run_all(gw, {200}, self.reload)

    def test_services_that_die(self):
        gw = self.gateway(self.text())
        self.run_all(gw, {200, 503}, self.restart, self.reload)


if __name__ == "__main__":
    harness.main()
