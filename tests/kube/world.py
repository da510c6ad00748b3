# SPDX-License-Identifier: ISC
"""A cluster as stories have it: a control plane, nodes that run bgpd, a router.

    world = World(lab, site)                # one node, prod-01, at 10.0.0.2
    world.start()                           # BIRD, then bgpd on every node
    world.serve("web")                      # a Service with a ready endpoint
    assert world.wait_address("web") == "198.51.100.0"
    world.router.wait_route("198.51.100.0/32")
    with world.no_flap():                   # BIRD sees no route go meanwhile
        world.plane.apiserver.kill9().start()

bgpd runs as the manifests of etc/kubernetes would run it: applied with kubectl,
its ServiceAccount, its RBAC, its bgpd.conf; only paths differ. The control
plane is one for the whole run; a World finds it as if nobody had been there.
"""

import contextlib
import http.client
import os
import re
import threading
import time

import yaml

from client import Refused
from cluster import (
    ControlPlane, make, make_node, make_service, make_slice, path_of)
from lab import TOP, Bgpd, Bird, run, wait_for
from proxy import Proxy

MANIFESTS = os.path.join(TOP, "etc", "kubernetes")
SEED = os.path.join(TOP, "tests", "unit", "data")
SPACE, ACCOUNT = "metallb-system", "fairway"
USER = f"system:serviceaccount:{SPACE}:{ACCOUNT}"
LEASE = "fairway-allocator"
NOTES = "metallb.universe.tf/"
ROUTER = "10.0.0.1"
HALF = 0.5  # seconds from a change to what the cluster is told

PEER = """
peers:
- peer-address: 10.0.0.1
  peer-asn: 64512
  my-asn: 64512
  password: "yourPassword"
"""
CONFIG = PEER + """
address-pools:
- name: main
  protocol: bgp
  addresses:
  - 198.51.100.0/24
"""
SMALL = CONFIG.replace("100.0/24", "100.5/32")  # a pool of one address


class Site:
    """The control plane, on a network that nodes are plugged into."""

    address = "10.9.0.1"

    def __init__(self, lab, assets):
        self.host = lab.host("site")
        self.plugs = 0
        make_bridge(self.host, "nodes")
        self.host.ip("addr", "add", self.address + "/16", "dev", "nodes")
        self.plane = ControlPlane(self.host.dir, self.host.ns, self.address,
                                  assets=assets)
        self.changed = False  # a story took something off the manifests

    def start(self):
        self.plane.start()
        self.apply_manifests()
        return self

    def apply_manifests(self):
        self.plane.kubectl("apply", "-f", MANIFESTS)
        self.changed = False

    def plug(self, lab, host):
        """A cable to the API server."""
        self.plugs += 1
        port = f"v{self.plugs}"
        lab.cable(host, self.host,
                  f"10.9.{1 + self.plugs // 250}.{1 + self.plugs % 250}/16",
                  "", "mgmt", port)
        self.host.ip("link", "set", port, "master", "nodes")

    def clean(self):
        """Nothing of an earlier story is left."""
        plane = self.plane
        for part in (plane.etcd, plane.apiserver, plane.manager):
            if not part.is_running():
                part.start()
            part.resume()
        wait_for(plane.apiserver.answers, say=plane.say)
        for service in plane.list("Service", None):
            name, space = (service["metadata"][k]
                           for k in ("name", "namespace"))
            if (space, name) != ("default", "kubernetes"):
                plane.delete("Service", name, space)
        for space in plane.list("Namespace", None):
            self.clean_space(space["metadata"]["name"])
        plane.need("DELETE", path_of("Node"))
        if self.changed:
            self.apply_manifests()

    def clean_space(self, space):
        kinds = ["EndpointSlice", "Pod"]
        if space == SPACE:
            kinds += ["Lease", "Secret"]
            self.plane.admin.delete(path_of("ConfigMap", "config", space))
        for kind in kinds:
            self.plane.need("DELETE", path_of(kind, None, space),
                            {"gracePeriodSeconds": 0})
        self.plane.need("DELETE", events_path(space))


