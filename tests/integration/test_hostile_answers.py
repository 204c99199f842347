"""Services whose messages are hostile: deep, broken, or small on the wire and large in memory."""
import json
import random
import re
import struct
import time
import warnings
from pathlib import Path

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

import harness
from bad_server import message
from harness import Settings, Test, wait_for
from hostile_h2 import Peer, data, head, tag, text, trailers, varint

ROUTES = """routes:
  - match: GET /echo/{string_value}
    rpc: codectest.EchoService/Echo
    upstream: echo
"""


def nested(depth, number=19):
    """A message in a message, `depth` times; from the inside, without recursion."""
    parts, size = [], 0
    for _ in range(depth):
        part = tag(number, 2) + varint(size)
        parts.append(part)
        size += len(part)
    return b"".join(reversed(parts))


def groups(depth, number=1000):
    """Unknown groups in each other."""
    return tag(number, 3) * depth + tag(number, 4) * depth


class Echo(Peer):
    """Answers with the payload that the request names, however large."""

    def __init__(self, payloads):
        self.payloads = payloads
        super().__init__()

    def answer(self, link):
        while link.open:
            stream = link.open.pop(0)
            name = link.name(stream).decode()
            link.send(head(stream))
            self.pour(link, stream, message(self.payloads.get(name, text(9, name.encode()))))
            if stream not in link.resets:
                link.send(trailers(stream))

    def pour(self, link, stream, body):
        """DATA as the windows permit."""
        sent, first = 0, link.peer_sent if hasattr(link, "peer_sent") else 0
        while sent < len(body) and stream not in link.resets:
            room = min(16384, len(body) - sent, 65535 + link.windows.get(stream, 0) - sent,
                       65535 + link.windows.get(0, 0) - first - sent)
            if room > 0:
                link.send(data(stream, body[sent:sent + room]))
                sent += room
            else:
                done = link.handle(*link.next())
                if done is not None:
                    link.open.append(done)
        link.peer_sent = first + sent


