#!/usr/bin/python3
"""A legacy REST service on Python's own HTTP server, threads and kept connections.

Prints {"port": N} and serves until it is killed.  Arguments: PORT (0: any), then for TLS the files of
certificate and key.

    /echo             any method: what arrived, as JSON: method, target, headers, length and hash of
                      the body, the number of the connection
    /bytes?n=N        N bytes with Content-Length; &how=chunked (with &trailer=1 a trailer) or
                      &how=close: without
    /state            {"connections": N, "requests": N}; itself not counted
    /status?code=N    that status; 204 and 304 without a body
    /odd              unusual but well-formed headers
    /slow?ms=N        answers after that time
    /drip?n=N&ms=M    N chunks, one every M ms
"""
import hashlib
import http.server
import json
import socket
import ssl
import sys
import threading
import time
import urllib.parse

PIECE = bytes(range(256)) * 256

lock = threading.Lock()
seen = {"connections": 0, "requests": 0}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 65536

    def setup(self):
        super().setup()
        with lock:
            self.number = seen["connections"] = seen["connections"] + 1

    def log_message(self, *_):
        pass

    def chunks(self):
        while True:
            size = int(self.rfile.readline().split(b";")[0], 16)
            data = self.rfile.read(size)
            self.rfile.readline()
            if size == 0:
                return
            yield data

    def body(self):
        """(length, hash); a piece at a time."""
        digest, length = hashlib.sha256(), 0
        if self.headers.get("transfer-encoding") == "chunked":
            for data in self.chunks():
                digest.update(data)
                length += len(data)
            return length, digest.hexdigest()
        left = int(self.headers.get("content-length", 0))
        while left > 0:
            data = self.rfile.read(min(left, 1 << 16))
            if not data:
                break
            digest.update(data)
            length += len(data)
            left -= len(data)
        return length, digest.hexdigest()

    def answer(self, status, body, headers=(), reason=None):
        self.send_response(status, reason)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def serve_echo(self, _query):
        length, digest = self.body()
        self.answer(200, json.dumps({
            "method": self.command, "target": self.path, "headers": self.headers.items(),
            "length": length, "sha256": digest, "connection": self.number}).encode(),
            [("Content-Type", "application/json")])

    def serve_bytes(self, query):
        left, how = int(query["n"]), query.get("how", "length")
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        if how == "length":
            self.send_header("Content-Length", str(left))
        elif how == "chunked":
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        while left > 0 and self.command != "HEAD":
            piece = PIECE[:left]
            left -= len(piece)
            if how == "chunked":
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            else:
                self.wfile.write(piece)
        if how == "chunked":
            trailer = b"X-Trailer: dropped\r\n" if "trailer" in query else b""
            self.wfile.write(b"0\r\n%s\r\n" % trailer)

    def serve_state(self, _query):
        with lock:
            seen["requests"] -= 1
            state = dict(seen)
        self.answer(200, json.dumps(state).encode())

    def serve_status(self, query):
        status = int(query["code"])
        self.body()
        if status in (204, 304):
            self.send_response(status)
            self.send_header("ETag", '"a"')
            self.end_headers()
        else:
            self.answer(status, b"status %d\n" % status, reason=query.get("reason"))

    def serve_odd(self, _query):
        self.answer(200, b"odd", [
            ("Set-Cookie", "a=1; Path=/"), ("Set-Cookie", "b=2, c=3"), ("X-UPPER-lower", "Value"),
            ("X_under_score", "kept"), ("X-Empty", ""), ("X-Latin", "\xe4\xf6"),
            ("X-Tab", "a\tb"), ("Via", "1.0 older"), ("Cache-Control", "no-store"),
            ("Connection", "x-hop"), ("X-Hop", "gone"), ("Keep-Alive", "timeout=30"),
            ("Content-Encoding", "identity"), ("X-Long", "x" * 6000)])

    def serve_slow(self, query):
        time.sleep(int(query["ms"]) / 1000)
        self.answer(200, b"late")

    def serve_drip(self, query):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for i in range(int(query["n"])):
            self.wfile.write(b"2\r\n%d\n\r\n" % (i % 10))
            self.wfile.flush()
            time.sleep(int(query["ms"]) / 1000)
        self.wfile.write(b"0\r\n\r\n")

    def serve(self):
        with lock:
            seen["requests"] += 1
        path, _, query = self.path.partition("?")
        found = getattr(self, "serve_" + path[1:], None) or self.serve_echo
        try:
            found(dict(urllib.parse.parse_qsl(query)))
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_REPORT = serve


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024
    allow_reuse_address = True
    address_family = socket.AF_INET

    def handle_error(self, *_):
        pass


if __name__ == "__main__":
    server = Server(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 0), Handler)
    if len(sys.argv) > 3:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[2], sys.argv[3])
        server.socket = context.wrap_socket(server.socket, server_side=True)
    print(json.dumps({"port": server.server_address[1]}), flush=True)
    server.serve_forever()