def events_path(space):
    return f"/apis/events.k8s.io/v1/namespaces/{space}/events"


class Node:
    """A node with bgpd, as the DaemonSet's pod would run it."""

    def __init__(self, world, number, options=""):
        self.world = world
        self.name = f"prod-{number:02}"
        self.address = f"{world.network}.{number + 1}"
        self.protocol = self.name.replace("-", "_")
        self.host = world.lab.host(self.name)
        world.lab.cable(
            self.host, world.above,
            f"{self.address}/24 2001:db8::{number + 1}/64", "", "eth0",
            f"n{number}")
        world.above.ip("link", "set", f"n{number}", "master", "lan")
        world.site.plug(world.lab, self.host)
        self.state = self.host.path("k8s.state")
        self.account = self.host.path("account")
        self.bgpd = Bgpd(self.host, self.conf(options), args=["-p", "0"])
        self.bgpd.env = self.environment()

    def conf(self, options="", source="api"):
        """The manifests' own, but for paths; more lines for the plugin."""
        with open(os.path.join(MANIFESTS, "20-configmap.yaml")) as f:
            text = yaml.safe_load(f)["data"]["bgpd.conf"]
        if source != "api":
            text, n = re.subn(r"(?m)^ source api$", f" source {source}", text)
            assert n == 1, text
        text = re.sub(r"(?m)^ state .*\n", "", text)
        more = f"plugin k8s\n state {self.state}\n"
        more += "".join(f" {line}\n" for line in options.splitlines())
        return text.replace("plugin k8s\n", more)

    def environment(self):
        """What the kubelet gives."""
        plane = self.world.plane
        where = plane.service_account_dir(self.account, ACCOUNT, SPACE)
        if self.world.proxy:
            where = self.world.proxy.in_cluster
        return {"NODE_NAME": self.name, "POD_NAME": "fairway-" + self.name,
                "FAIRWAY_SERVICEACCOUNT_DIR": self.account, **where}

    def runs(self):
        return self.bgpd.process is not None and not self.bgpd.is_dead()

    # What it says

    def shown(self, name, space="default"):
        return self.bgpd.json("show services").get(f"{space}/{name}", {})

    def address_of(self, name):
        addresses = self.shown(name).get("addresses", [])
        return addresses[0]["address"] if addresses else None

    def wait_why(self, name, words, seconds=5):
        wait_for(lambda: words in self.shown(name).get("why", ""), seconds,
                 say=self.say)

    def k8s(self):
        return self.bgpd.json("show k8s")

    def wait_k8s(self, words, seconds=5):
        """Until `show k8s` says so."""
        wait_for(lambda: words in self.bgpd.sh("show k8s"), seconds,
                 every=0.05, say=self.say)

    def is_synced(self):
        return self.k8s()["sourceState"] == "synced"

    def wait_synced(self, seconds=10):
        wait_for(self.is_synced, seconds, every=0.05, say=self.say)

    def leads(self):
        return self.k8s().get("allocates", False)

    def ups(self):
        """How often its session with the router came up."""
        return self.bgpd.peer(ROUTER)["connectionsEstablished"]

    def metrics(self):
        """{name and labels: value}, of what Prometheus would scrape."""
        text = self.host("curl", "-sSf", "-m", "5",
                         "http://127.0.0.1:7472/metrics").stdout
        pairs = (line.rsplit(" ", 1) for line in text.splitlines()
                 if line and not line.startswith("#"))
        return {name: float(value) for name, value in pairs}

    def config(self):
        """Whether it has a configuration, and whether that is an old one."""
        metrics = self.metrics()
        return tuple(metrics[f"metallb_k8s_client_config_{what}_bool"]
                     for what in ("loaded", "stale"))

    def health(self, path):
        return self.host("curl", "-s", "-m", "5", "-o", "/dev/null", "-w",
                         "%{http_code}",
                         "http://127.0.0.1:7472" + path).stdout

    def everything_it_says(self):
        """Log and every show, where a secret might be."""
        said = self.bgpd.read_log()
        for command in ("show running-config", "show k8s", "show services",
                        "show bgp neighbors", "show logging", "show plugins"):
            said += self.bgpd.sh(command) + self.bgpd.sh(command + " json")
        return said

    def say(self):
        return (self.bgpd.sh("show k8s", check=False).stdout
                + self.bgpd.sh("show services", check=False).stdout
                + self.bgpd.read_log()[-6000:])


