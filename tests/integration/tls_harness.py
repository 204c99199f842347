"""What the tests of TLS stand on: certificates, a gateway with TLS, servers and load that speak it."""
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
from pathlib import Path

from bad_server import Listener
from certificates import CLIENT, Certificate, Folder
from harness import Client, Closed, Settings, Test, curl

NAME = "users.test"


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
