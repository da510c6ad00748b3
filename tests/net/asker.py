# SPDX-License-Identifier: ISC
"""Clients of addresses: fresh questions, and a stream of packets that come back."""

import collections
import select
import socket
import struct
import threading
import time
from bisect import bisect_left, bisect_right

from ether import ZERO, Ear, Station, arp, inside, ns
from lab import nginx

FACES = 16  # stations that one asker is: each may ask 50 times a second
APART = 0.5  # seconds without a change of who answers: that was settled
ECHO = 9000  # UDP port of the stream


class Face:
    """A station that has no kernel: what it asks, nobody has asked before."""

    def __init__(self, team, index):
        number = 100 + FACES * team.asking + index
        self.mac = f"02:fa:ce:00:00:{number:02x}"
        self.addr = f"192.168.1.{number}"
        self.addr6 = f"2001:db8:1::{number:x}"

    def question(self, addr):
        if ":" in addr:
            return ns(self.mac, self.addr6, addr, slla=self.mac)
        return arp(1, self.mac, self.addr, ZERO, addr)


class Client(threading.Thread):
    """Works from `with` to its end."""

    def __init__(self):
        super().__init__(daemon=True)
        self.over = threading.Event()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()
        self.close()

    def run(self):
        due = time.monotonic()
        while not self.over.is_set():
            now = time.monotonic()
            if now >= due:
                self.say()
                due = max(due + self.every, now - 5 * self.every)
            self.hear(max(0, due - now))


def waited(pids):
    """Seconds that each process was ready to run, and had no CPU, so far."""
    found = {}
    for pid in pids:
        try:
            with open(f"/proc/{pid}/schedstat") as f:
                found[pid] = int(f.read().split()[1]) / 1e9
        except OSError:
            pass  # it ended
    return found


class Asker(Client):
    """Fresh questions from a host, 200 a second; who answers, when."""

    def __init__(self, team, addr="192.168.1.240", every=0.005, host=None,
                 name="eth0"):
        super().__init__()
        self.team = team
        self.addr = addr
        self.every = every
        self.station = Station(host or team.client, name)
        self.ear = Ear(host or team.client, name)
        self.faces = [Face(team, i) for i in range(FACES)]
        team.asking = (team.asking + 1) % 6
        self.count = 0
        # As it was on the wire, in the order of time.
        self.answers = []  # (time, MAC)
        self.told = []  # announcements: (time, MAC)
        self.asked = []  # when
        self.whom = []  # (time, MAC, whose question); "": it is one
        self.waits = []  # (time, what `waited` said of the nodes)

    def close(self):
        while self.hear(0.01):
            pass
        self.station.close()
        self.ear.close()

    def say(self):
        self.waits.append((time.monotonic(), waited(
            [m.bgpd.pid for m in self.team.members if m.bgpd])))
        self.count += 1
        try:
            self.station.send(
                self.faces[self.count % FACES].question(self.addr))
        except OSError:
            pass  # the cable is out

    def hear(self, seconds):
        heard = self.ear.hear(seconds)
        if heard:
            self.sort(*heard)
        return heard

    def sort(self, at, ours, frame):
        is_arp = frame["kind"] == "arp"
        who = frame["sha"] if is_arp else frame["lladdr"]
        if ours:
            face = next((f for f in self.faces if f.mac == who), None)
            if face and self.addr == frame["tpa" if is_arp else "target"]:
                self.asked.append(at)
                self.whom.append((at, "", face))
        elif frame["kind"] != "ns" and self.addr == frame[
                "spa" if is_arp else "target"]:
            face = self.face_of(frame, is_arp)
            (self.answers if face else self.told).append((at, who))
            if face:
                self.whom.append((at, who, face))

    def face_of(self, frame, is_arp):
        """Whose question that answers; None: it was told to all."""
        if not (frame["op"] == 2 if is_arp else frame["S"]):
            return None
        to = frame["tpa" if is_arp else "dest"]
        return next((f for f in self.faces if to in (f.addr, f.addr6)), None)

    # What became of it

    def since(self, when):
        return [(at, mac) for at, mac in list(self.answers) if at >= when]

    def macs(self, since=0):
        return {mac for _, mac in self.since(since)}

    def first_after(self, when, but):
        return next((a for a in self.since(when) if a[1] != but), None)

    def last_of(self, mac):
        return max((at for at, who in self.answers if who == mac), default=0)

    def gap(self, a, b):
        """From one answer to the next; but not while nothing was asked."""
        i = bisect_left(self.asked, a)
        asked = self.asked[i] if i < len(self.asked) else b
        return max(0, min(b - a, b - asked + self.every))

    def longest_gap(self):
        times = [at for at, _ in self.answers]
        return max(map(self.gap, times, times[1:]), default=9)

    def starved(self, begin, end):
        """For how long the nodes' processes had no CPU then, all together."""
        times = [at for at, _ in self.waits]
        before = self.waits[max(0, bisect_right(times, begin) - 1)][1]
        after = self.waits[min(len(times) - 1, bisect_left(times, end))][1]
        return sum(after[pid] - was for pid, was in before.items()
                   if pid in after)

    def longest_pause(self):
        """The longest gap, but for the time that no CPU was to be had."""
        times = [at for at, _ in self.answers]
        gaps = [(a, b, self.gap(a, b)) for a, b in zip(times, times[1:])]
        return max((gap - self.starved(a, b) for a, b, gap in gaps
                    if gap > 2 * self.every), default=0 if gaps else 9)

    def unanswered(self):
        """The most questions, one after another, that were never answered.

        Not by the time, that depends on who has the CPU: a late answer is one.
        Each is to the latest question of its face that its node has not
        answered later. Questions at the end may be on their way.
        """
        left, runs, run = collections.Counter(), [], 0
        for _, who, face in reversed(self.whom):
            if who:
                left[who, face] += 1
                continue
            by = [key for key in left if key[1] is face and left[key]]
            left.subtract(by)
            run = 0 if by else run + 1
            runs.append(run)
        return max(runs[runs.index(0):]) if 0 in runs else run

    def changes(self):
        """When another answered than the one before."""
        return [b[0] for a, b in zip(self.answers, self.answers[1:])
                if a[1] != b[1]]

    def rounds(self):
        """Changes that are close: [(first, last, who before, who then)]."""
        found = []
        for (_, before), (at, mac) in zip(self.answers, self.answers[1:]):
            if before == mac:
                continue
            if found and at - found[-1][1] <= APART:
                found[-1][1], found[-1][3] = at, mac
            else:
                found.append([at, at, before, mac])
        return found

    def both(self):
        """For how long two answered, at most."""
        return max((last - first for first, last, _, _ in self.rounds()),
                   default=0)

    def moves(self):
        return sum(before != then for _, _, before, then in self.rounds())


