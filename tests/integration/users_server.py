#!/usr/bin/python3
"""The user's gRPC services on python3-grpcio: userservice.UserService, codectest.EchoService and
streamtest.StreamService.

Special user ids tell the server to misbehave (see Behaviour); what it saw is asked for through a
small HTTP port of its own: GET /state, GET /clear.  On standard output one JSON line says
{"port": ..., "control": ...} as soon as the service answers.
"""
import argparse
import hashlib
import json
import subprocess
import sys
import threading
import time
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

ROOT = Path(__file__).resolve().parents[2]
BULK = 1_000_000  # ListUsers.page_size from here on: that many messages more, with BULK_NAME
BULK_NAME = b"n" * 65536
CALLS_KEPT = 4000


def load_classes():
    """Message classes by full name, from the project's .proto files."""
    proto = ROOT / "proto"
    made = subprocess.run(
        ["protoc", f"-I{proto}", f"-I{proto}/builtin", "-I/usr/include", "--include_imports",
         "--descriptor_set_out=/dev/stdout", "userservice.proto", "codec_test.proto",
         "library.proto", "stream_test.proto",
         "google/rpc/error_details.proto", "google/rpc/status.proto"],
        check=True, stdout=subprocess.PIPE)
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(made.stdout).file:
        pool.Add(file)
    factory = message_factory.MessageFactory(pool)
    return pool, lambda name: factory.GetPrototype(pool.FindMessageTypeByName(name))


POOL, cls = load_classes()
User = cls("userservice.User")
Status = cls("google.rpc.Status")
ErrorInfo = cls("google.rpc.ErrorInfo")
AllTypes = cls("codectest.AllTypes")
Empty = cls("google.protobuf.Empty")
Item = cls("streamtest.Item")
Summary = cls("streamtest.Summary")


class Seen:
    """What the server saw, for the tests."""

    def __init__(self):
        self.lock = threading.Lock()
        self.clear()

    def clear(self):
        with self.lock:
            self.count = 0
            self.cancelled = 0
            self.running = 0
            self.peers = set()
            self.calls = []

    def begin(self, rpc, request, context):
        left = context.time_remaining()
        call = {
            "rpc": rpc,
            "metadata": [[k, v if isinstance(v, str) else v.hex()]
                         for k, v in context.invocation_metadata()],
            "timeout": left if left is not None and left < 1e8 else None,
            "peer": context.peer(),
            "state": "running",
            "sent": 0,
            "begun": time.time(),
        }
        if request is not None:
            call["request"] = json_format.MessageToDict(request, descriptor_pool=POOL)
        with self.lock:
            self.count += 1
            self.running += 1
            self.peers.add(context.peer())
            self.calls.append(call)
            del self.calls[:-CALLS_KEPT]

        def ended():
            with self.lock:
                self.running -= 1
                if call["state"] == "running":
                    call["state"] = "cancelled"
                    call["ended"] = time.time()
                    self.cancelled += 1

        if not context.add_callback(ended):
            ended()
        return call

    def snapshot(self):
        with self.lock:
            return {"count": self.count, "cancelled": self.cancelled, "running": self.running,
                    "peers": sorted(self.peers), "calls": self.calls}


SEEN = Seen()


def details_of(code, message):
    status = Status(code=code, message=message)
    status.details.add().Pack(ErrorInfo(reason="TOLD_TO", domain="tests",
                                        metadata={"code": str(code)}))
    return status


def fail(context, code, message, details=None):
    if details is not None:
        context.set_trailing_metadata((("grpc-status-details-bin", details.SerializeToString()),))
    context.abort(next(c for c in grpc.StatusCode if c.value[0] == code), message)


def behave(word, context, call):
    """Does what a special user id asks for; returns the name of the user in the answer.

    status-N         fails with code N and details; plain-N without details; odd-N with a detail of
                     a type that nobody knows; percent: a message that must be escaped
    flaky-N          fails with UNAVAILABLE the first N times
    sleep-MS, hang   takes its time
    big-N            a name of N bytes
    meta             response metadata and trailers; http-N: x-http-code N
    """
    kind, _, argument = word.partition("-")
    if kind == "status":
        fail(context, int(argument), f"told to fail with {argument}",
             details_of(int(argument), f"told to fail with {argument}"))
    if kind == "plain":
        fail(context, int(argument), f"plainly {argument}")
    if kind == "odd":
        odd = Status(code=int(argument), message="odd details")
        odd.details.add(type_url="type.googleapis.com/nobody.Knows", value=b"\x01\x02")
        odd.details.add().Pack(ErrorInfo(reason="KNOWN"))
        fail(context, int(argument), "odd details", odd)
    if kind == "flaky":
        seen = sum(word in c.get("request", {}).values() for c in SEEN.snapshot()["calls"])
        if seen <= int(argument):
            fail(context, 14, f"told to fail {argument} times")
    if word == "percent":
        fail(context, 5, 'kein Nutzer "Jörg" 100% ✓')
    if kind == "sleep":
        time.sleep(int(argument) / 1000)
    if word == "hang":
        gone = threading.Event()
        if context.add_callback(gone.set):
            gone.wait(60)
    if kind == "http":
        context.send_initial_metadata((("x-http-code", argument),))
    if word == "meta":
        context.send_initial_metadata((
            ("etag", '"v1"'), ("cache-control", "no-cache"), ("x-custom", "custom value"),
            ("x-request-id", "r-1"), ("server-secret", "hidden"), ("x-data-bin", b"\x00\xff")))
        context.set_trailing_metadata((("x-trailer", "late"),))
    del call
    return "n" * int(argument) if kind == "big" else f"User {word}"


