"""What the tests of the migration share: both services, a gateway between, what operators see."""
import json
import subprocess
import urllib.request

from harness import HERE, PYTHON, ROOT, Gateway, Process, Test, metric_sum, wait_for

USER_ROUTES = """
routes:
  - name: get-user
    match: GET /v1/users/{{user_id}}
    rpc: userservice.UserService/GetUser
    upstream: users
{options}
  - name: create-user
    match: POST /v1/users
    rpc: userservice.UserService/CreateUser
    upstream: users
    body: "*"
{options}
  - name: list-users
    match: GET /v1/users
    rpc: userservice.UserService/ListUsers
    upstream: users
{options}
"""


class Twin(Process):
    """twin_server.py"""

    def __init__(self):
        super().__init__([PYTHON, str(HERE / "twin_server.py")], "twin", stdout=subprocess.PIPE)
        line = self.process.stdout.readline()
        if not line:
            errors = self.stderr()
            self.kill()
            raise AssertionError("the twin services did not start:\n" + errors)
        self.ports = json.loads(line)
        self.legacy = f"http://127.0.0.1:{self.ports['legacy']}"
        self.grpc = f"grpc://127.0.0.1:{self.ports['grpc']}"

    def ask(self, path, body=None):
        url = f"http://127.0.0.1:{self.ports['control']}{path}"
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(url, data), timeout=20) as answer:
            return json.load(answer)

    def set(self, legacy=None, grpc=None):
        self.ask("/set", {"legacy": legacy or {}, "grpc": grpc or {}})

    def reset(self):
        names = {"legacy": ("latency_ms", "override", "fail", "hang", "int64", "names", "created",
                            "defaults", "order", "gzip", "unstable", "raw", "big"),
                 "grpc": ("latency_ms", "override", "fail", "hang", "big")}
        self.ask("/clear", {side: {name: None for name in of} for side, of in names.items()})

    def state(self):
        return self.ask("/state")


def migration_config(legacy, grpc, options, extra="", workers=1, upstream="", routes=USER_ROUTES):
    """options: lines of every route."""
    lines = "\n".join("    " + line for line in options.strip().splitlines())
    more = "\n".join("    " + line for line in upstream.strip().splitlines())
    return f"""workers: {workers}
descriptors: [{ROOT / "descriptors" / "userservice.pb"}]
upstreams:
  users:
    endpoints: [{grpc}]
{more}
  monolith:
    endpoints: [{legacy}]
legacy: monolith
{extra}
""" + routes.format(options=lines)


class Migrating(Test):
    """One pair of services for the tests of a class, a gateway for each."""

    @classmethod
    def setUpClass(cls):
        cls.twin = Twin()
        cls.addClassCleanup(cls.twin.kill)

    def setUp(self):
        self.twin.reset()

    def between(self, options, legacy=None, grpc=None, ready=True, **others):
        gateway = Gateway(migration_config(legacy or self.twin.legacy, grpc or self.twin.grpc,
                                           options, **others), ready=ready)
        self.addCleanup(gateway.kill)
        return gateway

    def parity(self, gw, route="get-user"):
        metrics = gw.metrics()
        return {result: int(metric_sum(metrics, "sluice_parity_total", route=route, result=result))
                for result in ("equal", "different", "failed", "dropped")}

    def settled(self, gw, count, route="get-user", seconds=10):
        """Parity as soon as so many requests have been judged."""
        return wait_for(lambda: (lambda p: p if sum(p.values()) >= count else None)(
            self.parity(gw, route)), seconds, f"{count} shadows are judged: {self.parity(gw, route)}")

    def diffs(self, gw, route="get-user"):
        return gw.admin(f"/routes/{route}/diffs").json()

    def kinds(self, gw, route="get-user"):
        return {(d["pointer"], d["kind"]) for d in self.diffs(gw, route)}