class Echo(threading.Thread):
    """A service behind each of the nodes: sends back what it gets."""

    def __init__(self, hosts):
        super().__init__(daemon=True)
        self.sockets = []
        for host in hosts:
            with inside(host):
                s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
                s.bind(("::", ECHO))
            self.sockets.append(s)
        self.over = threading.Event()

    def run(self):
        while not self.over.is_set():
            for s in select.select(self.sockets, [], [], 0.1)[0]:
                try:
                    data, who = s.recvfrom(2048)
                    s.sendto(data, who)
                except OSError:
                    pass

    def stop(self):
        self.over.set()
        self.join()
        for s in self.sockets:
            s.close()


class Stream(Client):
    """1,000 packets a second to an address, by the client's own kernel."""

    def __init__(self, team, addr="192.168.1.240", every=0.001):
        super().__init__()
        self.every = every
        with inside(team.client):
            self.socket = socket.socket(
                socket.AF_INET6 if ":" in addr else socket.AF_INET,
                socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.to = addr, ECHO
        self.sent = []
        self.back = set()

    def close(self):
        end = time.monotonic() + 0.3  # for those that are on their way
        while time.monotonic() < end:
            self.hear(0.05)
        self.socket.close()

    def say(self):
        self.sent.append(time.monotonic())
        try:
            self.socket.sendto(struct.pack("!I", len(self.sent) - 1), self.to)
        except OSError:
            pass  # lost

    def hear(self, seconds):
        if not select.select([self.socket], [], [], seconds)[0]:
            return
        try:
            self.back.add(struct.unpack("!I", self.socket.recv(64))[0])
        except OSError:
            pass

    def lost(self, since=0):
        return sum(i not in self.back and at >= since
                   for i, at in enumerate(self.sent))


def kube_proxy(host, *addrs, port=80, to=8080):
    """What comes for these addresses is for the host itself, as by kube-proxy."""
    rules = []
    for addr in addrs:
        family = "ip6" if ":" in addr else "ip"
        rules += [f"{family} daddr {addr} udp dport {ECHO} redirect",
                  f"{family} daddr {addr} tcp dport {port} redirect to :{to}"]
    host("nft", "-f", "-", input="table inet proxy { chain in { type nat hook "
         "prerouting priority dstnat; " + "; ".join(rules) + "; }; }\n")


def web(host, port=8080):
    """A real nginx, that says whose it is."""
    return nginx(host, f"listen 0.0.0.0:{port}; listen [::]:{port}; "
                 f'return 200 "{host.name}\n";')
