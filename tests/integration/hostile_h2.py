"""gRPC services that break HTTP/2: raw frames, and tables of what they do.

A Peer gathers `calls` requests on one connection, then runs its script once; whatever comes later
it answers well.  The tables say what a script does and what must become of the first call (the
victim), of the others beside it, and of the connection.
"""
import socket
import struct
import threading
import time

from bad_server import Listener, message

DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = range(10)
END_STREAM, END_HEADERS, PADDED, PRIORITIZED, ACK = 1, 4, 8, 32, 1
NO_ERROR, PROTOCOL, INTERNAL, FLOW, TIMEOUT, CLOSED, SIZE, REFUSED, CANCEL, COMPRESSION = range(10)
CALM = 11
HTTP2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind, flags=0, stream=0, payload=b""):
    return (struct.pack(">I", len(payload))[1:] + bytes([kind, flags])
            + struct.pack(">I", stream) + payload)


def number(value, bits, first=0):
    """An HPACK integer (RFC 7541 section 5.1) whose first byte has `first` above the prefix."""
    limit = (1 << bits) - 1
    if value < limit:
        return bytes([first | value])
    out, value = [first | limit], value - limit
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    return bytes(out + [value])


def field(name, value):
    """A literal that enters no table."""
    name, value = name.encode(), value if isinstance(value, bytes) else value.encode()
    return b"\x00" + number(len(name), 7) + name + number(len(value), 7) + value


def block(*fields):
    return b"".join(field(n, v) for n, v in fields)


def setting(key, value):
    return struct.pack(">HI", key, value)


HEAD = b"\x88" + field("content-type", "application/grpc")
OK = field("grpc-status", "0")
ONLY = HEAD + OK
TABLE, PUSHES, STREAMS, WINDOWS, FRAMES = 1, 2, 3, 4, 5


def varint(value):
    """As protobuf writes it."""
    out = b""
    while value > 127:
        out += bytes([value % 128 + 128])
        value //= 128
    return out + bytes([value])


def tag(number, wire):
    return varint(number << 3 | wire)


def text(number, payload):
    return tag(number, 2) + varint(len(payload)) + payload


def user(name):
    return text(1, name)  # userservice.User{user_id}


def head(stream, extra=b"", flags=0):
    return frame(HEADERS, END_HEADERS | flags, stream, HEAD + extra)


def trailers(stream, fields=OK):
    return frame(HEADERS, END_HEADERS | END_STREAM, stream, fields)


def data(stream, payload, flags=0):
    return frame(DATA, flags, stream, payload)


def good(stream, payload=b"\x0a\x017"):
    return head(stream) + data(stream, message(payload)) + trailers(stream)


class Link:
    """One connection of the gateway, and what came over it."""

    def __init__(self, peer, accepted):
        self.peer, self.socket = peer, accepted
        self.asked, self.open, self.resets, self.windows = {}, [], {}, {}
        self.goaway, self.pongs, self.acks, self.dead = None, 0, 0, False

    def send(self, *frames):
        self.socket.sendall(b"".join(frames))

    def read(self, count):
        got = b""
        while len(got) < count:
            more = self.socket.recv(count - len(got))
            if not more:
                raise OSError("closed")
            got += more
        return got

    def next(self):
        first = self.read(9)
        return (first[3], first[4], struct.unpack(">I", first[5:])[0] & 0x7fffffff,
                self.read(int.from_bytes(first[:3], "big")))

    def handle(self, kind, flags, stream, payload):
        """Keeps what came; the stream whose request is complete with it."""
        if kind == HEADERS:
            self.asked[stream] = b""
        elif kind == DATA:
            self.asked[stream] = self.asked.get(stream, b"") + payload
        elif kind == RST:
            self.resets[stream] = struct.unpack(">I", payload)[0]
            if stream in self.open:
                self.open.remove(stream)
        elif kind == GOAWAY:
            self.goaway = struct.unpack(">I", payload[4:8])[0]
        elif kind == WINDOW:
            self.windows[stream] = self.windows.get(stream, 0) + struct.unpack(">I", payload)[0]
        elif kind == SETTINGS and not flags & ACK:
            self.peer.acknowledge(self)
        elif kind == SETTINGS:
            self.acks += 1
        elif kind == PING and flags & ACK:
            self.pongs += 1
        elif kind == PING:
            self.send(frame(PING, ACK, 0, payload))
        return stream if kind in (HEADERS, DATA) and flags & END_STREAM else None

    def name(self, stream):
        """The one string in its message, of less than 16 KiB."""
        message = self.asked[stream][6:]
        return message[2 if message[0] > 127 else 1:]


