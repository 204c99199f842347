"""What the integration tests stand on: the gateway and the gRPC servers as processes, curl, raw
sockets, and the runner that every test file ends with.

    python3 tests/integration/test_unary.py [--build DIR] [--quick] [NAME...]
"""
import argparse
import itertools
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tests"))
import npm  # noqa: E402

PYTHON = "/usr/bin/python3"


# A proxy between the tests and their own servers would answer in their place; npm may need it.
for _name in ("no_proxy", "NO_PROXY"):
    os.environ[_name] = ",".join(filter(None, (os.environ.get(_name), "127.0.0.1,::1,localhost")))


class Settings:
    build = ROOT / "build"
    quick = False

    @classmethod
    def sluice(cls):
        return os.environ.get("SLUICE") or str(cls.build / "sluice")

    @classmethod
    def sanitized(cls):
        return cls.quick or cls.build.name in ("asan", "tsan")

    @classmethod
    def work(cls):
        path = cls.build / "integration"
        path.mkdir(parents=True, exist_ok=True)
        return path


def heavy(test):
    """Too much traffic for a sanitized binary: left out with --quick."""
    def run(self):
        if Settings.quick:
            self.skipTest("heavy")
        test(self)
    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


# How much longer than on a machine that does nothing else things may take that have to come at all.
PATIENCE = 5
# How often a test is tried of which only the speed failed.
TRIES = 3


class TooSlow(AssertionError):
    """All was right, but late: the product's fault only when it comes each time."""


given_ports = set()


def ports_for_servers():
    """Outside of the range from which the kernel takes ports for connections."""
    low, high = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    ports = [p for p in range(10000, 32000) if not low <= p <= high]
    return ports if len(ports) > 1000 else list(range(2000, 65000))


def free_port(host="127.0.0.1"):
    """Never one that was given before: who got it may not listen yet."""
    ports = ports_for_servers()
    while True:
        port = random.choice(ports)
        if port in given_ports:
            continue
        with socket.socket() as probe:
            try:
                probe.bind((host, port))
            except OSError:
                continue
        given_ports.add(port)
        return port


def other_host():
    """Of loopback, beside 127.0.0.1: IPv6's, where the machine has it."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return "[::1]"
    except OSError:
        return "127.0.0.2"


def wait_for(condition, seconds, what):
    """The first true value of condition(); fails when there is none in PATIENCE times the time that
    it takes on a machine that does nothing else."""
    seconds *= PATIENCE
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.01)


# ---- processes ------------------------------------------------------------------------------------


class Process:
    """A child with its standard error in a file; ended by its own pid only."""

    def __init__(self, command, name, **options):
        self.name = name
        self.errors = tempfile.NamedTemporaryFile(
            dir=Settings.work(), prefix=name + "-", suffix=".log", delete=False)
        self.process = subprocess.Popen(command, stderr=self.errors, **options)
        self.pid = self.process.pid

    def stderr(self):
        return Path(self.errors.name).read_text(errors="replace")

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, seconds):
        """The exit code, within PATIENCE times that."""
        return self.process.wait(PATIENCE * seconds)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdout, self.errors):
            if stream is not None:
                stream.close()
        if os.path.exists(self.errors.name):
            os.unlink(self.errors.name)


def node_modules():
    """npm's packages for users_server.js, installed once into the build directory."""
    folder = Settings.work() / "npm"
    lock = (HERE / "package-lock.json").read_bytes()
    if not (folder / "done").exists() or (folder / "done").read_bytes() != lock:
        folder.mkdir(exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, folder / name)
        npm.install(folder)
        (folder / "done").write_bytes(lock)
    return folder / "node_modules"


class Users(Process):
    """The user's gRPC service, in Python or on Node; or another one with the same control port."""

    SCRIPT = "users_server.py"

    def __init__(self, *arguments, language="python"):
        environment = dict(os.environ)
        if language == "python":
            command = [PYTHON, str(HERE / self.SCRIPT), *arguments]
        else:
            command = ["node", str(HERE / "users_server.js"), *arguments]
            environment["SLUICE_NODE_MODULES"] = str(node_modules())
        super().__init__(command, "users-" + language, stdout=subprocess.PIPE, env=environment)
        line = self.process.stdout.readline()
        if not line:
            errors = self.stderr()
            self.kill()
            raise AssertionError("the gRPC server did not start:\n" + errors)
        ports = json.loads(line)
        self.port, self.control = ports["port"], ports["control"]
        self.endpoint = f"grpc://127.0.0.1:{self.port}"

    def ask(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.control}{path}", timeout=20) as answer:
            return json.load(answer)

    def state(self):
        return self.ask("/state")

    def clear(self):
        return self.ask("/clear")

    def last(self):
        return self.state()["calls"][-1]


