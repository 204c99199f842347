#!/usr/bin/python3 -B
"""A relay to a backend that resets connections, both sides of them, by RST.

    cutter.py ADDRESS TARGET

Prints "ready", then does what the lines of standard input say:

    reset       now, every connection that there is
    after N     from now on, each connection when N more bytes of answers have passed; 0: none
    count       prints how many were reset
"""
import os
import selectors
import socket
import struct
import sys

PIECE = 65536


def parse(address):
    host, _, port = address.rpartition(":")
    return host, int(port)


def reset(link):
    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    link.close()


class Cutter:
    def __init__(self, address, target):
        self.target, self.after, self.count = parse(target), 0, 0
        self.peers, self.left = {}, {}  # socket -> the other side; backend's side -> bytes
        self.selector = selectors.DefaultSelector()
        self.listener = socket.create_server(parse(address), backlog=64)
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.selector.register(0, selectors.EVENT_READ)
        self.orders = b""

    def accept(self):
        client, _ = self.listener.accept()
        try:
            backend = socket.create_connection(self.target)
        except OSError:
            reset(client)
            return
        self.peers[client], self.peers[backend] = backend, client
        self.left[backend] = self.after
        for link in (client, backend):
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.selector.register(link, selectors.EVENT_READ)

    def drop(self, link, by=reset):
        for side in (link, self.peers.pop(link)):
            self.peers.pop(side, None)
            self.left.pop(side, None)
            self.selector.unregister(side)
            by(side)

    def cut(self, link):
        self.count += 1
        self.drop(link)

    def relay(self, link):
        try:
            data = link.recv(PIECE)
            if not data:
                self.drop(link, socket.socket.close)
                return
            counts = self.left.get(link, 0) > 0
            if counts and len(data) >= self.left[link]:
                self.peers[link].sendall(data[:self.left[link]])
                self.cut(link)
                return
            if counts:
                self.left[link] -= len(data)
            self.peers[link].sendall(data)
        except OSError:
            self.drop(link)

    def listen(self):
        """Takes the lines of standard input that are whole; False: there will be no more."""
        more = os.read(0, PIECE)
        *lines, self.orders = (self.orders + more).split(b"\n")
        for line in lines:
            self.obey(line.decode())
        return more != b""

    def obey(self, line):
        word, _, rest = line.partition(" ")
        if word == "reset":
            for link in list(self.left):
                self.cut(link)
        elif word == "after":
            self.after = int(rest)
            self.left = dict.fromkeys(self.left, self.after)
        elif word == "count":
            print(self.count, flush=True)

    def run(self):
        print("ready", flush=True)
        while True:
            for key, _ in self.selector.select():
                if key.fileobj is self.listener:
                    self.accept()
                elif key.fileobj == 0:
                    if not self.listen():
                        return
                elif key.fileobj in self.peers:
                    self.relay(key.fileobj)


if __name__ == "__main__":
    Cutter(*sys.argv[1:]).run()
