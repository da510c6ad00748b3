# SPDX-License-Identifier: ISC
"""A bridge with hosts on it, one of them a node whose bgpd carries addresses."""

import json
import os
import socket
import time

from ether import Station, inside
from lab import TOP, Bgpd, wait_for

NODE, NODE6 = "192.168.1.10", "2001:db8:1::10"
CLIENT, CLIENT6 = "192.168.1.20", "2001:db8:1::20"
GATEWAY, GATEWAY6 = "192.168.1.1", "2001:db8:1::1"
VIP, VIP6 = "192.168.1.240", "2001:db8:1::240"
# The user's own, as it stands.
SEED = os.path.join(TOP, "tests", "unit", "data", "k8s-config-layer2.yaml")
POOL6 = """    - name: six
      protocol: layer2
      addresses:
      - 2001:db8:1::240-2001:db8:1::24f
"""


def node_object(name="prod-01", address=NODE):
    return {"apiVersion": "v1", "kind": "Node",
            "metadata": {"name": name},
            "status": {"addresses": [
                {"type": "InternalIP", "address": address}],
                "conditions": [{"type": "NetworkUnavailable",
                                "status": "False"}]}}


def service(name, born="2024-05-01T10:00:00Z", **spec):
    return {"apiVersion": "v1", "kind": "Service",
            "metadata": {"name": name, "namespace": "default",
                         "creationTimestamp": born},
            "spec": {"type": "LoadBalancer", "selector": {"app": "web"},
                     "ports": [{"name": "p", "port": 80,
                                "protocol": "TCP"}], **spec}}


def endpoints(name, node="prod-01"):
    return {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {"name": name + "-1", "namespace": "default",
                         "labels": {"kubernetes.io/service-name": name}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": ["10.244.0.9"], "nodeName": node,
                           "conditions": {"ready": True}}],
            "ports": [{"name": "p", "port": 8080, "protocol": "TCP"}]}


class Segment:
    def __init__(self, lab, gateway=True):
        self.lab = lab
        self.count = 0
        self.stations = []
        self.switch = lab.host("switch")
        self.switch.ip("link", "add", "br0", "type", "bridge")
        self.switch.ip("link", "set", "br0", "up")
        self.node = self.attach("node", f"{NODE}/24 {NODE6}/64")
        self.client = self.attach("client", f"{CLIENT}/24 {CLIENT6}/64")
        self.gateway = None
        if gateway:
            self.gateway = self.attach(
                "gateway", f"{GATEWAY}/24 {GATEWAY6}/64")
            self.route(self.node)
        self.bgpd = None

    def attach(self, name, addrs="", ifname="eth0", host=None):
        host = host or self.lab.host(name)
        self.count += 1
        port = f"port{self.count}"
        self.lab.cable(host, self.switch, addrs, "", ifname, port)
        self.switch.ip("link", "set", port, "master", "br0")
        host.port = port
        return host

    def route(self, host):
        host.ip("route", "add", "default", "via", GATEWAY)
        host.ip("route", "add", "default", "via", GATEWAY6)

    def station(self, host=None, name="eth0"):
        made = Station(host or self.client, name)
        self.stations.append(made)
        return made

    def put(self, name, *objects):
        self.node.write(f"manifests/{name}.yaml",
                        "---\n".join(json.dumps(o) + "\n" for o in objects))

    def serve(self, name="web", **spec):
        self.put(name, service(name, **spec), endpoints(name))

    def serve6(self, name="six"):
        self.serve(name, ipFamilies=["IPv6"])

    def start(self, pools=None, before=()):
        """bgpd on the node, with the user's own pool and one of IPv6."""
        os.makedirs(self.node.path("manifests"), exist_ok=True)
        with open(SEED) as f:
            self.node.write("manifests/config.yaml",
                            pools or f.read().rstrip("\n") + "\n" + POOL6)
        self.put("node", node_object())
        for make in before:
            make()
        self.bgpd = Bgpd(self.node, f"""
hostname prod-01
plugin l2
plugin k8s
 source directory {self.node.path("manifests")}
 node prod-01
 state {self.node.path("k8s.state")}
""").start()
        return self

    def shown(self, addr):
        """As the carrier half sees it: silent, probing, taken, ..."""
        found = self.bgpd.json("show l2")["addresses"].get(addr, {})
        return {**found, "state": found.get("carrier")}

    def interface(self, name="eth0"):
        return self.bgpd.json("show l2 interfaces")["interfaces"].get(name, {})

    def dropped(self, reason, name="eth0"):
        return self.interface(name).get("dropped", {}).get(reason, 0)

    def wait(self, addr=VIP, state="taken", seconds=8, **wanted):
        wanted["state"] = state
        wait_for(lambda: all(self.shown(addr).get(k) == v
                             for k, v in wanted.items()), seconds, 0.05,
                 say=lambda: self.bgpd.sh("show l2 json")
                 + self.bgpd.sh("show services") + self.bgpd.read_log())
        return self.shown(addr)

    def mac(self, host=None, name="eth0"):
        out = (host or self.node).ip("-j", "link", "show", name).stdout
        return json.loads(out)[0]["address"]

    def touch(self, addr, host=None, seconds=0.1):
        """The host's kernel has something to send there; time to ask first."""
        with inside(host or self.client):
            s = socket.socket(socket.AF_INET6 if ":" in addr
                              else socket.AF_INET, socket.SOCK_DGRAM)
        with s:
            s.sendto(b"x", (addr, 9))
        time.sleep(seconds)

    def neighbor(self, addr, host=None):
        """(state, MAC) of a host's entry; ("", None) where there is none."""
        out = (host or self.client).ip("-j", "neigh", "show", addr).stdout
        entries = json.loads(out or "[]")
        if not entries:
            return "", None
        return entries[0].get("state", [""])[0], entries[0].get("lladdr")