class Library(Users):
    """library.v1.Library: what google.api.http can say."""

    SCRIPT = "library_server.py"


ROUTES = """
routes:
  - name: get-user
    match: GET /v1/users/{user_id}
    rpc: userservice.UserService/GetUser
    upstream: users
  - match: POST /v1/users
    rpc: userservice.UserService/CreateUser
    upstream: users
    body: "*"
    success_status: 201
  - match: PATCH /v1/users/{user.user_id}
    rpc: userservice.UserService/UpdateUser
    upstream: users
    body: user
  - match: DELETE /v1/users/{user_id}
    rpc: userservice.UserService/DeleteUser
    upstream: users
  - name: list-users
    match: GET /v1/users
    rpc: userservice.UserService/ListUsers
    upstream: users
"""


def config(endpoints, routes=ROUTES, workers=1, limits="", upstream="", extra="", names=None):
    """The YAML of a gateway; listen and admin are added by Gateway.

    endpoints: of the upstream `users`; limits, upstream: lines of these mappings; extra: top level.
    """
    descriptors = names or ["userservice"]
    lines = [f"workers: {workers}",
             "descriptors: [" + ", ".join(str(ROOT / "descriptors" / f"{n}.pb")
                                          for n in descriptors) + "]",
             "upstreams:", "  users:", "    endpoints: [" + ", ".join(endpoints) + "]"]
    lines += ["    " + line for line in upstream.strip().splitlines()]
    if limits:
        lines += ["limits:"] + ["  " + line for line in limits.strip().splitlines()]
    return "\n".join(lines) + "\n" + extra.strip() + "\n" + routes


class Gateway(Process):
    """`sluice serve`; `text` is the configuration without listen and admin; `admin`, `tls`: more
    lines for that mapping, the mapping of the listener; `arguments`: behind the file's name."""

    def __init__(self, text, ready=True, prefix=(), admin="", tls="", arguments=()):
        self.tls_lines = f"    tls: {tls}\n" if tls else ""
        self.admin_lines = f"  {admin}\n" if admin else ""
        self.port, self.admin_port = free_port(), free_port()
        self.folder = Path(tempfile.mkdtemp(dir=Settings.work(), prefix="gateway-"))
        self.path = self.folder / "sluice.yaml"
        self.write(text)
        environment = dict(os.environ)
        environment.setdefault("TSAN_OPTIONS", "halt_on_error=0 exitcode=66")
        super().__init__([*prefix, Settings.sluice(), "serve", str(self.path), *arguments], "gateway",
                         stdout=subprocess.DEVNULL, env=environment)
        try:
            wait_for(self.listening, 10, "the gateway listens")
            if ready:
                wait_for(lambda: self.admin("/readyz").status == 200, 10, "the gateway is ready")
        except AssertionError:
            print(self.stderr()[-2000:])
            super().kill()
            raise

    def write(self, text):
        self.text = text
        self.path.write_text(f"listen:\n  - address: 127.0.0.1:{self.port}\n{self.tls_lines}"
                             f"admin:\n  address: 127.0.0.1:{self.admin_port}\n"
                             + self.admin_lines + text)

    def listening(self):
        if self.process.poll() is not None:
            raise AssertionError(f"sluice serve ended with {self.process.returncode}:\n"
                                 + self.stderr())
        for port in (self.port, self.admin_port):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) != 0:
                    return False
        return True

    def admin(self, path, *arguments):
        return curl(f"http://127.0.0.1:{self.admin_port}{path}", *arguments)

    def curl(self, target, *arguments):
        return curl(f"http://127.0.0.1:{self.port}{target}", *arguments)

    def connect(self, **options):
        return Client(self.port, **options)

    def rss(self):
        """Resident bytes."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024

    def log(self):
        """The JSON lines of standard error; anything else there is an error, but a last line of which
        a part is there already."""
        lines, others = [], []
        running = self.process.poll() is None
        text = self.stderr()
        if running:
            text = text[:text.rfind("\n") + 1]
        for line in text.splitlines():
            try:
                lines.append(json.loads(line))
            except ValueError:
                others.append(line)
        if others:
            raise AssertionError("not JSON lines in the log:\n" + "\n".join(others)[:20000])
        return lines

    def metrics(self):
        return parse_metrics(self.admin("/metrics").body.decode())

    def stop(self, seconds=10):
        """SIGTERM; the exit code must be 0."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        try:
            code = self.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"still there {seconds} s after SIGTERM:\n"
                                 + self.stderr()[-20000:]) from None
        if code != 0:
            raise AssertionError(f"exit code {code}:\n" + self.stderr()[-20000:])
        self.log()

    def kill(self):
        """Ends it; a crash or a sanitizer's report that nobody asked about fails the test."""
        if not os.path.exists(self.errors.name):
            return  # ended before
        code, errors = self.process.poll(), self.stderr()
        super().kill()
        shutil.rmtree(self.folder, ignore_errors=True)
        if (code or 0) < 0 or re.search("Sanitizer|runtime error:|Assertion", errors):
            raise AssertionError(f"sluice ended with {code}:\n{errors[-20000:]}")


