"""What the tests of legacy share: its real server, scripted ones, gateways without a route."""
import json
import socket
import subprocess
import threading

from harness import HERE, PYTHON, Client, Process, Test

OK_HEAD = b"HTTP/1.1 200 OK\r\n"
PIECE = bytes(range(256)) * 256


class Legacy(Process):
    """legacy_server.py; `port` 0: any; `pair`: files of certificate and key."""

    def __init__(self, port=0, pair=()):
        super().__init__([PYTHON, str(HERE / "legacy_server.py"), str(port), *pair], "legacy",
                         stdout=subprocess.PIPE)
        line = self.process.stdout.readline()
        if not line:
            errors = self.stderr()
            self.kill()
            raise AssertionError("the legacy server did not start:\n" + errors)
        self.port = json.loads(line)["port"]
        self.endpoint = f"http{'s' if pair else ''}://127.0.0.1:{self.port}"

    def state(self):
        with Client(self.port) as client:
            return client.get("/state").json()


class Raw:
    """A server that says what it is told: `serve(connection, number)` runs for each connection."""

    def __init__(self, serve):
        self.serve, self.count = serve, 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.open = []
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.count += 1
            self.open.append(connection)
            threading.Thread(target=self.one, args=(connection, self.count), daemon=True).start()

    def one(self, connection, number):
        try:
            self.serve(connection, number)
        except OSError:
            pass
        connection.close()

    def close(self):
        self.listener.close()
        for connection in self.open:
            connection.close()


def read_request(connection):
    """One request without a body; empty when the gateway closed."""
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        piece = connection.recv(65536)
        if not piece:
            return b""
        data += piece
    return data


def answering(*answers, hold=False):
    """Answers requests one after the other; behind the last one it closes, or holds."""
    def serve(connection, _number):
        for answer in answers:
            if not read_request(connection):
                return
            connection.sendall(answer)
        if hold:
            connection.recv(1)
    return serve


def legacy_config(endpoints, **options):
    """Without any route."""
    upstream = options.pop("upstream", "")
    lines = ["workers: 1", "upstreams:", "  monolith:",
             "    endpoints: [" + ", ".join(endpoints) + "]"]
    lines += ["    " + line for line in upstream.strip().splitlines()]
    lines += ["legacy: monolith"]
    for section in ("limits", "defaults"):
        if options.get(section):
            lines += [section + ":"] + ["  " + line
                                        for line in options[section].strip().splitlines()]
    return "\n".join(lines) + "\n"


class Legacies(Test):
    def legacy(self, *arguments):
        legacy = Legacy(*arguments)
        self.addCleanup(legacy.kill)
        return legacy

    def raw(self, serve):
        raw = Raw(serve)
        self.addCleanup(raw.close)
        return raw

    def pair(self, **options):
        """(a gateway without routes, its legacy service)"""
        legacy = self.legacy()
        return self.gateway(legacy_config([legacy.endpoint], **options)), legacy

    def behind(self, serve, **options):
        raw = self.raw(serve)
        return self.gateway(legacy_config([raw.endpoint], **options)), raw
