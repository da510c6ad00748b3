# SPDX-License-Identifier: ISC
"""A bridge with several nodes, each with a bgpd that may carry addresses."""

import json
import os

import select
import threading
import time

from ether import ZERO, arp, read
from lab import Bgpd, wait_for
from segment import (CLIENT, CLIENT6, GATEWAY, GATEWAY6, POOL6, SEED, Segment,
                     VIP, endpoints, node_object, service)


class Member:
    """A node: its host, its bgpd, and its place on the switch."""

    def __init__(self, team, index):
        self.team = team
        self.name = f"node{index + 1}"
        self.address = f"192.168.1.{10 + index}"
        self.address6 = f"2001:db8:1::{10 + index}"
        self.host = team.attach(
            self.name, f"{self.address}/24 {self.address6}/64")
        if team.gateway:
            team.route(self.host)
        self.mac = team.mac(self.host)
        self.bgpd = None

    def start(self, wait=True):
        self.bgpd = Bgpd(self.host, self.team.conf(self), name="bgpd")
        self.bgpd.start(wait)
        return self

    def show(self, addr=VIP):
        return self.bgpd.json("show l2")["addresses"].get(addr, {})

    def nodes(self):
        return self.bgpd.json("show l2 nodes")["nodes"]

    def signal(self, how):
        self.bgpd.process.send_signal(how)

    def cut(self):
        self.team.switch.ip("link", "set", self.host.port, "down")

    def heal(self):
        self.team.switch.ip("link", "set", self.host.port, "up")


class Team(Segment):
    """Nodes that read one directory of manifests; a client; a gateway."""

    def __init__(self, lab, count=3, knobs="", gateway=True):
        self.lab = lab
        self.count = 0
        self.stations = []
        self.knobs = knobs
        self.switch = lab.host("switch")
        self.switch.ip("link", "add", "br0", "type", "bridge")
        self.switch.ip("link", "set", "br0", "up")
        self.client = self.attach("client", f"{CLIENT}/24 {CLIENT6}/64")
        self.gateway = None
        if gateway:
            self.gateway = self.attach(
                "gateway", f"{GATEWAY}/24 {GATEWAY6}/64")
        self.members = [Member(self, i) for i in range(count)]
        self.manifests = os.path.join(lab.dir, "manifests")
        os.makedirs(self.manifests, exist_ok=True)

    def conf(self, member):
        return f"""
hostname {member.name}
plugin l2
{self.knobs}
plugin k8s
 source directory {self.manifests}
 node {member.name}
 state {member.host.path("k8s.state")}
"""

    def put(self, name, *objects):
        path = os.path.join(self.manifests, name + ".yaml")
        with open(path + ".new", "w") as f:
            f.write("---\n".join(json.dumps(o) + "\n" for o in objects))
        os.rename(path + ".new", path)

    def serve(self, name="web", **spec):
        self.put(name, service(name, **spec), self.slice(name))

    def slice(self, name):
        made = endpoints(name)
        made["endpoints"] = [
            {"addresses": [f"10.244.{i}.9"], "nodeName": m.name,
             "conditions": {"ready": True}}
            for i, m in enumerate(self.members)]
        return made

    def start(self, pools=None, services=("web",)):
        with open(SEED) as f:
            seed = f.read().rstrip("\n") + "\n" + POOL6
        with open(os.path.join(self.manifests, "config.yaml"), "w") as f:
            f.write(pools or seed)
        self.put("nodes", *[node_object(m.name, m.address)
                            for m in self.members])
        for name in services:
            self.serve(name)
        for member in self.members:
            member.start()
        return self

    def living(self):
        return [m for m in self.members if m.bgpd and not m.bgpd.is_dead()]

    def say(self):
        return "\n".join(
            f"--- {m.name}\n" + m.bgpd.sh("show l2", check=False).stdout
            + m.bgpd.sh("show l2 nodes", check=False).stdout
            + m.bgpd.read_log()[-3000:] for m in self.living())

    def owners(self, addr=VIP, among=None):
        return [m for m in among or self.living() if m.show(addr).get("mine")]

    def wait_owner(self, addr=VIP, seconds=10, among=None, but=None):
        """The one that has it, once just one says so."""
        found = []

        def look():
            found[:] = self.owners(addr, among)
            return len(found) == 1 and found[0] is not but
        wait_for(look, seconds, 0.05, say=self.say)
        return found[0]

    def wait_agreed(self, addr=VIP, seconds=10):
        """... and all others name it."""
        owner = self.wait_owner(addr, seconds)
        wait_for(lambda: all(m.show(addr).get("owner") == owner.name
                             for m in self.living()), seconds, 0.05,
                 say=self.say)
        return owner


class Asker:
    """Fresh ARP questions from the client, 200 a second; who answers, when."""

    def __init__(self, team, addr=VIP, every=0.005):
        self.addr = addr
        self.every = every
        self.station = team.station(team.client)
        self.answers = []  # (time, MAC)
        self.told = []  # announcements: (time, MAC)
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()

    def run(self):
        mac = self.station.mac
        question = arp(1, mac, CLIENT, ZERO, self.addr)
        due = time.monotonic()
        while not self.stop.is_set():
            now = time.monotonic()
            if now >= due:
                self.station.send(question)
                due = max(due + self.every, now - self.every)
            self.read(max(0, due - now))

    def read(self, seconds):
        if not select.select([self.station.socket], [], [], seconds)[0]:
            return
        frame = read(self.station.socket.recv(2048))
        if not frame or frame["kind"] != "arp" or frame["spa"] != self.addr:
            return
        at = time.monotonic()
        if frame["tpa"] == CLIENT and frame["op"] == 2:
            self.answers.append((at, frame["sha"]))
        else:
            self.told.append((at, frame["sha"]))

    def macs(self):
        return {mac for _, mac in self.answers}

    def first_after(self, when, but):
        for at, mac in list(self.answers):
            if at > when and mac != but:
                return at, mac
        return None

    def longest_gap(self):
        times = [at for at, _ in self.answers]
        return max((b - a for a, b in zip(times, times[1:])), default=9)

    def overlap(self):
        """For how long two answered: from the first of one to the last of
        another that had answered before."""
        longest, last = 0, {}
        for at, mac in self.answers:
            for other, seen in last.items():
                if other != mac and seen > self.first(mac):
                    longest = max(longest, seen - self.first(mac))
            last[mac] = at
        return longest

    def first(self, mac):
        return next(at for at, other in self.answers if other == mac)