class World:
    network = "10.0.0"

    def __init__(self, lab, site, config=CONFIG, nodes=1, labels=None,
                 options="", proxy=False):
        site.clean()
        self.lab, self.site, self.plane = lab, site, site.plane
        self.above = lab.host("router")
        make_bridge(self.above, "lan")
        for addr in (self.network + ".1/24", "2001:db8::1/64"):
            self.above.ip("addr", "add", addr, "dev", "lan")
        self.above.sysctl("net.ipv4.ip_forward", 1)
        self.proxy = Proxy(self.plane).start() if proxy else None
        self.nodes = [Node(self, n + 1, options) for n in range(nodes)]
        self.node = self.nodes[0]
        for node in self.nodes:
            self.plane.create(make_node(node.name, labels, [node.address]))
        self.router = None
        self.began = self.plane.audit.size()
        if config:
            self.configure(config)

    def close(self):
        if self.proxy:
            self.proxy.stop()

    def start(self, wait=True):
        """The router, then bgpd on every node."""
        self.start_router()
        for node in self.nodes:
            node.bgpd.start()
        for node in self.nodes if wait else ():
            node.wait_synced()
        return self

    def start_router(self, families="ipv4", more=""):
        channels = " ".join(f"{f} {{ import all; export none; }};"
                            for f in families.split())
        self.router = Bird(self.above, """
protocol kernel { ipv4 { export all; }; }
""" + "".join(f"""
protocol bgp {node.protocol} {{
	debug {{ states, routes, events }};
	local {ROUTER} as 64512;
	neighbor {node.address} as 64512;
	password "yourPassword";
	direct; passive on;
	{more}
	{channels}
}}
""" for node in self.nodes), router_id=ROUTER).start()
        return self.router

    def fresh_controllers(self):
        """Past any back-off that an earlier story left them in."""
        self.plane.manager.kill9().start()

    # What a user does with kubectl

    def configure(self, text):
        self.plane.apply(make("ConfigMap", "config", SPACE,
                              data={"config": text}))

    def serve(self, name, port=80, on=None, space="default", notes=None,
              **spec):
        """A Service, with a ready endpoint on each of these nodes."""
        self.plane.create(make_service(
            name, space, port, annotations=annotations(notes), **spec))
        self.endpoints(name, *[(node, True) for node in
                               on or [self.node.name]], space=space)

    def endpoints(self, name, *states, space="default"):
        """Each is (node, ready, serving, terminating)."""
        self.plane.apply(make_slice(name, [
            (f"10.244.{i}.9", *state) for i, state in enumerate(states)],
            space=space))

    def note(self, name, **notes):
        self.plane.patch("Service", name, {"metadata": {
            "annotations": annotations(notes)}})

    def change(self, name, **spec):
        self.plane.patch("Service", name, {"spec": spec})

    def label(self, name, **labels):
        self.plane.patch("Service", name, {"metadata": {"labels": labels}})

    def label_node(self, name, **labels):
        """With __ for the slash and - for an underscore."""
        self.plane.patch("Node", name, {"metadata": {"labels": {
            key.replace("__", "/").replace("_", "-"): value
            for key, value in labels.items()}}})

    def remove(self, name, space="default"):
        """The slices too: no garbage collector runs here."""
        self.plane.delete("Service", name, space)
        self.plane.admin.delete(path_of("EndpointSlice", name + "-1", space))

    def wait_config(self, loaded, stale, seconds=HALF):
        wait_for(lambda: self.node.config() == (loaded, stale), seconds,
                 every=0.02, say=self.say)

    # What a user sees with kubectl

    def service(self, name, space="default"):
        return self.plane.get("Service", name, space)

    def addresses(self, name, space="default"):
        status = self.service(name, space)["status"]
        return [i["ip"] for i in status["loadBalancer"].get("ingress", ())]

    def wait_addresses(self, name, *wanted, seconds=5, space="default"):
        """Until the status has exactly these; none given: any."""
        def look():
            have = self.addresses(name, space)
            return have if not wanted else sorted(have) == sorted(wanted)
        wait_for(look, seconds, every=0.02, say=self.say)
        return self.addresses(name, space)

    def wait_address(self, name, wanted=None, seconds=5, space="default"):
        return self.wait_addresses(name, *([wanted] if wanted else []),
                                   seconds=seconds, space=space)[0]

    def wait_no_address(self, name, seconds=5):
        wait_for(lambda: not self.addresses(name), seconds, every=0.02,
                 say=self.say)

    def given(self):
        """{address: Services that have it}, of the whole cluster."""
        found = {}
        for service in self.plane.list("Service", None):
            for entry in service["status"]["loadBalancer"].get("ingress", ()):
                meta = service["metadata"]
                found.setdefault(entry["ip"], []).append(
                    f"{meta['namespace']}/{meta['name']}")
        return found

    def assert_none_twice(self):
        twice = {a: who for a, who in self.given().items() if len(who) > 1}
        assert not twice, twice

    def condition(self, name, kind):
        """{} where there is none."""
        every = self.service(name)["status"].get("conditions", ())
        return next((c for c in every if c["type"] == "bgpd.io/" + kind), {})

    def events(self, name, reason=None, space="default"):
        status, found = self.plane.admin.get(events_path(space))
        assert status == 200, found
        return [e for e in found["items"]
                if e["regarding"]["name"] == name
                and e.get("reportingController", "").startswith("metallb-")
                and reason in (None, e["reason"])]

    def wait_event(self, name, reason, words="", seconds=5, space="default"):
        return wait_for(
            lambda: next((e for e in self.events(name, reason, space)
                          if words in e.get("note", "")), None), seconds,
            every=0.02, say=lambda: str(self.events(name, None, space))
            + self.say())

    def count_events(self, name, reason):
        """Each counted as often as its series says that it came."""
        return sum(e.get("series", {}).get("count", 1)
                   for e in self.events(name, reason))

    def wait_failure(self, name, words, seconds=5):
        """It is told why it has none, by event and condition."""
        self.wait_event(name, "AllocationFailed", words, seconds)
        wait_for(lambda: words in self.condition(name, "Allocated").get(
            "message", ""), seconds, say=self.say)
        assert self.condition(name, "Allocated")["status"] == "False"

    def lease(self):
        return self.plane.get("Lease", LEASE, SPACE)["spec"]

    def holder(self):
        """The node in the Lease; behind it is what tells its processes apart."""
        return self.lease().get("holderIdentity", "").split("_")[0]

    def wait_leader(self, seconds=5):
        """The node that gives addresses."""
        return wait_for(lambda: next(
            (n for n in self.nodes if n.runs() and n.leads()), None),
            seconds, every=0.05, say=self.say)

    def patches(self, mark=None, name=None):
        """How many writes of statuses there were, whatever came of them."""
        only = {"name": name} if name else {}
        return self.plane.audit.count(
            self.began if mark is None else mark, user=USER,
            verb="patch", resource="services/status", **only)

    def settled(self, quiet=0.5, seconds=20):
        """Until bgpd has asked nothing for a while; a mark of the audit."""
        audit, now = self.plane.audit, time.monotonic()
        size, since, end = audit.size(), now, now + seconds
        while now - since < quiet:
            assert now < end, "it does not stop asking: " + self.say()
            time.sleep(0.02)
            now = time.monotonic()
            if audit.size() != size:
                since = now if USER in audit.text(size) else since
                size = audit.size()
        return size

    # What the router sees

    def wait_route(self, address, node=None, gone=False, seconds=5):
        """A host route, from that node (None: the first)."""
        node = node or self.node
        length = 128 if ":" in address else 32
        wait_for(lambda: self.has_route(f"{address}/{length}", node) != gone,
                 seconds, every=0.02,
                 say=lambda: self.router.show("route all") + node.say())

    def has_route(self, prefix, node=None):
        node = node or self.node
        return prefix in self.router.show(
            f"route for {prefix} protocol {node.protocol}")

    def routes(self, node=None):
        """Prefixes that the node announces."""
        node = node or self.node
        text = self.router.show(f"route protocol {node.protocol}")
        return sorted(re.findall(r"(?m)^([0-9a-f.:]+/\d+) ", text))

    def attributes(self, prefix):
        text = self.router.route(prefix)
        return dict(re.findall(r"BGP\.(\w+): ?(.*)", text))

    def lost(self, mark, *nodes):
        """What BIRD says of routes and sessions that went, since then."""
        names = "|".join(n.protocol for n in nodes or self.nodes)
        gone = re.compile(rf" ({names})(\.\w+ > removed|: BGP session closed"
                          r"|: Down)")
        with open(self.router.log) as f:
            f.seek(mark)
            return [line for line in f if gone.search(line)]

    def router_mark(self):
        return os.path.getsize(self.router.log)

    @contextlib.contextmanager
    def no_flap(self, *nodes):
        """No route of these (all) is withdrawn, no session ends."""
        mark = self.router_mark()
        yield
        time.sleep(0.2)
        lost = self.lost(mark, *nodes)
        assert not lost, "".join(lost) + self.say()

    @contextlib.contextmanager
    def never_twice(self):
        """No address is given twice, not for a moment."""
        watcher = Watcher(self.plane).begin()
        try:
            yield
        finally:
            watcher.end()
        assert not watcher.twice, watcher.twice
        assert watcher.seen, "nothing was watched"
        self.assert_none_twice()

    # A control plane that fails

    def back(self, seconds=20):
        """Every bgpd has the API server again."""
        for node in self.nodes:
            wait_for(lambda n=node: "apiTrouble" not in n.k8s()
                     and n.is_synced(), seconds, say=node.say)

    def say(self):
        return "".join(n.say() for n in self.nodes if n.runs())


