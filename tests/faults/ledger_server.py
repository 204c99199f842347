#!/usr/bin/python3
"""One of several equal backends: userservice.UserService on python3-grpcio, which notes every
execution in a ledger that all of them share.

    ledger_server.py PORT LEDGER [MAX_CONNECTION_AGE_MS]

A call's id is its user_id (GetUser) or name (CreateUser).  The ledger is a file that is only
appended to, a line for each execution, written before the answer leaves: what stands in it was done,
whatever becomes of the process.  SIGTERM is a rolling restart's: GOAWAY, what runs is finished, then
the end.  Ids that begin with "unavailable" fail with UNAVAILABLE, always.
"""
import os
import signal
import sys
import threading
from concurrent import futures

import grpc


def varint(number):
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def text_field(number, value):
    return varint(number << 3 | 2) + varint(len(value)) + value


def read_field(data, wanted):
    """The last length-delimited field `wanted` of a flat message of strings."""
    at, found = 0, b""
    while at < len(data):
        tag, at = data[at], at + 1
        length, shift = 0, 0
        while True:
            byte, at = data[at], at + 1
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        if tag == wanted << 3 | 2:
            found = data[at:at + length]
        at += length
    return found


class Ledger:
    def __init__(self, path):
        self.descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def note(self, name):
        os.write(self.descriptor, name + b"\n")


def handlers(ledger):
    def execute(name, context):
        ledger.note(name)
        if name.startswith(b"unavailable"):
            context.abort(grpc.StatusCode.UNAVAILABLE, "as asked")
        return text_field(1, name) + text_field(2, name)

    def unary(field):
        return grpc.unary_unary_rpc_method_handler(
            lambda request, context: execute(read_field(request, field), context))

    return grpc.method_handlers_generic_handler(
        "userservice.UserService", {"GetUser": unary(1), "CreateUser": unary(1)})


def main():
    port, ledger, age_ms = (sys.argv[1:] + ["0"])[:3]
    options = [("grpc.so_reuseport", 0)]
    if int(age_ms) > 0:
        options.append(("grpc.max_connection_age_ms", int(age_ms)))
    server = grpc.server(futures.ThreadPoolExecutor(16), options=options)
    server.add_generic_rpc_handlers((handlers(Ledger(ledger)),))
    if server.add_insecure_port(f"127.0.0.1:{port}") == 0:
        sys.exit("the port is taken")
    server.start()
    print("ready", flush=True)
    ending = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ending.set())
    ending.wait()
    server.stop(5).wait()


if __name__ == "__main__":
    main()