def parse_metrics(text):
    """Prometheus text -> {name: [(labels, value)]}; every line must be well-formed."""
    found = {}
    label = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\.)*"'
    sample = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(%s(?:,%s)*)?,?\})? (\S+)(?: \d+)?$'
                        % (label, label))
    for line in text.splitlines():
        if line == "" or line.startswith("#"):
            continue
        match = sample.match(line)
        if match is None:
            raise AssertionError("not Prometheus text: " + line)
        labels = dict(re.findall(r'([a-zA-Z_0-9]+)="((?:[^"\\]|\\.)*)"', match[2] or ""))
        found.setdefault(match[1], []).append((labels, float(match[3])))
    return found


def metric_sum(metrics, name, **labels):
    return sum(value for have, value in metrics.get(name, [])
               if all(have.get(k) == v for k, v in labels.items()))


# ---- clients --------------------------------------------------------------------------------------


class Answer:
    def __init__(self, status, headers, body, version="HTTP/1.1"):
        self.status, self.headers, self.body, self.version = status, headers, body, version

    def header(self, name):
        found = [v for n, v in self.headers if n == name.lower()]
        return ", ".join(found) if found else None

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.headers} {self.body[:2000]!r}>"


def parse_head(head):
    lines = head.decode("latin-1").split("\r\n")
    match = re.match(r"(HTTP/\d\.\d) (\d{3})(?: (.*))?$", lines[0])
    if match is None:
        raise AssertionError("not a status line: " + lines[0])
    headers = []
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon:
            raise AssertionError("not a header line: " + line)
        headers.append((name.lower(), value.strip()))
    return match[1], int(match[2]), headers


