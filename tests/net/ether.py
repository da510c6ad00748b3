# SPDX-License-Identifier: ISC
"""Frames by hand: ARP and ND, written and read, on an interface of a host."""

import contextlib
import ctypes
import os
import select
import socket
import struct
import time

BROADCAST = "ff:ff:ff:ff:ff:ff"
ZERO = "00:00:00:00:00:00"
ALL_NODES = "ff02::1"
_libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
SO_ATTACH_FILTER = 26
SO_RCVBUFFORCE = 33
SO_TIMESTAMPNS = 35


def mac_bytes(text):
    return bytes.fromhex(text.replace(":", ""))


def mac_text(raw):
    return ":".join(f"{b:02x}" for b in raw)


def v4(text):
    return socket.inet_pton(socket.AF_INET, text)


def v6(text):
    return socket.inet_pton(socket.AF_INET6, text)


def solicited_node(addr):
    return socket.inet_ntop(
        socket.AF_INET6, v6("ff02::1:ff00:0")[:13] + v6(addr)[13:])


def group_mac(group):
    return mac_text(b"\x33\x33" + v6(group)[12:])


def arp(op, sha, spa, tha, tpa, dst=BROADCAST, src=None, hlen=6, plen=4,
        vlan=None):
    tag = b"" if vlan is None else struct.pack("!HH", 0x8100, vlan)
    return (mac_bytes(dst) + mac_bytes(src or sha) + tag
            + struct.pack("!HHHBBH", 0x0806, 1, 0x0800, hlen, plen, op)
            + mac_bytes(sha) + v4(spa) + mac_bytes(tha) + v4(tpa))


def checksum(source, dest, icmp):
    data = source + dest + struct.pack("!II", len(icmp), 58) + icmp
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xffff:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def option(kind, value):
    return struct.pack("BB", kind, (len(value) + 2) // 8) + value


def nd(kind, src_mac, source, dest, target, flags=0, options=b"", dst=None,
       hops=255, spoil=0, code=0):
    if dst is None:
        dst = group_mac(dest)
    body = struct.pack("!BBHI", kind, code, 0, flags << 24) + v6(target)
    body += options
    check = checksum(v6(source), v6(dest), body) ^ spoil
    body = body[:2] + struct.pack("!H", check) + body[4:]
    return (mac_bytes(dst) + mac_bytes(src_mac) + b"\x86\xdd"
            + struct.pack("!IHBB", 0x60000000, len(body), 58, hops)
            + v6(source) + v6(dest) + body)


def ns(mac, source, target, slla=None, dest=None, **kw):
    return nd(135, mac, source, dest or solicited_node(target), target,
              options=option(1, mac_bytes(slla)) if slla else b"", **kw)


def na(mac, source, target, dest=ALL_NODES, tlla=None, router=False,
       solicited=False, override=True, **kw):
    flags = router << 7 | solicited << 6 | override << 5
    return nd(136, mac, source, dest, target, flags=flags,
              options=option(2, mac_bytes(tlla)) if tlla else b"", **kw)


def read(raw):
    """A frame as a dict; None: neither ARP nor ND."""
    kind = struct.unpack("!H", raw[12:14])[0]
    f = {"dst": mac_text(raw[:6]), "src": mac_text(raw[6:12]), "raw": raw,
         "alone": not raw[0] & 1}  # to one station, whoever that is
    if kind == 0x0806 and len(raw) >= 42:
        f.update(kind="arp", op=struct.unpack("!H", raw[20:22])[0],
                 sha=mac_text(raw[22:28]),
                 spa=socket.inet_ntoa(raw[28:32]),
                 tha=mac_text(raw[32:38]), tpa=socket.inet_ntoa(raw[38:42]))
        return f
    if kind == 0x86dd and len(raw) >= 78 and raw[20] == 58 and raw[54] in (
            135, 136):
        f.update(kind="ns" if raw[54] == 135 else "na", hops=raw[21],
                 source=socket.inet_ntop(socket.AF_INET6, raw[22:38]),
                 dest=socket.inet_ntop(socket.AF_INET6, raw[38:54]),
                 target=socket.inet_ntop(socket.AF_INET6, raw[62:78]),
                 R=bool(raw[58] & 0x80), S=bool(raw[58] & 0x40),
                 O=bool(raw[58] & 0x20), lladdr=None,
                 good=checksum(raw[22:38], raw[38:54], raw[54:]) == 0)
        at = 78
        while at + 2 <= len(raw) and raw[at + 1]:
            if raw[at] in (1, 2):
                f["lladdr"] = mac_text(raw[at + 2:at + 8])
            at += raw[at + 1] * 8
        return f
    return None


@contextlib.contextmanager
def inside(host):
    """Sockets that are made meanwhile belong to the host."""
    own = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{host.ns}", os.O_RDONLY)
    try:
        if _libc.setns(there, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        yield
    finally:
        _libc.setns(own, CLONE_NEWNET)
        os.close(own)
        os.close(there)


class Station:
    """A packet socket on an interface of a host."""

    def __init__(self, host, name="eth0"):
        with inside(host):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                                        socket.htons(3))
            self.socket.bind((name, 3))
        self.mac = mac_text(self.socket.getsockname()[4])

    def send(self, *frames):
        for frame in frames:
            self.socket.send(frame)

    def drain(self):
        while select.select([self.socket], [], [], 0)[0]:
            self.socket.recv(2048)

    def collect(self, seconds, enough=0, **wanted):
        """Frames with these fields that come in that time, ours left out."""
        found, end = [], time.monotonic() + seconds
        while not enough or len(found) < enough:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.socket], [], [], left)[0]:
                break
            try:
                raw, info = self.socket.recvfrom(2048)
            except OSError:  # the interface was down meanwhile
                continue
            frame = read(raw) if info[2] != socket.PACKET_OUTGOING else None
            if frame and all(frame.get(k) == v for k, v in wanted.items()):
                frame["at"] = time.monotonic()
                found.append(frame)
        return found

    def ask(self, frame, seconds=0.4, **wanted):
        """The answers to a frame; an answer ends the wait, silence lasts."""
        wanted.setdefault("alone", True)
        self.drain()
        self.send(frame)
        found = self.collect(seconds, enough=1, **wanted)
        return found + self.collect(0.05, **wanted) if found else []

    def close(self):
        self.socket.close()