class Peer(Listener):
    """script(link, streams) runs once, when `calls` requests wait on a connection; then those that
    are still open are answered, and the requests that follow."""

    def __init__(self, script=None, calls=1, greeting=b"", goes_on=True):
        """goes_on: answers the others too, behind the script."""
        self.script, self.calls, self.greeting, self.goes_on = script, calls, greeting, goes_on
        self.links, self.struck, self.struck_at = [], script is None, None
        self.victim = None
        super().__init__()

    def serve(self, accepted):
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link = Link(self, accepted)
        try:
            self.talk(link)
        finally:
            link.dead = True

    def talk(self, link):
        link.read(len(HTTP2))
        link.send(frame(SETTINGS, 0, 0, self.greeting))
        self.links.append(link)
        while True:
            kind, flags, stream, payload = link.next()
            done = link.handle(kind, flags, stream, payload)
            self.took(link, kind, stream, payload)
            if done is None:
                continue
            link.open.append(done)
            if self.struck:
                self.answer(link)
            elif len(link.open) == self.calls:
                self.strike(link)

    def acknowledge(self, link):
        link.send(frame(SETTINGS, ACK))

    def took(self, link, kind, stream, payload):
        """A frame was handled; for those that answer in between."""

    def strike(self, link):
        self.struck, self.struck_at = True, time.monotonic()
        streams = list(link.open)
        self.victim = (link, streams[0], link.name(streams[0]).decode())
        link.open.remove(streams[0])
        self.script(link, streams)
        if self.goes_on:
            self.answer(link)

    def answer(self, link):
        for stream in link.open:
            link.send(good(stream, user(link.name(stream))))
        link.open = []


class Row:
    """name; script: bytes, or a function of the victim's stream, or of the connection and all
    streams; victim: HTTP statuses that the first call may get; goaway: codes of the connection
    error, None: it lives; reset: codes of the victim's RST_STREAM, None: none is asked for; ms,
    kib: of CPU and memory, with all other calls."""

    def __init__(self, name, script, victim, goaway=None, reset=None, code=None, calls=False,
                 ms=50, kib=1024):
        self.name, self.victim, self.goaway, self.reset = name, victim, goaway, reset
        self.code, self.ms, self.kib = code, ms, kib
        if isinstance(script, bytes):
            self.script = lambda link, streams: link.send(script)
        elif calls:
            self.script = script
        else:
            self.script = lambda link, streams: link.send(script(streams[0]))


def fine(name, script, **more):
    """The victim is answered well."""
    if isinstance(script, bytes):
        return Row(name, lambda s: script + good(s), (200,), **more)
    return Row(name, lambda s: script(s), (200,), **more)


def ends(name, script, *codes, **more):
    """The connection ends with GOAWAY and one of these codes."""
    return Row(name, script, (502, 503), goaway=codes, **more)


def fails(name, script, *codes, **more):
    """One stream is reset with one of these codes."""
    return Row(name, script, (502,), reset=codes, **more)


IDLE = 9999  # a stream of ours that was never opened

