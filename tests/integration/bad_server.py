"""Upstreams that misbehave: an HTTP/2 server that does what a test tells it, on python3-h2, and a
TCP server that answers with given bytes."""
import socket
import struct
import threading

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.settings


class Listener:
    """Accepts on a free port; each connection has a thread that runs serve(socket)."""

    def __init__(self, port=0):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("127.0.0.1", port))
        self.socket.listen(64)
        self.port = self.socket.getsockname()[1]
        self.endpoint = f"grpc://127.0.0.1:{self.port}"
        self.connections = 0
        self.open = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                accepted, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            self.open.append(accepted)
            threading.Thread(target=self.guard, args=(accepted,), daemon=True).start()

    def guard(self, accepted):
        try:
            self.serve(accepted)
        except OSError:
            pass
        finally:
            accepted.close()

    def kill(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()
        for accepted in self.open:
            try:
                accepted.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Raw(Listener):
    """Says `data` to whoever connects, then reads on, or closes at once."""

    def __init__(self, data, close=False):
        self.data, self.close = data, close
        super().__init__()

    def serve(self, accepted):
        accepted.recv(16)
        accepted.sendall(self.data)
        while not self.close and accepted.recv(65536):
            pass


def message(payload, flag=0):
    return bytes([flag]) + struct.pack(">I", len(payload)) + payload


HEAD = [(":status", "200"), ("content-type", "application/grpc")]
OK = [("grpc-status", "0")]
USER = b"\x0a\x017"  # userservice.User{user_id: "7"}


class Call:
    """One request; what a behaviour uses to answer it."""

    def __init__(self, server, connection, sock, stream, headers):
        self.server, self.h2, self.socket = server, connection, sock
        self.stream, self.headers, self.body = stream, dict(headers), b""

    def flush(self):
        self.socket.sendall(self.h2.data_to_send())

    def head(self, headers=HEAD, end=False):
        self.h2.send_headers(self.stream, headers, end_stream=end)
        self.flush()

    def data(self, data, end=False, **options):
        room = len(data) + options.get("pad_length", -1) + 1
        while self.h2.local_flow_control_window(self.stream) < room:
            self.h2.receive_data(self.socket.recv(65536))
        self.h2.send_data(self.stream, data, end_stream=end, **options)
        self.flush()

    def trailers(self, headers):
        self.h2.send_headers(self.stream, headers, end_stream=True)
        self.flush()

    def reset(self, code=h2.errors.ErrorCodes.INTERNAL_ERROR):
        self.h2.reset_stream(self.stream, error_code=code)
        self.flush()

    def answer(self, body=None, trailers=OK, head=HEAD):
        """Head, one message, trailers: by default a good answer."""
        self.head(head)
        self.data(message(USER) if body is None else body)
        self.trailers(trailers)


class Upstream(Listener):
    """HTTP/2: calls behaviour(call) when a request is complete.  Keeps what it saw."""

    def __init__(self, behaviour, port=0, settings=None, window=None):
        self.behaviour = behaviour
        self.settings, self.window = settings or {}, window
        self.requests, self.resets, self.pings = [], [], 0
        super().__init__(port)

    def serve(self, accepted):
        connection = h2.connection.H2Connection(h2.config.H2Configuration(
            client_side=False, header_encoding="utf-8", validate_outbound_headers=False,
            normalize_outbound_headers=False))
        if self.settings:
            connection.local_settings.update(self.settings)
        connection.initiate_connection()
        accepted.sendall(connection.data_to_send())
        calls = {}
        while True:
            data = accepted.recv(65536)
            if not data:
                return
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    calls[event.stream_id] = Call(self, connection, accepted, event.stream_id,
                                                  event.headers)
                elif isinstance(event, h2.events.DataReceived):
                    calls[event.stream_id].body += event.data
                    if event.flow_controlled_length:
                        connection.acknowledge_received_data(event.flow_controlled_length,
                                                             event.stream_id)
                elif isinstance(event, h2.events.StreamEnded):
                    call = calls[event.stream_id]
                    self.requests.append(call)
                    accepted.sendall(connection.data_to_send())
                    self.behaviour(call)
                elif isinstance(event, h2.events.StreamReset):
                    self.resets.append(event.error_code)
                elif isinstance(event, h2.events.PingReceived):
                    self.pings += 1
            accepted.sendall(connection.data_to_send())
