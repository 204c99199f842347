"""The processes of a benchmark: backend, Sluice, nghttpx, nginx; what /proc says about them."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
USER = {"userId": "7", "name": "Ada Lovelace", "email": "ada@example.com",
        "createdAt": "1714564800"}
START_SECONDS = 10


class BenchError(Exception):
    """Something without which there are no figures."""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Process:
    """A child pinned to a core; it gets SIGTERM when this process dies, however that happens."""

    def __init__(self, name, command, core, log_dir, **kwargs):
        self.name = name
        pin = ["taskset", "-c", str(core)] if core is not None else []
        self.log_path = os.path.join(log_dir, name + ".log")
        with open(self.log_path, "wb") as log:
            self.child = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", *pin, *command],
                stdin=subprocess.DEVNULL, stderr=log, cwd=TOP,
                stdout=kwargs.get("stdout", log))

    def log_tail(self):
        with open(self.log_path, errors="replace") as log:
            return "".join(log.readlines()[-5:]).strip()

    def pids(self):
        """The process and all that descend from it."""
        found, new = [], [self.child.pid]
        while new:
            pid = new.pop()
            found.append(pid)
            try:
                for task in os.listdir(f"/proc/{pid}/task"):
                    with open(f"/proc/{pid}/task/{task}/children") as f:
                        new.extend(int(child) for child in f.read().split())
            except OSError:
                continue
        return found

    def cpu_ns(self):
        """CPU time of all threads so far: schedstat counts nanoseconds, stat only clock ticks."""
        total = 0
        for pid in self.pids():
            for task in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{task}/schedstat") as f:
                    total += int(f.read().split()[0])
        return total

    def rss_kb(self):
        total = 0
        for pid in self.pids():
            with open(f"/proc/{pid}/status") as f:
                total += sum(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))
        return total

    def stop(self):
        if self.child.poll() is not None:
            return
        self.child.send_signal(signal.SIGTERM)
        try:
            self.child.wait(5)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


def start_backend(binary, core, log_dir, *options):
    process = Process("backend", [binary, *options], core, log_dir, stdout=subprocess.PIPE)
    words = process.child.stdout.readline().decode().split()
    if len(words) != 4:
        raise BenchError("the backend did not start: " + process.log_tail())
    return process, int(words[1]), int(words[3])


SLUICE_CONFIG = """\
listen:
  - address: 127.0.0.1:{port}
admin:
  address: 127.0.0.1:{admin_port}