# RFC 9113 and RFC 7541, in the order of their sections: what a client must make of it.
PROTOCOL_ROWS = [
    fine("4.1 a frame of an unknown type", frame(0xbe, 0xff, 0, b"12345678")),
    fine("4.1 undefined flags", frame(PING, 0xfe, 0, b"12345678")),
    fine("4.1 the reserved bit", frame(PING, 0, 0x80000000, b"12345678")),
    ends("4.2 DATA over the frame size", lambda s: data(s, b"x" * 16385), SIZE),
    ends("4.2 HEADERS over the frame size",
         lambda s: frame(HEADERS, END_HEADERS, s, HEAD + b"\x00" * 16384), SIZE),
    ends("4.2 a length of 2^24-1", b"\xff\xff\xff\x00\x00\x00\x00\x00\x01" + b"x" * 100, SIZE),
    ends("4.3 a block cut within a field",
         lambda s: frame(HEADERS, END_HEADERS, s, b"\x88\x00\x0atest"), COMPRESSION),
    ends("4.3 PRIORITY within a block",
         lambda s: frame(HEADERS, 0, s, HEAD) + frame(PRIORITY, 0, s, b"\0\0\0\0\x10"), PROTOCOL),
    ends("4.3 another stream's HEADERS within a block",
         lambda s: frame(HEADERS, 0, s, HEAD) + head(s + 2), PROTOCOL),
    ends("4.3 an unknown frame within a block",
         lambda s: frame(HEADERS, 0, s, HEAD) + frame(0xbe, 0, s), PROTOCOL),
    ends("5.1 DATA on an idle stream", data(IDLE, b"x"), PROTOCOL),
    ends("5.1 HEADERS on an idle stream", head(IDLE), PROTOCOL),
    ends("5.1 RST_STREAM on an idle stream", frame(RST, 0, IDLE, b"\0\0\0\x08"), PROTOCOL),
    ends("5.1 WINDOW_UPDATE on an idle stream", frame(WINDOW, 0, IDLE, b"\0\0\0\x01"), PROTOCOL),
    ends("5.1 CONTINUATION on an idle stream", frame(CONTINUATION, 4, IDLE, HEAD), PROTOCOL),
    Row("5.1 CONTINUATION behind END_STREAM",
        lambda s: good(s) + frame(CONTINUATION, END_HEADERS, s, HEAD), (200,), goaway=(PROTOCOL,)),
    fine("5.1 WINDOW_UPDATE behind END_STREAM",
         lambda s: good(s) + frame(WINDOW, 0, s, b"\0\0\0\x01")),
    fine("5.1 RST_STREAM behind END_STREAM",
         lambda s: good(s) + frame(RST, 0, s, b"\0\0\0\0")),
    fine("5.1 PRIORITY behind END_STREAM",
         lambda s: good(s) + frame(PRIORITY, 0, s, b"\0\0\0\0\x10")),
    ends("5.1.1 HEADERS on a stream of the server's", head(2), PROTOCOL),
    fine("5.5 an unknown frame on a stream", lambda s: frame(0xbe, 0, s, b"x") + good(s)),
    ends("6.1 DATA on stream 0", data(0, b"x"), PROTOCOL),
    ends("6.1 more padding than DATA", lambda s: head(s) + data(s, b"\x05x", PADDED), PROTOCOL),
    ends("6.1 padding without its length", lambda s: head(s) + data(s, b"", PADDED),
         PROTOCOL, SIZE),
    ends("6.2 HEADERS on stream 0", head(0), PROTOCOL),
    ends("6.2 more padding than HEADERS",
         lambda s: frame(HEADERS, END_HEADERS | PADDED, s, b"\xffxx"), PROTOCOL),
    ends("6.3 PRIORITY on stream 0", frame(PRIORITY, 0, 0, b"\0\0\0\x01\x10"), PROTOCOL),
    ends("6.3 PRIORITY of 4 bytes", lambda s: frame(PRIORITY, 0, s, b"\0\0\0\x00"), SIZE),
    ends("6.4 RST_STREAM on stream 0", frame(RST, 0, 0, b"\0\0\0\x08"), PROTOCOL),
    ends("6.4 RST_STREAM of 3 bytes", lambda s: frame(RST, 0, s, b"\0\0\0"), SIZE),
    ends("6.5 an acknowledgement with a payload", frame(SETTINGS, ACK, 0, setting(3, 1)), SIZE),
    ends("6.5 SETTINGS on a stream", lambda s: frame(SETTINGS, 0, s, setting(3, 1)), PROTOCOL),
    ends("6.5 SETTINGS of 5 bytes", frame(SETTINGS, 0, 0, b"\0\3\0\0\0"), SIZE),
    ends("6.5.2 the server permits pushes", frame(SETTINGS, 0, 0, setting(PUSHES, 1)), PROTOCOL),
    ends("6.5.2 ENABLE_PUSH of 2", frame(SETTINGS, 0, 0, setting(PUSHES, 2)), PROTOCOL),
    ends("6.5.2 INITIAL_WINDOW_SIZE of 2^31", frame(SETTINGS, 0, 0, setting(WINDOWS, 1 << 31)),
         FLOW),
    ends("6.5.2 MAX_FRAME_SIZE of 16383", frame(SETTINGS, 0, 0, setting(FRAMES, 16383)), PROTOCOL),
    ends("6.5.2 MAX_FRAME_SIZE of 2^24", frame(SETTINGS, 0, 0, setting(FRAMES, 1 << 24)), PROTOCOL),
    fine("6.5.2 an unknown setting", frame(SETTINGS, 0, 0, setting(0xff, 77))),
    fine("6.5.3 a setting twice",
         frame(SETTINGS, 0, 0, setting(STREAMS, 1) + setting(STREAMS, 99))),
    ends("6.6 PUSH_PROMISE", lambda s: frame(PUSH, END_HEADERS, s, b"\0\0\0\2\x82"), PROTOCOL),
    ends("6.6 PUSH_PROMISE on stream 0", frame(PUSH, END_HEADERS, 0, b"\0\0\0\2\x82"), PROTOCOL),
    fine("6.7 an acknowledgement that nobody asked for", frame(PING, ACK, 0, b"12345678")),
    ends("6.7 PING on a stream", lambda s: frame(PING, 0, s, b"12345678"), PROTOCOL),
    ends("6.7 PING of 7 bytes", frame(PING, 0, 0, b"1234567"), SIZE),
    ends("6.8 GOAWAY on a stream", lambda s: frame(GOAWAY, 0, s, b"\0" * 8), PROTOCOL),
    ends("6.8 GOAWAY of 7 bytes", frame(GOAWAY, 0, 0, b"\0" * 7), SIZE),
    ends("6.9 WINDOW_UPDATE of 0", frame(WINDOW, 0, 0, b"\0" * 4), PROTOCOL),
    Row("6.9 WINDOW_UPDATE of 0 on a stream", lambda s: frame(WINDOW, 0, s, b"\0" * 4),
        (502, 503), goaway=(PROTOCOL,)),
    ends("6.9 WINDOW_UPDATE of 3 bytes", frame(WINDOW, 0, 0, b"\0" * 3), SIZE),
    ends("6.9.1 the connection's window over 2^31-1", frame(WINDOW, 0, 0, b"\x7f\xff\xff\xff"),
         FLOW),
    fails("6.9.1 a stream's window over 2^31-1", lambda s: frame(WINDOW, 0, s, b"\x7f\xff\xff\xff"),
          FLOW),
    fine("6.10 a block of four frames", lambda s: (
        frame(HEADERS, 0, s, HEAD[:3]) + frame(CONTINUATION, 0, s, HEAD[3:9])
        + frame(CONTINUATION, 0, s) + frame(CONTINUATION, END_HEADERS, s, HEAD[9:])
        + data(s, message(user(b"7"))) + trailers(s))),
    ends("6.10 CONTINUATION behind END_HEADERS",
         lambda s: head(s) + frame(CONTINUATION, END_HEADERS, s, OK), PROTOCOL),
    ends("6.10 CONTINUATION on stream 0",
         lambda s: frame(HEADERS, 0, s, HEAD) + frame(CONTINUATION, END_HEADERS, 0, OK), PROTOCOL),
    ends("6.10 CONTINUATION behind DATA",
         lambda s: head(s) + data(s, b"x") + frame(CONTINUATION, END_HEADERS, s, OK), PROTOCOL),
    fails("8.1 a second head without END_STREAM",
          lambda s: head(s) + frame(HEADERS, END_HEADERS, s, OK), PROTOCOL),
    ends("8.1 DATA before HEADERS", lambda s: data(s, message(b"")), PROTOCOL),
    fails("8.2.1 a name in capitals", lambda s: head(s, field("X-Big", "1")), PROTOCOL),
    fails("8.2.2 connection", lambda s: head(s, field("connection", "close")), PROTOCOL),
    fails("8.2.2 transfer-encoding", lambda s: head(s, field("transfer-encoding", "chunked")),
          PROTOCOL),
    fails("8.3 a pseudo field in the trailers",
          lambda s: head(s) + data(s, message(b"")) + trailers(s, b"\x88" + OK), PROTOCOL),
    fails("8.3 an unknown pseudo field",
          lambda s: frame(HEADERS, END_HEADERS, s, b"\x88" + field(":test", "1")), PROTOCOL),
    fails("8.3 a request's pseudo field",
          lambda s: frame(HEADERS, END_HEADERS, s, b"\x88" + field(":path", "/")), PROTOCOL),
    fails("8.3 a pseudo field behind others",
          lambda s: frame(HEADERS, END_HEADERS, s, field("a", "b") + b"\x88"), PROTOCOL),
    fails("8.3.2 no status", lambda s: frame(HEADERS, END_HEADERS, s, field("a", "b")), PROTOCOL),
    fails("8.3.2 two statuses", lambda s: frame(HEADERS, END_HEADERS, s, b"\x88\x88"), PROTOCOL),
    fails("8.3.2 a status that is none",
          lambda s: frame(HEADERS, END_HEADERS, s, field(":status", "abc")), PROTOCOL),
    fails("8.6 101", lambda s: frame(HEADERS, END_HEADERS, s, field(":status", "101")), PROTOCOL),
    fails("8.1.1 less than content-length says",
          lambda s: head(s, field("content-length", "99")) + data(s, b"x", END_STREAM), PROTOCOL),
    fails("8.1.1 more than content-length says",
          lambda s: head(s, field("content-length", "1")) + data(s, b"xxx"), PROTOCOL),
    fails("8.1.1 two content-lengths",
          lambda s: head(s, field("content-length", "1") * 2), PROTOCOL),
    ends("hpack 2.3.3 an index behind the table",
         lambda s: frame(HEADERS, END_HEADERS, s, b"\x88\xc6"), COMPRESSION),
    ends("hpack 6.1 index 0", lambda s: frame(HEADERS, END_HEADERS, s, b"\x88\x80"), COMPRESSION),
    ends("hpack 4.2 a table over its limit",
         lambda s: frame(HEADERS, END_HEADERS, s, b"\x3f\xe2\x1f\x88"), COMPRESSION),
    ends("hpack 4.2 the table's size in mid-block",
         lambda s: frame(HEADERS, END_HEADERS, s, b"\x88\x20"), COMPRESSION),
    ends("hpack 5.1 an integer without end",
         lambda s: frame(HEADERS, END_HEADERS, s, b"\x88\x7f" + b"\xff" * 12), COMPRESSION),
    ends("hpack 5.2 a string behind the block",
         lambda s: frame(HEADERS, END_HEADERS, s, b"\x88\x00\x01a\x7f\xff\xff\x01"), COMPRESSION),
    ends("hpack 5.2 Huffman: 8 bits of padding",
         lambda s: frame(HEADERS, END_HEADERS, s, b"\x88\x00\x01a\x82\x1f\xff"), COMPRESSION),
    ends("hpack 5.2 Huffman: padding of zeros",
         lambda s: frame(HEADERS, END_HEADERS, s, b"\x88\x00\x01a\x81\x18"), COMPRESSION),
    ends("hpack 5.2 Huffman: EOS",
         lambda s: frame(HEADERS, END_HEADERS, s, b"\x88\x00\x01a\x84\xff\xff\xff\xff"),
         COMPRESSION),
]