def done(call, answer):
    if call["state"] == "running":
        call["state"] = "done"
        call["ended"] = time.time()
    return answer


class Users:
    NAME = "userservice.UserService"

    def GetUser(self, request, context):
        call = SEEN.begin("GetUser", request, context)
        try:
            name = behave(request.user_id, context, call)
            if call["state"] == "cancelled":
                return User()
            return done(call, User(user_id=request.user_id, name=name,
                                   email=f"{request.user_id[:40]}@example.com",
                                   created_at=9007199254740993))
        except Exception:
            done(call, None)
            raise

    def ListUsers(self, request, context):
        """page_size: 0: 3 users; N > 0: N; BULK + N: N with names of 64 KiB; -1: fails at once;
        -2: 2 users, then fails with details; -3: one, then waits; -4: 5, one every 200 ms;
        -5: waits without an answer; -6: none; -7: endless, one every 50 ms."""
        call = SEEN.begin("ListUsers", request, context)
        size = request.page_size
        if size >= BULK:
            for i in range(size - BULK):
                number = str(i).encode()
                call["sent"] += 1
                yield (b"\x0a" + bytes([len(number)]) + number +
                       b"\x12\x80\x80\x04" + BULK_NAME)
            done(call, None)
            return
        if size == -1:
            done(call, None)
            fail(context, 7, "not for you", details_of(7, "not for you"))
        if size in (-3, -5):
            if size == -3:
                yield User(user_id="0")
            gone = threading.Event()
            if context.add_callback(gone.set):
                gone.wait(60)
            return
        count = {-2: 2, -4: 5, -6: 0, -7: 10**9}.get(size, size or 3)
        for i in range(count):
            if i and size in (-4, -7):
                time.sleep(0.2 if size == -4 else 0.05)
            call["sent"] += 1
            yield User(user_id=str(i), name=f"User {i}", email=f"{i}@example.com", created_at=i)
            if call["state"] == "cancelled":
                return
        done(call, None)
        if size == -2:
            fail(context, 8, "enough", details_of(8, "enough"))

    def StreamUpdates(self, requests, context):
        call = SEEN.begin("StreamUpdates", None, context)
        for event in received(requests, call):
            yield cls("userservice.UpdateResponse")(success=True, message=event.user_id)
        finished(call, context)

    def CreateUser(self, request, context):
        call = SEEN.begin("CreateUser", request, context)
        try:
            behave(request.name, context, call)
            return done(call, User(user_id="new", name=request.name, email=request.email,
                                   created_at=1))
        except Exception:
            done(call, None)
            raise

    def UpdateUser(self, request, context):
        call = SEEN.begin("UpdateUser", request, context)
        return done(call, request.user)

    def DeleteUser(self, request, context):
        call = SEEN.begin("DeleteUser", request, context)
        try:
            behave(request.user_id, context, call)
            return done(call, Empty())
        except Exception:
            done(call, None)
            raise


REQUESTS_KEPT = 20


def received(requests, call):
    """The requests, noted: how many, the first ones, and when they came."""
    call.update(received=0, requests=[], times=[])
    for request in requests:
        call["received"] += 1
        if len(call["requests"]) < REQUESTS_KEPT:
            call["requests"].append(json_format.MessageToDict(request, descriptor_pool=POOL))
            call["times"].append(time.time())
        yield request


def finished(call, context, answer=None):
    """done(), unless it was cancelled: grpcio tells the end of such a call's requests first."""
    time.sleep(0.02)
    return done(call, answer) if context.is_active() else answer


