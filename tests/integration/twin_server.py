#!/usr/bin/python3
"""One set of users behind two services: a legacy REST service (Python's HTTP server) and
userservice.UserService on python3-grpcio.  How each of them answers is told through a control port,
so that the two can be made to differ in every way.

Prints {"legacy": PORT, "grpc": PORT, "control": PORT}.

    POST /set    {"legacy": {...}, "grpc": {...}}: replaces the named habits; null: back to the default
    GET  /state  what was asked of each: {"legacy": {"GET": n}, "grpc": {"GetUser": n}, "bodies": [...]}
    POST /clear  forgets both

Habits of either side: latency_ms, override {field: value} (null removes it), fail (legacy: a status;
grpc: a code's number), hang (seconds without an answer).  Of legacy besides: int64 ("string",
"number"), names ("camel", "proto"), created (status of POST), defaults (true: prints what is unset),
order (lists backwards), gzip, unstable (a field with another value each time), raw (the body as it
is), big (bytes of the name).  Of grpc: big.
"""
import gzip
import http.server
import json
import socketserver
import sys
import threading
import time
from concurrent import futures
from pathlib import Path

import grpc

sys.path.insert(0, str(Path(__file__).resolve().parent))
from users_server import Empty, User, cls  # noqa: E402

DEFAULT = {
    "legacy": {"latency_ms": 0, "override": {}, "fail": 0, "hang": 0, "int64": "string",
               "names": "camel", "created": 200, "defaults": False, "order": False, "gzip": False,
               "unstable": False, "raw": None, "big": 0},
    "grpc": {"latency_ms": 0, "override": {}, "fail": 0, "hang": 0, "big": 0},
}
NAMES = {"user_id": "userId", "name": "name", "email": "email", "created_at": "createdAt"}
CODES = {code.value[0]: code for code in grpc.StatusCode}

lock = threading.Lock()
habits = json.loads(json.dumps(DEFAULT))
seen = {"legacy": {}, "grpc": {}, "bodies": []}
counter = iter(range(1, 1 << 60))


def count(side, what):
    with lock:
        seen[side][what] = seen[side].get(what, 0) + 1


def user(ident, name=None):
    number = sum(ident.encode())
    return {"user_id": ident, "name": name or f"User {ident}", "email": f"{ident}@example.com",
            "created_at": 1700000000 + number}


def wait(side):
    with lock:
        mine = json.loads(json.dumps(habits[side]))
    time.sleep(mine["latency_ms"] / 1000 + mine["hang"])
    return mine


class Legacy(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 65536

    def log_message(self, *_):
        pass

    def shaped(self, fields, mine):
        out = dict(fields)
        if mine["int64"] == "string":
            out["created_at"] = str(out["created_at"])
        if mine["big"]:
            out["name"] = "n" * mine["big"]
        if mine["unstable"]:
            out["email"] = f"e{next(counter)}@example.com"
        for key, value in mine["override"].items():
            out[key] = value
        out = {k: v for k, v in out.items() if v is not None}
        return {NAMES.get(k, k) if mine["names"] == "camel" else k: v for k, v in out.items()}

    def reply(self, status, body, mine, type="application/json"):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        if mine["raw"] is not None:
            data = mine["raw"].encode()
        self.send_response(status)
        if mine["gzip"] and "gzip" in self.headers.get("accept-encoding", ""):
            data = gzip.compress(data)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Type", type)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def serve(self):
        count("legacy", self.command)
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        mine = wait("legacy")
        path = self.path.split("?")[0]
        if mine["fail"]:
            self.reply(mine["fail"], {"error": "legacy is not well"}, mine)
        elif self.command == "POST" and path == "/v1/users":
            with lock:
                seen["bodies"].append(["legacy", body.decode()])
            self.reply(mine["created"], self.shaped(user("new", json.loads(body)["name"]), mine), mine)
        elif self.command == "DELETE":
            self.reply(200, {}, mine)
        elif path == "/v1/users":
            users = [self.shaped(user(str(n)), mine) for n in range(3)]
            self.reply(200, users[::-1] if mine["order"] else users, mine)
        elif path == "/v1/users/none":
            self.reply(404, {"code": 5, "message": "no such user", "details": []}, mine)
        else:
            fields = self.shaped(user(path.rsplit("/", 1)[1]), mine)
            if mine["defaults"]:
                fields["email"] = ""
            self.reply(200, fields, mine)

    do_GET = do_HEAD = do_POST = do_DELETE = do_PATCH = do_PUT = serve


class Grpc:
    def answer(self, context, fields):
        mine = wait("grpc")
        if mine["fail"]:
            context.abort(CODES[mine["fail"]], "gRPC is not well")
        if mine["big"]:
            fields["name"] = "n" * mine["big"]
        for key, value in mine["override"].items():
            fields[key] = value
        return User(**{k: v for k, v in fields.items() if v is not None})

    def get(self, request, context):
        count("grpc", "GetUser")
        if request.user_id == "none":
            context.abort(grpc.StatusCode.NOT_FOUND, "no such user")
        return self.answer(context, user(request.user_id))

    def list(self, _request, context):
        count("grpc", "ListUsers")
        for n in range(3):
            yield self.answer(context, user(str(n)))

    def create(self, request, context):
        count("grpc", "CreateUser")
        with lock:
            seen["bodies"].append(["grpc", request.name])
        return self.answer(context, user("new", request.name))

    def delete(self, _request, context):
        count("grpc", "DeleteUser")
        self.answer(context, user("gone"))
        return Empty()

    def handler(self):
        unary, stream = grpc.unary_unary_rpc_method_handler, grpc.unary_stream_rpc_method_handler
        made = {"GetUser": unary(self.get, cls("userservice.GetUserRequest").FromString,
                                 User.SerializeToString),
                "ListUsers": stream(self.list, cls("userservice.ListUsersRequest").FromString,
                                    User.SerializeToString),
                "CreateUser": unary(self.create, cls("userservice.CreateUserRequest").FromString,
                                    User.SerializeToString),
                "DeleteUser": unary(self.delete, cls("userservice.DeleteUserRequest").FromString,
                                    Empty.SerializeToString)}
        return grpc.method_handlers_generic_handler("userservice.UserService", made)


class Control(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, value):
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        with lock:
            state = json.loads(json.dumps(seen))
        self.reply(state)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        with lock:
            if self.path == "/clear":
                seen.update(legacy={}, grpc={}, bodies=[])
            for side, changes in (json.loads(body) if body else {}).items():
                for key, value in changes.items():
                    default = json.loads(json.dumps(DEFAULT[side][key]))
                    habits[side][key] = default if value is None else value
        self.reply({})


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 256


def main():
    ports = {}
    for name, handler in (("legacy", Legacy), ("control", Control)):
        server = Server(("127.0.0.1", 0), handler)
        ports[name] = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=64))
    server.add_generic_rpc_handlers((Grpc().handler(),))
    ports["grpc"] = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(json.dumps(ports), flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