def many(count, *frames):
    """Sends them over and over; the gateway will have gone before the end."""
    def script(link, streams):
        piece = b"".join(f(streams[0]) if callable(f) else f for f in frames)
        step = max(1, 16384 // len(piece))
        for _ in range(0, count, step):
            link.send(piece * step)
    return script


def hpack_bomb(name):
    def script(stream):
        entry = b"\x40" + number(len(name), 7) + name + number(4000, 7) + b"v" * 4000
        return frame(HEADERS, END_HEADERS, stream, b"\x88" + entry + b"\xbe" * 12000)
    return script


def continuations(count, piece):
    return lambda s: (frame(HEADERS, 0, s, HEAD) + frame(CONTINUATION, 0, s, piece) * count
                      + frame(CONTINUATION, END_HEADERS, s))


# Far more than a peer may send: the connection is cut within the limits.
FLOODS = [
    ends("PING", many(50000, frame(PING, 0, 0, b"12345678")), CALM, calls=True),
    ends("PING acknowledged", many(50000, frame(PING, ACK, 0, b"12345678")), CALM, calls=True),
    ends("SETTINGS", many(50000, frame(SETTINGS)), CALM, calls=True),
    ends("SETTINGS of 100 entries", many(2000, frame(SETTINGS, 0, 0, setting(0xff, 1) * 100)),
         CALM, PROTOCOL, calls=True),
    ends("SETTINGS acknowledged", many(50000, frame(SETTINGS, ACK)), CALM, PROTOCOL, calls=True),
    ends("INITIAL_WINDOW_SIZE up and down", many(
        20000, frame(SETTINGS, 0, 0, setting(WINDOWS, 0)),
        frame(SETTINGS, 0, 0, setting(WINDOWS, 65535))), CALM, calls=True),
    ends("the header table up and down", many(
        20000, frame(SETTINGS, 0, 0, setting(TABLE, 0) + setting(TABLE, 4096))), CALM, calls=True),
    ends("WINDOW_UPDATE", many(50000, frame(WINDOW, 0, 0, b"\0\0\0\1")), CALM, calls=True),
    ends("WINDOW_UPDATE of a stream", many(50000, lambda s: frame(WINDOW, 0, s, b"\0\0\0\1")),
         CALM, calls=True),
    ends("PRIORITY of stream 1", many(50000, frame(PRIORITY, 0, 1, b"\0\0\0\0\1")), CALM,
         calls=True),
    ends("PRIORITY of an idle stream", many(50000, frame(PRIORITY, 0, IDLE, b"\0\0\0\0\1")),
         CALM, calls=True),
    ends("unknown frames", many(50000, frame(0xbe, 0, 0, b"x")), CALM, calls=True),
    # nghttp2 drops DATA of a closed stream before anybody can count it: it costs next to nothing.
    fails("empty DATA", lambda link, s: (
        link.send(head(s[0])), many(50000, lambda s: data(s, b""))(link, s)), CALM, calls=True),
    Row("HEADERS of a closed stream", lambda link, s: (
        link.send(good(s[0])), many(50000, lambda s: trailers(s))(link, s)), (200,),
        goaway=(CALM,), calls=True),
    Row("RST_STREAM of a closed stream", many(50000, lambda s: frame(RST, 0, s, b"\0\0\0\0")),
        (500,), goaway=(CALM,), calls=True),
    ends("empty CONTINUATION", continuations(1000, b""), CALM, PROTOCOL, INTERNAL),
    ends("large CONTINUATION", continuations(1000, field("x", "v" * 16000)), CALM, PROTOCOL,
         INTERNAL),
    ends("an HPACK bomb", hpack_bomb(b"x"), CALM, ms=10, kib=256),
    ends("an HPACK bomb of forbidden fields", hpack_bomb(b"("), CALM, ms=10, kib=256),
    ends("fields without a name", lambda s: frame(
        HEADERS, END_HEADERS, s, b"\x88" + b"\x00\x00\x00" * 5000), CALM),
    fails("more DATA than the windows", lambda s: head(s) + data(s, b"x" * 16384) * 80, FLOW,
          CANCEL),
]


def informational(count):
    return lambda s: frame(HEADERS, END_HEADERS, s, field(":status", "103")) * count + good(s)


def fields(count, start=3):
    """As many fields in all as `count`: the head has two, the status's trailers one."""
    return b"".join(field(f"x-{i}", "v") for i in range(start, count + 1))


def padded_head(total, used):
    """A field that fills a decoded block (RFC 9113 section 6.5.2) to `total` bytes."""
    return field("x-pad", "v" * (total - used - 32 - len("x-pad")))


HEAD_USED = len(":status200") + 32 + len("content-typeapplication/grpc") + 32
OK_USED = len("grpc-status0") + 32


def with_trailers(extra, status=OK):
    return lambda s: head(s) + data(s, message(user(b"7"))) + trailers(s, status + extra)


def bytewise(stream):
    body = message(b"\x0a\x017" + b"\x12\xd0\x0f" + b"n" * 2000)
    return (head(stream) + b"".join(data(stream, body[i:i + 1]) for i in range(len(body)))
            + trailers(stream))


def padding(stream):
    body = message(b"\x0a\x017\x12\xe8\x07" + b"n" * 1000)
    frames = [data(stream, b"\xff" + body[i:i + 5] + b"\0" * 255, PADDED)
              for i in range(0, len(body), 5)]
    return head(stream) + b"".join(frames[:200]) + b"".join(frames[200:]) + trailers(stream)


def pinged(stream):
    """The interop tests' ping server: one before and behind each frame."""
    ping = frame(PING, 0, 0, b"12345678")
    return ping.join([b"", head(stream), data(stream, message(user(b"7"))), trailers(stream), b""])


def cut(text, parts):
    size = -(-len(text) // parts)
    return [text[i:i + size] for i in range(0, len(text), size)]


# One answer is bad, or at the edge: its call alone feels it.
ANSWERS = [
    fine("8 informational answers", informational(8)),
    fails("9 informational answers", informational(9), CALM),
    fine("10 empty DATA", lambda s: head(s) + data(s, b"") * 10 + data(s, message(user(b"7")))
         + trailers(s)),
    fails("11 empty DATA", lambda s: head(s) + data(s, b"") * 11, CALM),
    fine("a head of 100 fields", lambda s: head(s, fields(100)) + data(s, message(user(b"7")))
         + trailers(s)),
    fails("a head of 101 fields", lambda s: head(s, fields(101)) + data(s, message(user(b"7")))
          + trailers(s), CALM),
    fine("a head of 16 KiB", lambda s: frame(HEADERS, 0, s, HEAD) + frame(
        CONTINUATION, END_HEADERS, s, padded_head(16384, HEAD_USED))
        + data(s, message(user(b"7"))) + trailers(s)),
    fails("a head of 16 KiB and 1", lambda s: frame(HEADERS, 0, s, HEAD) + frame(
        CONTINUATION, END_HEADERS, s, padded_head(16385, HEAD_USED)), CALM),
    fine("trailers of 100 fields", with_trailers(fields(100, 2))),
    fails("trailers of 101 fields", with_trailers(fields(101, 2)), CALM),
    fine("trailers of 16 KiB", with_trailers(padded_head(16384, OK_USED))),
    fails("trailers of 16 KiB and 1", with_trailers(padded_head(16385, OK_USED)), CALM),
    Row("a grpc-message of 64 KiB", lambda s: frame(HEADERS, END_STREAM, s, HEAD) + b"".join(
        frame(CONTINUATION, f, s, p) for f, p in zip((0, 0, 0, 0, END_HEADERS), cut(
            field("grpc-status", "5") + field("grpc-message", "m" * 65000), 5))),
        (502, 503)),
    fine("one byte in each DATA", bytewise),
    fine("51 KB of padding", padding),
    Row("a prefix of 4 GiB", lambda s: head(s) + data(s, b"\0\xff\xff\xff\xffx"), (502,),
        reset=(CANCEL,), kib=128),
    Row("a prefix of the limit and 1", lambda s: head(s) + data(s, b"\0\0\x10\0\1x"), (502,),
        reset=(CANCEL,)),
    Row("flag 2", lambda s: head(s) + data(s, message(b"", 2)) + trailers(s), (502,)),
    Row("a message behind the trailers' status 5", lambda s: head(s) + data(
        s, message(user(b"7"))) + trailers(s, field("grpc-status", "5")), (404,), code=5),
    Row("two statuses", with_trailers(field("grpc-status", "0")), (500,), code=2),
    Row("two statuses that differ", with_trailers(field("grpc-status", "5")), (500,), code=2),
    Row("END_STREAM with the message", lambda s: head(s) + data(
        s, message(user(b"7")), END_STREAM), (500,), code=2),
    Row("END_STREAM with the head", lambda s: head(s, flags=END_STREAM), (500,), code=2),
    Row("a status in the head before messages", lambda s: head(s, OK) + data(
        s, message(user(b"7")), END_STREAM), (500,), code=2),
    Row("HTML with 200", lambda s: frame(HEADERS, END_HEADERS, s, b"\x88" + field(
        "content-type", "text/html")) + data(s, message(user(b"7"))) + trailers(s), (500,), code=2),
    Row("invalid UTF-8", lambda s: good(s, b"\x0a\x02\xff\xfe"), (502,)),
    Row("a lone surrogate", lambda s: good(s, b"\x0a\x03\xed\xa0\x80"), (502,)),
    fine("NUL in a string", lambda s: good(s, b"\x0a\x05a\0b\0c")),
    # The rest of a request is not read: the answer stands (RFC 9113 section 8.1).
    fine("NO_ERROR behind a whole answer", lambda s: good(s) + frame(RST, 0, s, b"\0\0\0\0")),
    Row("rst_after_header", lambda s: head(s) + frame(RST, 0, s, b"\0\0\0\2"), (500,), code=13),
    Row("rst_during_data", lambda s: head(s) + data(s, message(user(b"7"))[:4])
        + frame(RST, 0, s, b"\0\0\0\2"), (500, 502), code=13),
    Row("rst_after_data", lambda s: head(s) + data(s, message(user(b"7")))
        + frame(RST, 0, s, b"\0\0\0\2"), (500,), code=13),
    fine("pings around everything", pinged),
]
ANSWERS += [
    Row(f"RST_STREAM with code {code}", lambda s, c=code: frame(RST, 0, s, struct.pack(">I", c)),
        (http,), code=grpc)
    for code, http, grpc in ((0, 500, 13), (1, 500, 13), (2, 500, 13), (3, 500, 13), (4, 500, 13),
                             (5, 500, 13), (6, 500, 13), (8, 499, 1), (9, 500, 13),
                             (10, 500, 13), (11, 429, 8), (12, 403, 7), (13, 500, 13),
                             (77, 500, 13), (0xffffffff, 500, 13))
]