class Stream:
    """The text of the first request may be a word: stop: answers at once; fail: fails at once;
    stall: reads no further; slow: reads one every 50 ms.  Metadata x-test: greet: Chat speaks first."""

    NAME = "streamtest.StreamService"

    def collect(self, rpc, requests, context, part):
        call = SEEN.begin(rpc, None, context)
        answer, digest, word = Summary(ordered=True), hashlib.sha256(), ""
        for request in received(requests, call):
            data, number, name = part(request)
            if call["received"] == 1:
                word, answer.name = data if len(data) < 10 else b"", name
            answer.ordered = answer.ordered and number == answer.count
            answer.count += 1
            answer.bytes += len(data)
            answer.sum += number
            digest.update(data)
            if word == b"stop":
                break
            if word == b"fail":
                done(call, None)
                fail(context, 9, "told to fail", details_of(9, "told to fail"))
            if word == b"stall":
                gone = threading.Event()
                if context.add_callback(gone.set):
                    gone.wait(60)
                return answer
            if word == b"slow":
                time.sleep(0.05)
        answer.digest = digest.hexdigest()
        return finished(call, context, answer)

    def Collect(self, requests, context):
        return self.collect("Collect", requests, context,
                            lambda r: (r.text.encode(), r.number, r.room))

    def Append(self, requests, context):
        return self.collect("Append", requests, context,
                            lambda r: (r.item.text.encode(), r.item.number, r.room + r.author))

    def Upload(self, requests, context):
        return self.collect("Upload", requests, context,
                            lambda r: (r.file.data, 0, r.name + ":" + r.file.content_type))

    def Chat(self, requests, context):
        call = SEEN.begin("Chat", None, context)
        if dict(context.invocation_metadata()).get("x-test") == "greet":
            yield Item(text="hello")
        for item in received(requests, call):
            yield item
            if item.text == "stop":
                break
            if item.text == "fail":
                done(call, None)
                fail(context, 9, "told to fail", details_of(9, "told to fail"))
        finished(call, context)

    def Watch(self, requests, context):
        call = SEEN.begin("Watch", None, context)
        for item in received(requests, call):
            yield item
        finished(call, context)


class Echo:
    NAME = "codectest.EchoService"

    def Echo(self, request, context):
        return done(SEEN.begin("Echo", request, context), request)

    def EchoList(self, request, context):
        done(SEEN.begin("EchoList", request, context), None)
        answer = AllTypes()
        for i in range(request.count):
            answer.repeated_nested.add(name=request.name, count=i)
        return answer

    def EchoStream(self, requests, context):
        yield from requests

    def Upload(self, requests, context):
        for _ in requests:
            pass
        return cls("codectest.Nested")()

    def Download(self, request, context):
        done(SEEN.begin("Download", request, context), None)
        for i in range(3):
            yield cls("google.api.HttpBody")(content_type="text/plain", data=f"part {i}\n".encode())


def serialize(message):
    return message if isinstance(message, bytes) else message.SerializeToString()


def register(server, service):
    handlers = {}
    for method in POOL.FindServiceByName(service.NAME).methods:
        proto = descriptor_pb2.MethodDescriptorProto()
        method.CopyToProto(proto)
        make = getattr(grpc, "{}_{}_rpc_method_handler".format(
            "stream" if proto.client_streaming else "unary",
            "stream" if proto.server_streaming else "unary"))
        handlers[method.name] = make(getattr(service, method.name),
                                     cls(method.input_type.full_name).FromString, serialize)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(service.NAME, handlers),))


class Control(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/clear":
            SEEN.clear()
        body = json.dumps(SEEN.snapshot()).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def main(services=(Users, Echo, Stream)):
    parser = argparse.ArgumentParser()
    parser.add_argument("--address", default="127.0.0.1:0")
    parser.add_argument("--max-streams", type=int)
    parser.add_argument("--max-age-ms", type=int)
    parser.add_argument("--compression", choices=["NoCompression", "Deflate", "Gzip"])
    parser.add_argument("--tls", nargs=3, metavar=("CERTIFICATE", "KEY", "CLIENT_CA"),
                        help="files in PEM form; CLIENT_CA may be empty")
    options = parser.parse_args()
    settings = [("grpc.so_reuseport", 0)]
    if options.max_streams:
        settings.append(("grpc.max_concurrent_streams", options.max_streams))
    if options.max_age_ms:
        settings += [("grpc.max_connection_age_ms", options.max_age_ms),
                     ("grpc.max_connection_age_grace_ms", 5000)]
    compression = getattr(grpc.Compression, options.compression) if options.compression else None
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=400), options=settings,
                         compression=compression)
    for service in services:
        register(server, service())
    if options.tls:
        certificate, key, client_ca = (Path(f).read_bytes() if f else None for f in options.tls)
        port = server.add_secure_port(options.address, grpc.ssl_server_credentials(
            [(key, certificate)], client_ca, client_ca is not None))
    else:
        port = server.add_insecure_port(options.address)
    if port == 0:
        sys.exit("the port is taken")
    server.start()
    control = ThreadingHTTPServer(("127.0.0.1", 0), Control)
    threading.Thread(target=control.serve_forever, daemon=True).start()
    print(json.dumps({"port": port, "control": control.server_address[1]}), flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
