# SPDX-License-Identifier: ISC
"""A World whose nodes carry addresses of layer 2, with a client beside them.

Each node has the user's pool on lo with arp_ignore, as kube-proxy's IPVS mode
with strictARP has it, and a web server that says which node it is.
"""

import os
import select
import threading
import time

from cluster import make
from ether import BROADCAST, Station, ZERO, arp, read
from lab import wait_for
from world import SEED, SPACE, World

CLIENT = "192.168.1.100"
STRANGER = "192.168.1.66"
VIP = "192.168.1.240"
SERVER = """
import http.server, sys
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(sys.argv[1].encode())
    def log_message(self, *args):
        pass
http.server.ThreadingHTTPServer(("", 80), Page).serve_forever()
"""


class Street(World):
    network = "192.168.1"

    def __init__(self, lab, site, nodes=3, key="bm90LXRvLWJlLXNlZW4=", **how):
        super().__init__(lab, site, config=None, nodes=nodes, **how)
        self.ports = 0
        self.stations = []
        for node in self.nodes:
            self.prepare(node)
        self.client = self.attach("client", CLIENT)
        if key:
            self.plane.create(make("Secret", "memberlist", SPACE,
                                   data={"secretkey": key}))
        # The user's own, as it stands.
        self.plane.kubectl("apply", "-f", os.path.join(
            SEED, "k8s-config-layer2.yaml"))

    def attach(self, name, address):
        host = self.lab.host(name)
        self.ports += 1
        port = f"p{self.ports}"
        self.lab.cable(host, self.above, f"{address}/24", "", "eth0", port)
        self.above.ip("link", "set", port, "master", "lan")
        return host

    def prepare(self, node):
        host = node.host
        host.sysctl("net.ipv4.conf.all.arp_ignore", 1)
        host.sysctl("net.ipv4.conf.all.arp_announce", 2)
        for last in range(240, 244):
            host.ip("addr", "add", f"192.168.1.{last}/32", "dev", "lo")
        host.ip("route", "add", "default", "via", "192.168.1.1")
        host.start("python3", "-c", SERVER, node.name)
        node.mac = self.mac(host)

    def mac(self, host, name="eth0"):
        out = host.ip("-o", "link", "show", name).stdout
        return out.split("link/ether ")[1].split()[0]

    def start(self, nodes=None):
        for node in nodes or self.nodes:
            node.bgpd.start()
        for node in nodes or self.nodes:
            node.wait_synced()
        return self

    def close(self):
        for node in self.running():
            node.bgpd.kill()  # or each would wait for the others
        for station in self.stations:
            station.close()
        super().close()

    def station(self, host):
        self.stations.append(Station(host))
        return self.stations[-1]

    # What the client sees

    def page(self, address=VIP, seconds=1):
        """The node that serves it; "": none does."""
        return self.client("curl", "-s", "-m", seconds, f"http://{address}/",
                           check=False).stdout

    def wait_page(self, address=VIP, seconds=5):
        return wait_for(lambda: self.page(address), seconds, 0.02,
                        say=self.say)

    def forget(self, address=VIP):
        """The client asks anew."""
        self.client.ip("neigh", "flush", "to", address)

    # What the nodes say

    def running(self):
        return [n for n in self.nodes if n.runs()]

    def l2(self, node, address=VIP):
        return node.bgpd.json("show l2")["addresses"].get(address, {})

    def owners(self, address=VIP):
        return [n for n in self.running()
                if self.l2(n, address).get("mine")]

    def wait_owner(self, address=VIP, seconds=8, wanted=None):
        """The one that has it, and all others say so."""
        found = []

        def look():
            found[:] = self.owners(address)
            return (len(found) == 1 and wanted in (None, found[0])
                    and all(self.l2(n, address).get("owner") == found[0].name
                            for n in self.running()))
        wait_for(look, seconds, 0.05, say=self.say)
        return found[0]

    def say(self):
        return "\n".join(
            f"--- {n.name}\n" + n.bgpd.sh("show l2", check=False).stdout
            + n.bgpd.sh("show l2 nodes", check=False).stdout + n.say()
            for n in self.running())


class Asker:
    """Asks for an address 200 times a second; who answers, and when."""

    def __init__(self, street, address=VIP, every=0.005):
        self.address, self.every = address, every
        self.station = street.station(street.client)
        self.answers = []  # (time, MAC)
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def run(self):
        question = arp(1, self.station.mac, CLIENT, ZERO, self.address)
        due = time.monotonic()
        while not self.over.is_set():
            now = time.monotonic()
            if now >= due:
                self.station.send(question)
                due = max(due + self.every, now - self.every)
            self.hear(max(0, due - now))

    def hear(self, seconds):
        if not select.select([self.station.socket], [], [], seconds)[0]:
            return
        frame = read(self.station.socket.recv(2048))
        if frame and frame["kind"] == "arp" and frame["op"] == 2 and (
                frame["spa"], frame["tpa"]) == (self.address, CLIENT):
            self.answers.append((time.monotonic(), frame["sha"]))

    def macs(self):
        return {mac for _, mac in self.answers}

    def last(self):
        return self.answers[-1][0] if self.answers else 0

    def first_after(self, when, but=None):
        return next((at for at, mac in list(self.answers)
                     if at > when and mac != but), None)

    def longest_gap(self):
        times = [at for at, _ in self.answers]
        return max((b - a for a, b in zip(times, times[1:])), default=9)


class Stranger:
    """A host that says an address is its own, and that no node knows."""

    def __init__(self, street, address=VIP):
        self.address = address
        self.host = street.attach("stranger", STRANGER)
        self.station = street.station(self.host)
        self.mac = self.station.mac

    def settle(self):
        """Its kernel has the address, and answers for it."""
        self.host.ip("addr", "add", f"{self.address}/32", "dev", "eth0")
        return self

    def shout(self):
        self.station.send(arp(1, self.mac, self.address, ZERO, self.address,
                              dst=BROADCAST))