workers: 1
descriptors: [{top}/descriptors/userservice.pb]
upstreams:
  users:
    endpoints: [grpc://127.0.0.1:{grpc_port}]
  monolith:
    endpoints: [http://127.0.0.1:{http_port}]
legacy: monolith
log: {{ level: warn, access: false }}
{more}routes:
  - match: GET /v1/users/{{user_id}}
    rpc: userservice.UserService/GetUser
    upstream: users
  - match: POST /v1/users
    rpc: userservice.UserService/CreateUser
    upstream: users
    body: "*"
"""

NGINX_CONFIG = """\
daemon off;
worker_processes 1;
pid {work}/nginx.pid;
error_log stderr error;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path {work}/nginx-body;
  proxy_temp_path {work}/nginx-proxy;
  fastcgi_temp_path {work}/nginx-fastcgi;
  uwsgi_temp_path {work}/nginx-uwsgi;
  scgi_temp_path {work}/nginx-scgi;
  upstream users {{
    server 127.0.0.1:{http_port};
    keepalive 256;
    keepalive_requests 1000000000;
  }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://users;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }}
  }}
}}
"""


def find_program(name):
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if path is None:
        raise BenchError(f"{name} is missing; `make bench` installs it on Debian")
    return path


def write_file(path, text):
    with open(path, "w") as f:
        f.write(text)
    return path


def sluice_command(sluice, work, port, grpc_port, http_port, name="sluice", more=""):
    config = SLUICE_CONFIG.format(port=port, admin_port=free_port(), top=TOP, grpc_port=grpc_port,
                                  http_port=http_port, more=more)
    return [sluice, "serve", write_file(os.path.join(work, name + ".yaml"), config)]


def nghttpx_command(_sluice, _work, port, grpc_port, _http_port):
    return [find_program("nghttpx"), "--conf=/dev/null", "--workers=1",
            "--errorlog-file=/dev/stderr", f"--frontend=127.0.0.1,{port};no-tls",
            f"--backend=127.0.0.1,{grpc_port};;proto=h2"]


def nginx_command(_sluice, work, port, _grpc_port, http_port):
    config = NGINX_CONFIG.format(work=work, port=port, http_port=http_port)
    path = write_file(os.path.join(work, "nginx.conf"), config)
    return [find_program("nginx"), "-p", work, "-c", path, "-e", "stderr"]


def migrating_command(name, stage, sample, hangs=False):
    """A gateway whose routes stand at that stage; `hangs`: the gRPC side never answers."""
    def command(sluice, work, port, grpc_port, http_port):
        if hangs:
            grpc_port = mute_port()
        more = (f"state: {work}/{name}.state\ndefaults:\n  stage: {stage}\n"
                f"  shadow: {{ sample: {sample}, in_flight: 64, timeout: 2s }}\n")
        return sluice_command(sluice, work, port, grpc_port, http_port, name, more)
    return command


mute = []  # listeners that nobody serves


def mute_port():
    mute.append(socket.create_server(("127.0.0.1", 0), backlog=64))
    return mute[-1].getsockname()[1]


# Stages of a migration, measured beside each other.
MIGRATING = {"at legacy": migrating_command("legacy", "legacy", "0%"),
             "shadow 1 %": migrating_command("shadow-1", "shadow", "1%"),
             "shadow 100 %": migrating_command("shadow-100", "shadow", "100%"),
             "shadow hangs": migrating_command("shadow-hung", "shadow", "100%", hangs=True)}
COMMANDS = {**MIGRATING, "sluice": sluice_command, "nghttpx": nghttpx_command, "nginx": nginx_command}


class Gateway(Process):
    def __init__(self, name, sluice, work, core, grpc_port, http_port):
        self.arguments = (name, sluice, work, core, grpc_port, http_port)
        self.port = free_port()
        command = COMMANDS[name](sluice, work, self.port, grpc_port, http_port)
        super().__init__(name, command, core, work)

    def restart(self):
        """Another process: where in memory one happens to lie is worth some per cent."""
        self.stop()
        self.__init__(*self.arguments)
        self.wait_ready()

    def request(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            headers = {"Content-Type": "application/json"} if body is not None else {}
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def wait_ready(self):
        """Ready is: both requests that will be measured get the expected answer."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                answers = [self.request("GET", "/v1/users/7"),
                           self.request("POST", "/v1/users", b'{"name":"Ada","email":"a@b.c"}')]
                wrong = [a for a in answers if a[0] != 200 or json.loads(a[1]) != USER]
                problem = wrong[0] if wrong else None
            except (OSError, http.client.HTTPException, ValueError) as e:
                problem = e
            if problem is None:
                return
            if self.child.poll() is not None or time.monotonic() > deadline:
                raise BenchError(f"{self.name} is not ready: {problem}\n{self.log_tail()}")
            time.sleep(0.05)

    def idle_connection_kb(self, count):
        """Resident memory that `count` keep-alive connections cost, each after one request."""
        request = b"GET /v1/users/7 HTTP/1.1\r\nHost: bench\r\n\r\n"
        before, connections = self.rss_kb(), []
        try:
            for _ in range(count):
                s = socket.create_connection(("127.0.0.1", self.port), 5)
                connections.append(s)
                s.sendall(request)
                answer = b""
                while not answer.endswith(b"}"):
                    piece = s.recv(4096)
                    if not piece:
                        raise BenchError(f"{self.name} closed a keep-alive connection: {answer!r}")
                    answer += piece
            time.sleep(0.2)
            return (self.rss_kb() - before) / count
        finally:
            for s in connections:
                s.close()
