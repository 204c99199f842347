#!/usr/bin/python3
"""One of several equal backends: userservice.UserService on python3-grpcio, which notes every
execution in a ledger that all of them share.

    ledger_server.py ADDRESS LEDGER [--age-ms N] [--streams N] [--health]

A call's id is its user_id (GetUser) or name (CreateUser).  The ledger is a file that is only
appended to, a line "ID ADDRESS" for each execution, written before the answer leaves: what stands in
it was done, whatever becomes of the process.  What an id begins with says more:

    unavailable   fails with UNAVAILABLE, always
    hold-N-       is answered after N milliseconds
    big-          has an answer of 100,000 bytes

ListUsers answers 400 messages of 1,000 bytes.  SIGTERM is a rolling restart's: GOAWAY, what runs is
finished, then the end.  From SIGUSR1 to the next one every call takes two seconds more; from SIGUSR2
to the next one --health (grpc.health.v1.Health/Watch) says NOT_SERVING, and calls are served on.
"""
import argparse
import os
import re
import signal
import sys
import threading
import time
from concurrent import futures

import grpc

BIG, MANY, EACH, SLOW = 100_000, 400, 1_000, 2.0


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


class Service:
    def __init__(self, address, ledger):
        self.address = address.encode()
        self.ledger = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self.slow, self.well = False, True

    def slow_down(self):
        self.slow = not self.slow

    def fall_ill(self):
        self.well = not self.well

    def watch(self, _request, context):
        """HealthCheckResponse { status = 1 }, whenever it changes."""
        told = None
        while context.is_active():
            if told != self.well:
                told = self.well
                yield b"\x08\x01" if told else b"\x08\x02"
            time.sleep(0.01)

    def execute(self, name, context):
        os.write(self.ledger, name + b" " + self.address + b"\n")
        if name.startswith(b"unavailable"):
            context.abort(grpc.StatusCode.UNAVAILABLE, "as asked")
        hold = re.match(rb"hold-(\d+)-", name)
        if hold or self.slow:
            time.sleep((int(hold[1]) / 1000 if hold else 0) + (SLOW if self.slow else 0))
        filling = text_field(3, b"x" * BIG) if name.startswith(b"big-") else b""
        return text_field(1, name) + text_field(2, name) + filling

    @staticmethod
    def list_users(_request, _context):
        for i in range(MANY):
            yield text_field(1, b"%d" % i) + text_field(3, b"x" * EACH)

    def handlers(self):
        def unary(field):
            return grpc.unary_unary_rpc_method_handler(
                lambda request, context: self.execute(read_field(request, field), context))

        return grpc.method_handlers_generic_handler(
            "userservice.UserService",
            {"GetUser": unary(1), "CreateUser": unary(1),
             "ListUsers": grpc.unary_stream_rpc_method_handler(self.list_users)})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("ledger")
    parser.add_argument("--age-ms", type=int)
    parser.add_argument("--streams", type=int)
    parser.add_argument("--health", action="store_true")
    arguments = parser.parse_args()
    options = [("grpc.so_reuseport", 0)]
    if arguments.age_ms:
        options.append(("grpc.max_connection_age_ms", arguments.age_ms))
    if arguments.streams:
        options.append(("grpc.max_concurrent_streams", arguments.streams))
    service, ending = Service(arguments.address, arguments.ledger), threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ending.set())
    signal.signal(signal.SIGUSR1, lambda *_: service.slow_down())
    signal.signal(signal.SIGUSR2, lambda *_: service.fall_ill())
    server = grpc.server(futures.ThreadPoolExecutor(16), options=options)
    server.add_generic_rpc_handlers((service.handlers(),))
    if arguments.health:
        watch = grpc.unary_stream_rpc_method_handler(service.watch)
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(
            "grpc.health.v1.Health", {"Watch": watch}),))
    if server.add_insecure_port(arguments.address) == 0:
        sys.exit("the port is taken")
    server.start()
    print("ready", flush=True)
    ending.wait()
    server.stop(5).wait()


if __name__ == "__main__":
    main()