class Ear:
    """All ARP and ND of an interface, of both directions, by the kernel's time.

    That is when a frame was on the wire, however late we were to read it.
    """

    # ARP, or IPv6 with ICMPv6 in it (cBPF: code, jumps, value).
    FILTER = [(0x28, 0, 0, 12), (0x15, 3, 0, 0x0806), (0x15, 0, 3, 0x86dd),
              (0x30, 0, 0, 20), (0x15, 0, 1, 58), (6, 0, 0, 0xffff),
              (6, 0, 0, 0)]

    def __init__(self, host, name="eth0"):
        with inside(host):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        code = ctypes.create_string_buffer(
            b"".join(struct.pack("HBBI", *line) for line in self.FILTER))
        self.socket.setsockopt(
            socket.SOL_SOCKET, SO_ATTACH_FILTER,
            struct.pack("HP", len(self.FILTER), ctypes.addressof(code)))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 23)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.socket.bind((name, 3))
        # The pair that was read with the least between.
        self.ahead = min((time.monotonic() - m, w - m) for m, w in (
            (time.monotonic(), time.time()) for _ in range(100)))[1]

    def hear(self, seconds):
        """(time, whether it was sent from here, frame); None: nothing."""
        if not select.select([self.socket], [], [], seconds)[0]:
            return None
        try:
            raw, told, _, info = self.socket.recvmsg(2048, 64)
        except OSError:  # the interface was down meanwhile
            return None
        frame = read(raw)
        if not frame or not told:
            return None
        secs, nsecs = struct.unpack("qq", told[0][2])
        return (secs + nsecs / 1e9 - self.ahead,
                info[2] == socket.PACKET_OUTGOING, frame)

    def close(self):
        self.socket.close()