class Messages(Test):
    def start(self, payloads):
        self.peer = Echo(payloads)
        self.addCleanup(self.peer.kill)
        self.gw = self.gateway(
            f"workers: 1\ndescriptors: [{harness.ROOT}/descriptors/codec_test.pb]\nupstreams:\n"
            f"  echo: {{ endpoints: [{self.peer.endpoint}], retry: {{ attempts: 1 }} }}\n" + ROUTES)
        self.client = self.gw.connect()

    def get(self, name):
        return self.client.get(f"/echo/{name}")

    def good(self):
        answer = self.get("well")
        self.assertEqual((answer.status, answer.json().get("stringValue")), (200, "well"))

    def test_depth(self):
        """100 levels, the message itself among them, as protobuf's own parsers count them."""
        self.start({f"d{n}": nested(n) for n in (99, 100, 101, 1000, 9000, 100000)}
                   | {f"g{n}": groups(n) for n in (98, 101, 1000, 100000)}
                   | {f"s{n}": text(114, nested(n, 1)) for n in (1000, 100000)}
                   | {"open": tag(1000, 3) * 300000, "ends": tag(1000, 4) * 1000})
        for name, statuses in {
                "d99": (200,), "d101": (502,), "d1000": (502,), "d9000": (502,),
                "d100000": (502,), "g98": (200,), "g101": (502,), "g1000": (502,),
                "g100000": (502,), "s1000": (502,), "s100000": (502,), "open": (502,),
                "ends": (502,)}.items():
            with self.subTest(name):
                answer = self.get(name)
                self.assertIn(answer.status, statuses, answer)
                if answer.status != 200:
                    self.check_error(answer, 502, 13)
                self.good()

    def peak_kib(self):
        status = Path(f"/proc/{self.gw.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])

    def test_amplification(self):
        """Few bytes that are many things: memory in proportion to the limit, or an error."""
        size = 4 * 2**20 - 100

        def times(piece):
            return piece * (size // len(piece))
        packed = {"bools": text(48, b"\0" * size), "doubles": text(41, b"\0" * (size // 8 * 8)),
                  "ints": text(45, b"\0" * size), "controls": text(9, b"\x01" * size),
                  "bytes": text(10, b"\0" * size)}
        payloads = packed | {
            "messages": times(text(58, b"")), "nested": times(text(57, b"")),
            "strings": times(text(49, b"")), "entries": times(text(71, b"")),
            "merged": times(text(19, b"")), "structs": times(text(144, b"")),
            "unknown": times(tag(2000, 0) + b"\0"), "unpacked": times(tag(61, 1) + b"\0" * 8)}
        self.start(payloads)
        self.good()
        for name in payloads:
            with self.subTest(name):
                Path(f"/proc/{self.gw.pid}/clear_refs").write_text("5")
                before, begun = self.peak_kib(), time.monotonic()
                answer = self.get(name)
                grown = self.peak_kib() - before
                self.assertIn(answer.status, (200, 502, 503), answer)
                self.check_took(begun, 10)
                if answer.status == 200:
                    json.loads(answer.body)
                if not Settings.sanitized():
                    self.assertLess(grown, 8 * 4096 + 1024 + len(answer.body) // 1024)
                self.good()

    def test_strings(self):
        """Nothing is cut short: carried whole, or refused."""
        whole = {"nul": "a\0b", "controls": "".join(map(chr, range(32))) + "\x7f",
                 "quotes": '"\\/', "high": "\u0080\u07ff\u0800\uffff\U00010000\U0010ffff",
                 "lines": "\u2028\u2029"}
        broken = {"lone": b"\x80", "short": b"a\xc3", "overlong": b"\xc0\x80",
                  "over3": b"\xe0\x80\x80", "over4": b"\xf0\x80\x80\x80",
                  "surrogate": b"\xed\xa0\x80", "above": b"\xf4\x90\x80\x80",
                  "five": b"\xf8\x88\x80\x80\x80", "bom": b"\xff\xfe",
                  "late": b"a" * 100 + b"\xff"}
        self.start({n: text(9, v.encode()) for n, v in whole.items()}
                   | {n: text(9, v) for n, v in broken.items()})
        for name, value in whole.items():
            with self.subTest(name):
                self.assertEqual(self.get(name).json(), {"stringValue": value})
        for name in broken:
            with self.subTest(name):
                self.check_error(self.get(name), 502, 13)
        self.good()

    def test_malformed(self):
        """The verdict on each of the vectors is that of protobuf's own parser."""
        parse = parser()
        payloads = {f"v{i}": v for i, v in enumerate(vectors())}
        self.start(payloads)
        verdicts = {True: 0, False: 0}
        for name, payload in payloads.items():
            is_good = parse(payload)
            verdicts[is_good] += 1
            with self.subTest(payload=payload.hex()):
                answer = self.get(name)
                self.assertEqual(answer.status, 200 if is_good else 502, answer)
        self.assertGreater(min(verdicts.values()), 50, verdicts)
        self.assertGreaterEqual(len(payloads), 200)
        self.good()


def parser():
    """Whether protobuf takes bytes as codectest.AllTypes."""
    pool = descriptor_pool.DescriptorPool()
    files = descriptor_pb2.FileDescriptorSet.FromString(
        (harness.ROOT / "descriptors/codec_test.pb").read_bytes())
    for file in files.file:
        pool.Add(file)
    kind = message_factory.MessageFactory(pool).GetPrototype(
        pool.FindMessageTypeByName("codectest.AllTypes"))

    def parse(payload):
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # bytes behind what ends a group are only warned of
            try:
                kind.FromString(payload)
                return True
            except (DecodeError, RuntimeWarning, SystemError):
                return False
    return parse


def vectors():
    """Hand-written ones, and cuts and changed bytes of good ones."""
    made = [b"", b"\0", b"\0\0", b"\x07", b"\x06", b"\x08", b"\x0f", b"\x80", b"\x80" * 10 + b"\1",
            b"\xff" * 11, tag(3, 0), tag(3, 0) + b"\xff" * 9 + b"\x01",
            tag(3, 0) + b"\xff" * 9 + b"\x02", tag(3, 0) + b"\xff" * 9 + b"\x7f",
            tag(3, 0) + b"\xff" * 10 + b"\x01",
            tag(3, 0) + b"\x80" * 9 + b"\0", tag(3, 0) + b"\x80\x80\x80\0",
            tag(5, 0) + varint(2**40), tag(8, 0) + b"\x05", tag(8, 0) + varint(2**63),
            tag(12, 0) + varint(2**64 - 1), tag(12, 0) + varint(99)]
    for number in (1, 2, 3, 6, 8, 9, 10, 12, 18, 19, 41, 43, 48, 49, 57, 58, 71, 1000, 2**29 - 1):
        made += [tag(number, wire) for wire in range(8)]
    for number in (1000, 9, 18):
        made += [tag(number, 3) + tag(number, 4), tag(number, 3) + tag(number + 1, 4),
                 tag(number, 4), tag(number, 3) + b"\x08",
                 tag(number, 3) + text(1, b"x") + tag(number, 4)]
    for number in (9, 10, 18, 41, 45, 49, 58, 71, 1000):
        made += [tag(number, 2) + size for size in (
            b"\x01", b"\x7f", b"\xff\xff\xff\xff\x07", b"\xff\xff\xff\xff\x0f",
            b"\x80\x80\x80\x80\x10", b"\xff" * 9 + b"\x01", b"\xff" * 11)]
        made += [text(number, p) for p in (b"", b"\x08\x01", b"\x08", b"\0")]
    whole = (tag(1, 1) + struct.pack("<d", 1.5) + tag(3, 0) + varint(300) + text(9, b"name")
             + text(18, b"\x08\x01") + text(41, struct.pack("<2d", 1, 2))
             + text(43, b"\1\2\xac\x02") + text(49, b"a") + text(71, b"\x08\x01\x10\x02")
             + text(19, tag(5, 0) + b"\1") + tag(2000, 0) + b"\1")
    made += [whole[:n] for n in range(len(whole))]
    draw = random.Random(7)
    for _ in range(200):
        changed = bytearray(whole)
        for _ in range(draw.randrange(1, 4)):
            byte = draw.choice((0, 1, 2, 8, 0x7f, 0x80, 0xff, draw.randrange(256)))
            changed[draw.randrange(len(changed))] = byte
        made.append(bytes(changed))
    return list(dict.fromkeys(made))


if __name__ == "__main__":
    harness.main()
