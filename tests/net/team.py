# SPDX-License-Identifier: ISC
"""A bridge with several nodes, each with a bgpd that may carry addresses."""

import json
import os

from lab import Bgpd, wait_for
from segment import (CLIENT, CLIENT6, GATEWAY, GATEWAY6, POOL6, SEED, VIP,
                     Segment, endpoints, node_object, service)


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
        return self.again(wait)

    def again(self, wait=True):
        """A process that ended is started anew, with what it left."""
        self.bgpd.start(wait)
        self.team.lab.hasty.append(self.bgpd.process)
        return self

    def show(self, addr=VIP):
        return self.bgpd.json("show l2")["addresses"].get(addr, {})

    def nodes(self):
        return self.bgpd.json("show l2 nodes")["nodes"]

    def explain(self, addr=VIP):
        return self.bgpd.json("show l2 explain " + addr)

    def sees(self, *others):
        """BFD is up with them, and they were heard; so was the gateway."""
        done = self.bgpd.sh("show l2 nodes json", check=False)
        if done.returncode != 0:  # it begins anew just now
            return False
        told = json.loads(done.stdout)
        nodes = told["nodes"]
        if self.team.gateway and told["gateway"] != "answers":
            return False
        return all(nodes.get(m.name, {}).get("bfd") == "up"
                   and nodes[m.name]["verdict"] == "alive" for m in others)

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
        self.asking = 0
        self.said = {}  # knobs of one member alone
        self.manifests = os.path.join(lab.dir, "manifests")
        os.makedirs(self.manifests, exist_ok=True)

    def conf(self, member):
        return f"""
hostname {member.name}
plugin l2
{self.said.get(member.name, self.knobs)}
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
        self.put_nodes()
        for name in services:
            self.serve(name, **({"ipFamilies": ["IPv6"]}
                                if name.startswith("six") else {}))
        for member in self.members:
            member.start()
        return self

    def put_nodes(self):
        self.put("nodes", *[node_object(m.name, m.address)
                            for m in self.members])

    def join(self):
        """One more node."""
        member = Member(self, len(self.members))
        self.members.append(member)
        self.put_nodes()
        return member.start()

    def lose(self, *ways):
        """On the switch: what goes from the first to the second of each way."""
        ports = [f'"{a.port}" . "{b.port}"' for a, b in (
            [getattr(h, "host", h) for h in way] for way in ways)]
        self.switch("nft", "-f", "-", input="flush ruleset\n" + (
            "table bridge lost { chain forward { type filter hook forward "
            "priority 0; iifname . oifname { "
            + ", ".join(ports) + " } counter drop; }; }" if ports else ""))

    def part(self, *sides):
        """Nothing goes from one side to another."""
        self.lose(*[(a, b) for one in sides for other in sides
                    if one is not other for a in one for b in other])

    def mend(self):
        self.lose()

    def wait_seen(self, seconds=10):
        """Everybody sees everybody."""
        wait_for(lambda: all(m.sees(*[o for o in self.living() if o is not m])
                             for m in self.living()), seconds, 0.1,
                 say=self.say)

    def of_mac(self, mac):
        return next(m for m in self.members if m.mac == mac)

    def next_of(self, owner, addr=VIP):
        """Who would be the owner's successor."""
        found = owner.explain(addr)["candidates"]
        name = next(n for n, c in found.items() if c["why"] == "next")
        return next(m for m in self.members if m.name == name)

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

    def lose_all_but_probes(self, one, other):
        """Of what they send each other the switch forwards RFC 5227's probes."""
        ports = ", ".join(f'"{a.host.port}" . "{b.host.port}"'
                          for a, b in ((one, other), (other, one)))
        self.switch("nft", "-f", "-", input="flush ruleset\n"
                    "table bridge lost { chain forward { type filter hook "
                    "forward priority 0; ether type arp arp saddr ip 0.0.0.0 "
                    f"accept; iifname . oifname {{ {ports} }} drop; }}; }}")