class Watcher(threading.Thread):
    """Sees every status that there ever is, but for those of a dead server."""

    def __init__(self, plane):
        super().__init__(daemon=True)
        self.client = plane.client("admin")
        self.over = threading.Event()
        self.has, self.twice, self.seen = {}, [], 0

    def begin(self):
        self.start()
        return self

    def end(self):
        time.sleep(0.3)  # for what is on its way
        self.over.set()
        self.join(10)

    def run(self):
        path = path_of("Service", None, None)
        while not self.over.wait(0.05):
            try:
                listed = self.client.get(path)[1]
                self.has = {}
                for service in listed["items"]:
                    self.take(service)
                version = listed["metadata"]["resourceVersion"]
                for event in self.client.watch(path, 0.5,
                                               resourceVersion=version):
                    self.take(event["object"], event["type"] == "DELETED")
            except (OSError, ValueError, LookupError, TypeError,
                    http.client.HTTPException, Refused):
                self.client.close()

    def take(self, service, gone=False):
        meta, name = service["metadata"], service["metadata"]["name"]
        self.seen += 1
        self.has[name] = set() if gone else {
            i["ip"] for i in service["status"]["loadBalancer"].get(
                "ingress", ())}
        for other, ips in self.has.items():
            if other != name and ips & self.has[name]:
                self.twice.append((name, other, ips & self.has[name],
                                   meta["resourceVersion"]))


def make_bridge(host, name):
    """Its own address: a borrowed one would change as its ports go."""
    host.ip("link", "add", name, "address", "02:00:00:00:00:01", "type",
            "bridge")
    host.ip("link", "set", name, "up")


def annotations(notes):
    return {key if "/" in key else NOTES + key.replace("_", "-"): value
            for key, value in (notes or {}).items()} or None


@contextlib.contextmanager
def within(seconds):
    began = time.monotonic()
    yield
    took = time.monotonic() - began
    assert took < seconds, f"{took:.3f} s, not {seconds}"


def curl(host, url, *args):
    return run("ip", "netns", "exec", host.ns, "curl", "-sS", "-m", "3",
               *args, url, check=False)