def curl(url, *arguments, timeout=30):
    """Runs curl; 1xx answers before the last one are dropped."""
    made = subprocess.run(["curl", "-sS", "-i", "--http1.1", "--path-as-is", "-g", "--max-time",
                           str(timeout), *arguments, url],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    rest = made.stdout
    while True:
        head, separator, rest = rest.partition(b"\r\n\r\n")
        if not separator:
            return Answer(0, [("curl-exit", str(made.returncode))], made.stderr)
        version, status, headers = parse_head(head)
        if status >= 200:
            answer = Answer(status, headers, rest, version)
            answer.curl_exit = made.returncode
            return answer


class Closed(Exception):
    """The gateway closed the connection where an answer was expected."""


class Client:
    """One raw connection."""

    def __init__(self, port, host="127.0.0.1", timeout=20, receive_buffer=None, tls=None,
                 name=None):
        """tls: an ssl.SSLContext; name: the server's, for SNI and verification."""
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect((host, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname=name)
        self.rest = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data.encode() if isinstance(data, str) else data)

    def get(self, target, headers="", method="GET", body=None):
        if body is not None:
            headers += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        self.send(f"{method} {target} HTTP/1.1\r\nHost: test\r\n{headers}\r\n{body or ''}")
        return self.answer(head=method == "HEAD")

    def more(self):
        try:
            data = self.socket.recv(262144)
        except ConnectionResetError:
            raise Closed("reset") from None
        if not data:
            raise Closed("closed after " + repr(self.rest[:200]))
        self.rest += data

    def read_until(self, mark):
        while mark not in self.rest:
            self.more()
        found, _, self.rest = self.rest.partition(mark)
        return found

    def read_exactly(self, count):
        while len(self.rest) < count:
            self.more()
        found, self.rest = self.rest[:count], self.rest[count:]
        return found

    def head(self):
        return parse_head(self.read_until(b"\r\n\r\n"))

    def chunks(self):
        """The chunks of a body, as they come."""
        while True:
            size = int(self.read_until(b"\r\n").split(b";")[0], 16)
            data = self.read_exactly(size)
            if self.read_exactly(2) != b"\r\n":
                raise AssertionError("a chunk does not end with CRLF")
            if size == 0:
                return
            yield data

    def answer(self, head=False):
        version, status, headers = self.head()
        answer = Answer(status, headers, b"", version)
        if head or status in (204, 304) or status < 200:
            return answer
        if (answer.header("transfer-encoding") or "").lower() == "chunked":
            answer.body = b"".join(self.chunks())
        elif answer.header("content-length") is not None:
            answer.body = self.read_exactly(int(answer.header("content-length")))
        else:
            try:
                while True:
                    self.more()
            except Closed:
                answer.body, self.rest = self.rest, b""
        return answer

    def closed(self, seconds):
        """Whether the gateway ends the connection within that time; what comes before is kept."""
        self.socket.settimeout(seconds)
        end = time.monotonic() + seconds
        try:
            while time.monotonic() < end:
                self.more()
        except Closed:
            return True
        except socket.timeout:
            pass
        return False


# ---- the tests' base and runner -------------------------------------------------------------------


class Test(unittest.TestCase):
    """Starts things that end with the test, or with the class when started in setUpClass."""

    maxDiff = None

    def gateway(self, *arguments, **options):
        gateway = Gateway(*arguments, **options)
        self.addCleanup(gateway.kill)
        return gateway

    def users(self, *arguments, **options):
        users = Users(*arguments, **options)
        self.addCleanup(users.kill)
        return users

    def check_took(self, begun, most, least=0.0):
        """Seconds since `begun`.  Too few are a fault at once; too many when each try of the test has
        them: the machine may have stood still."""
        took = time.monotonic() - begun
        self.assertGreater(took, least)
        if took >= most:
            raise TooSlow(f"{took:.3f} s, wanted less than {most} s")

    def check_within(self, condition, seconds, what):
        """As wait_for(), of what the gateway promises to do in that time."""
        begun = time.monotonic()
        value = wait_for(condition, seconds, what)
        self.check_took(begun, seconds)
        return value

    @contextmanager
    def subTest(self, *words, **values):
        late = None
        with super().subTest(*words, **values):
            try:
                yield
            except TooSlow as slow:
                late = slow
        if late:
            raise late

    def _callTestMethod(self, method):
        for turn in range(TRIES):
            try:
                method()  # not super()'s: a traceback would end there
                return
            except TooSlow as slow:
                if turn == TRIES - 1:
                    raise
                print(f"({slow}: once more)", end=" ", flush=True)
            self.tearDown()
            self.doCleanups()
            self.setUp()

    def check_error(self, answer, status, code=None, text=None):
        """The Status as JSON; text: what its message must contain."""
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.header("content-type"), "application/json", answer)
        body = answer.json()
        self.assertEqual(set(body), {"code", "message", "details"}, body)
        if code is not None:
            self.assertEqual(body["code"], code, body)
        if text is not None:
            self.assertIn(text, body["message"], body)
        return body


class Shared(Test):
    """One gateway and one server for all tests of a class; the class gives CONFIG and SERVER."""

    SERVICE = Users
    SERVER = ()
    LANGUAGE = "python"
    OPTIONS = {}

    @classmethod
    def setUpClass(cls):
        cls.server = cls.SERVICE(*cls.SERVER, language=cls.LANGUAGE)
        cls.addClassCleanup(cls.server.kill)
        cls.gw = Gateway(config([cls.server.endpoint], **cls.OPTIONS))
        cls.addClassCleanup(cls.gw.kill)

    @classmethod
    def tearDownClass(cls):
        cls.gw.stop()

    def setUp(self):
        self.server.clear()


def select(suite, names):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from select(test, names)
        elif not names or any(name in test.id() for name in names):
            yield test


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--quick", action="store_true", help="leave heavy tests out")
    parser.add_argument("names", nargs="*", help="run tests whose name contains one of these")
    options = parser.parse_args()
    Settings.build, Settings.quick = options.build.resolve(), options.quick
    if not os.access(Settings.sluice(), os.X_OK):
        print(f"{Settings.sluice()}: not there; `make` builds it\n0 passed, 1 failed")
        sys.exit(1)
    random.seed(os.getpid() ^ int(time.time() * 1e6))
    suite = unittest.TestSuite(select(
        unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"]), options.names))
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(suite)
    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    # A class whose setUpClass failed ran none of its tests: that is a failure, not a pass.
    broken = sum(1 for test, _ in result.errors if not isinstance(test, unittest.TestCase))
    passed = result.testsRun - (failed - broken) - len(result.skipped)
    print(f"{max(passed, 0)} passed, {failed} failed")
    sys.exit(1 if failed or result.testsRun == 0 else 0)


def counted(values):
    """[(value, how often in a row)]"""
    return [(value, len(list(group))) for value, group in itertools.groupby(values)]
