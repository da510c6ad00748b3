# SPDX-License-Identifier: ISC
"""The main job: Services get addresses of a ConfigMap, and routers learn them."""

import json
import os
import re
import time

import pytest

from lab import TOP, Bgpd, Bird, Lab, wait_for

NODE, ROUTER = "10.0.0.2", "10.0.0.1"
SECOND = 1.0  # from a change to what the router holds
QUICKSTART = os.path.join(TOP, "etc", "quickstart", "manifests")

CONFIG = """
peers:
- peer-address: 10.0.0.1
  peer-asn: 64512
  my-asn: 64512
address-pools:
- name: main
  protocol: bgp
  addresses:
  - 198.51.100.0/24
"""


# What kubectl would say --------------------------------------------------------

def config_map(text):
    return {"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "config", "namespace": "metallb-system"},
            "data": {"config": text}}


def node(labels=(), unavailable=False):
    status = "True" if unavailable else "False"
    return {"apiVersion": "v1", "kind": "Node",
            "metadata": {"name": "prod-01", "labels": dict(labels)},
            "status": {
                "addresses": [{"type": "InternalIP", "address": NODE}],
                "conditions": [{"type": "NetworkUnavailable",
                                "status": status}]}}


def service(name, port=80, born="2024-05-01T10:00:00Z", notes=(), **spec):
    return {"apiVersion": "v1", "kind": "Service",
            "metadata": {"name": name, "namespace": "default",
                         "creationTimestamp": born,
                         "annotations": {"metallb.universe.tf/" + key: value
                                         for key, value in
                                         dict(notes).items()}},
            "spec": {"type": "LoadBalancer", "selector": {"app": "web"},
                     "ports": [{"name": "p", "port": port,
                                "protocol": "TCP"}], **spec}}


def endpoints(name, node="prod-01", **conditions):
    conditions = conditions or {"ready": True}
    return {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {"name": name + "-1", "namespace": "default",
                         "labels": {"kubernetes.io/service-name": name}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": ["10.244.0.9"], "nodeName": node,
                           "conditions": conditions}],
            "ports": [{"name": "p", "port": 8080, "protocol": "TCP"}]}


class World:
    """A node of a cluster whose objects are files, and the router above it."""

    def __init__(self, lab, config=CONFIG, more=""):
        self.lab = lab
        self.node = lab.host("node")
        self.above = lab.host("router")
        lab.cable(self.node, self.above, "10.0.0.2/24 2001:db8::2/64",
                  "10.0.0.1/24 2001:db8::1/64")
        os.mkdir(self.node.path("manifests"))
        self.put("node", node())
        if config:
            self.configure(config)
        self.state = self.node.path("k8s.state")
        self.we = Bgpd(self.node, f"""
hostname prod-01
plugin k8s
 source directory {self.node.path("manifests")}
 node prod-01
 state {self.state}
{more}""")

    def put(self, name, *objects):
        """By rename, as editors and kubelet do it."""
        self.node.write(f"manifests/{name}.yaml",
                        "---\n".join(json.dumps(o) + "\n" for o in objects))

    def remove(self, name):
        os.unlink(self.node.path(f"manifests/{name}.yaml"))

    def configure(self, text):
        self.put("config", config_map(text))

    def serve(self, name, *args, **kw):
        self.put(name, service(name, *args, **kw), endpoints(name))

    def start(self):
        self.we.start()
        return self

    def router(self, ours=64512, theirs=64512, more="", host=None,
               local=ROUTER, remote=NODE, families="ipv4"):
        channels = " ".join(f"{f} {{ import all; export none; }};"
                            for f in families.split())
        return Bird(host or self.above, f"""
protocol bgp node {{
	local {local} as {theirs};
	neighbor {remote} as {ours};
	direct; passive on;
	{more}
	{channels}
}}
""", router_id="10.0.0.1").start()

    def second_router(self, **kw):
        host = self.lab.host("second")
        self.lab.cable(self.node, host, "10.0.1.2/24", "10.0.1.1/24")
        return self.router(host=host, local="10.0.1.1", remote="10.0.1.2",
                           **kw)

    def shown(self, name):
        return self.we.json("show services").get("default/" + name, {})

    def address(self, name):
        addresses = self.shown(name).get("addresses", [])
        return addresses[0]["address"] if addresses else None

    def wait_address(self, name, seconds=5):
        return wait_for(lambda: self.address(name), seconds,
                        say=lambda: self.we.sh("show services")
                        + self.we.read_log())

    def wait_why(self, name, words):
        wait_for(lambda: words in self.shown(name).get("why", ""), 5,
                 say=lambda: self.we.sh("show services"))

    def ups(self, addr=ROUTER):
        return self.we.peer(addr)["connectionsEstablished"]


@pytest.fixture
def world(lab):
    return World(lab)


def attributes(bird, prefix):
    text = bird.route(prefix)
    return dict(re.findall(r"BGP\.(\w+): ?(.*)", text))


# The user's own ------------------------------------------------------------------

def test_the_users_own_configmap(lab):
    """As it stands, comments, unit-less hold time and all."""
    world = World(lab, config=None)
    for name in ("config", "node", "service"):
        with open(os.path.join(QUICKSTART, name + ".yaml")) as f:
            world.node.write(f"manifests/{name}.yaml", f.read())
    router = world.router(more='password "yourPassword";')
    world.start()
    began = time.monotonic()
    router.wait_route("198.51.100.1/32")
    assert time.monotonic() - began < SECOND
    assert router.show("route").count("/32") == 1
    got = attributes(router, "198.51.100.1/32")
    assert got["origin"] == "Incomplete"
    assert got["as_path"].strip() == ""
    assert got["next_hop"] == NODE
    assert got["local_pref"] == "100"
    assert got["community"] == "(64512,1) (65535,65281)"
    protocol = router.protocol("node")
    assert "Neighbor ID:      1.2.3.4" in protocol
    assert re.search(r"Hold timer: .*/120\b", protocol), protocol
    # It says so of the deviation, and never the password.
    assert "hold-time 120 has no unit" in world.we.sh("show k8s")
    said = world.we.read_log()
    for command in ("show running-config", "show k8s", "show bgp neighbors",
                    "show services", "show logging", "show plugins"):
        said += world.we.sh(command) + world.we.sh(command + " json")
    assert "yourPassword" not in said
    assert "password ********" in said


def rss_kb(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"VmRSS:\s+(\d+) kB", f.read()).group(1))


def test_memory_of_a_nodes_speaker(lab):
    """With the plugin, ten peers and a thousand Services."""
    peers = [f"10.1.{n}.1" for n in range(10)]
    world = World(lab, "peers:\n" + "".join(
        f"- {{peer-address: {peer}, peer-asn: 64512, my-asn: 64512}}\n"
        for peer in peers) + """address-pools:
- {name: main, protocol: bgp, addresses: [198.18.0.0/16]}
""")
    routers = []
    for n, peer in enumerate(peers):
        host = lab.host(f"router{n}")
        lab.cable(world.node, host, f"10.1.{n}.2/24", peer + "/24")
        routers.append(world.router(host=host, local=peer,
                                    remote=f"10.1.{n}.2"))
    world.put("many", *(made for n in range(1000) for made in (
        service(f"s{n}"), endpoints(f"s{n}"))))
    world.start()
    for router in routers:
        wait_for(lambda: "1000 of 1000 routes" in router.show("route count"),
                 30, 0.1, say=lambda: world.we.sh("show bgp summary"))
    print(f"with ten peers and 1,000 Services: VmRSS {rss_kb(world.we.pid)} kB")
    assert rss_kb(world.we.pid) < 8 * 1024


def test_changes_are_told_within_a_second(world):
    router = world.router()
    world.start()
    router.wait_up("node")
    began = time.monotonic()
    world.serve("web")
    router.wait_route("198.51.100.0/32", seconds=3)
    assert time.monotonic() - began < SECOND
    began = time.monotonic()
    world.remove("web")
    router.wait_route("198.51.100.0/32", gone=True, seconds=3)
    assert time.monotonic() - began < SECOND
    assert world.ups() == 1


def test_kill_and_restart_keep_the_address(world):
    router = world.router()
    world.serve("web")
    world.start()
    router.wait_route("198.51.100.0/32")
    world.we.kill()
    # An older one appears meanwhile: in order of age it would come first.
    world.serve("early", born="2020-01-01T00:00:00Z")
    world.we.start()
    world.wait_address("early")
    assert world.address("web") == "198.51.100.0"
    assert world.address("early") == "198.51.100.1"
    router.wait_route("198.51.100.0/32")
    router.wait_route("198.51.100.1/32")
    # Without what was kept it is as said: the older one comes first.
    world.we.kill()
    os.unlink(world.state)
    world.we.start()
    world.wait_address("web")
    assert world.address("early") == "198.51.100.0"


# Sessions ---------------------------------------------------------------------

def test_external_peer_gets_no_local_pref(lab):
    world = World(lab, CONFIG.replace("my-asn: 64512", "my-asn: 64513") + """
  bgp-advertisements:
  - localpref: 333
    communities: [64512:7]
""")
    router = world.router(ours=64513, more="allow bgp_local_pref on;")
    world.serve("web")
    world.start()
    router.wait_route("198.51.100.0/32")
    got = attributes(router, "198.51.100.0/32")
    assert got["as_path"].strip() == "64513"
    assert got["local_pref"] == "100"  # BIRD's own, as none came
    assert got["community"] == "(64512,7)"
    assert got["next_hop"] == NODE


def test_unset_local_pref_is_nought_as_in_metallb(world):
    router = world.router()
    world.serve("web")
    world.start()
    router.wait_route("198.51.100.0/32")
    assert attributes(router, "198.51.100.0/32")["local_pref"] == "0"


def test_ipv6_pool_over_an_ipv6_peer(lab):
    world = World(lab, """
peers:
- peer-address: 2001:db8::1
  peer-asn: 64512
  my-asn: 64512
address-pools:
- name: six
  protocol: bgp
  addresses: ["2001:db8:5::/120"]
""")
    router = world.router(local="2001:db8::1", remote="2001:db8::2",
                          families="ipv6")
    world.serve("web", ipFamilies=["IPv6"])
    world.start()
    address = world.wait_address("web")
    assert address.startswith("2001:db8:5::")
    text = router.wait_route(address + "/128")
    assert re.search(r"BGP\.next_hop: 2001:db8::2\b", text)
    assert "BGP.origin: Incomplete" in text


TWO_PEERS = CONFIG.replace("address-pools:", """- peer-address: 10.0.1.1
  peer-asn: 64600
  my-asn: 64513
address-pools:""")


def test_two_peers_with_their_own_as_each(lab):
    world = World(lab, TWO_PEERS)
    first = world.router()
    second = world.second_router(ours=64513, theirs=64600)
    world.serve("web")
    world.start()
    first.wait_route("198.51.100.0/32")
    second.wait_route("198.51.100.0/32")
    assert attributes(first, "198.51.100.0/32")["as_path"].strip() == ""
    got = attributes(second, "198.51.100.0/32")
    assert got["as_path"].strip() == "64513"
    assert got["next_hop"] == "10.0.1.2"


def test_a_peer_is_unharmed_when_another_changes(lab):
    world = World(lab, TWO_PEERS)
    first = world.router()
    second = world.second_router(ours=64513, theirs=64600)
    world.serve("web")
    world.start()
    first.wait_route("198.51.100.0/32")
    second.wait_route("198.51.100.0/32")
    world.configure(TWO_PEERS.replace("my-asn: 64513",
                                      "my-asn: 64513\n  router-id: 9.9.9.9"))
    wait_for(lambda: "Neighbor ID:      9.9.9.9"
             in second.protocol("node"), 20,
             say=lambda: second.protocol("node"))
    second.wait_route("198.51.100.0/32")
    assert world.ups() == 1
    world.configure(CONFIG)
    wait_for(lambda: not second.is_up("node"))
    assert world.ups() == 1
    assert "10.0.1.1" not in world.we.sh("show bgp summary")
    assert first.route("198.51.100.0/32")


def test_services_and_pools_change_without_a_reset(world):
    router = world.router()
    world.serve("web")
    world.start()
    router.wait_route("198.51.100.0/32")
    world.configure(CONFIG + """
  bgp-advertisements:
  - localpref: 200
    communities: [blue]
- name: other
  protocol: bgp
  addresses: [203.0.113.0/24]
bgp-communities:
  blue: 64512:55
""")
    wait_for(lambda: attributes(router, "198.51.100.0/32")
             .get("community") == "(64512,55)", 5)
    assert attributes(router, "198.51.100.0/32")["local_pref"] == "200"
    assert world.ups() == 1


SELECTED = CONFIG.replace("  my-asn: 64512\n", """  my-asn: 64512
  node-selectors:
  - match-labels: {rack: "7"}
    match-expressions:
    - {key: arch, operator: In, values: [amd64, arm]}
  - match-expressions:
    - {key: edge, operator: Exists}
    - {key: broken, operator: DoesNotExist}
""")


def test_node_selectors_start_and_stop_the_session(lab):
    world = World(lab, SELECTED)
    router = world.router()
    world.serve("web")
    world.put("node", node({"rack": "7", "arch": "riscv"}))
    world.start()
    world.wait_address("web")
    time.sleep(1)
    assert "No BGP neighbors" in world.we.sh("show bgp summary")
    assert not router.is_up("node")
    world.put("node", node({"rack": "7", "arch": "arm"}))
    router.wait_route("198.51.100.0/32", seconds=5)
    world.put("node", node({"rack": "8", "arch": "arm"}))
    router.wait_route("198.51.100.0/32", gone=True, seconds=5)
    assert not router.is_up("node")
    world.put("node", node({"edge": ""}))
    router.wait_route("198.51.100.0/32", seconds=10)
    world.put("node", node({"edge": "", "broken": "yes"}))
    router.wait_route("198.51.100.0/32", gone=True, seconds=5)


# Addresses ----------------------------------------------------------------------

def test_the_address_asked_for(world):
    router = world.router()
    world.serve("web", loadBalancerIP="198.51.100.77")
    world.serve("stray", loadBalancerIP="203.0.113.1")
    world.serve("twin", loadBalancerIP="198.51.100.77",
                born="2025-01-01T00:00:00Z")
    world.start()
    router.wait_route("198.51.100.77/32")
    world.wait_why("stray", "is not allowed in config")
    world.wait_why("twin", "already in use")
    # Asked for another, it moves.
    world.serve("web", loadBalancerIP="198.51.100.78")
    router.wait_route("198.51.100.78/32")
    wait_for(lambda: world.address("twin") == "198.51.100.77", 5)


def test_a_shared_address(world):
    router = world.router()
    key = {"allow-shared-ip": "ours"}
    want = "198.51.100.9"
    world.serve("one", 80, notes=key, loadBalancerIP=want)
    world.serve("two", 443, notes=key, loadBalancerIP=want)
    world.serve("same-port", 443, notes=key, loadBalancerIP=want,
                born="2025-01-01T00:00:00Z")
    world.serve("no-key", 25, loadBalancerIP=want,
                born="2025-01-01T00:00:00Z")
    world.start()
    router.wait_route(want + "/32")
    assert world.address("one") == world.address("two") == want
    world.wait_why("same-port", "443")
    world.wait_why("no-key", "in use by")
    world.remove("same-port")
    world.remove("no-key")
    world.remove("one")
    wait_for(lambda: not world.shown("one"), 5)
    time.sleep(0.5)
    assert router.route(want + "/32")
    world.remove("two")
    router.wait_route(want + "/32", gone=True)


def test_auto_assign_false_waits_to_be_asked(lab):
    world = World(lab, CONFIG + "  auto-assign: false\n")
    router = world.router()
    world.serve("web")
    world.start()
    world.wait_why("web", "no pool has auto-assign")
    assert world.shown("web")["state"] == "waiting"
    assert not router.route("198.51.100.0/32")
    world.serve("web", notes={"address-pool": "nowhere"})
    world.wait_why("web", 'unknown pool "nowhere"')
    world.serve("web", notes={"address-pool": "main"})
    router.wait_route("198.51.100.0/32")


def test_who_waits_gets_what_is_freed(lab):
    world = World(lab, CONFIG.replace("100.0/24", "100.5/32"))
    router = world.router()
    world.serve("first")
    world.serve("second", born="2025-01-01T00:00:00Z")
    world.serve("third", born="2025-01-02T00:00:00Z")
    world.start()
    router.wait_route("198.51.100.5/32")
    assert world.address("first") == "198.51.100.5"
    world.wait_why("second", "no available addresses")
    world.remove("first")
    wait_for(lambda: world.address("second") == "198.51.100.5", 2)
    assert world.address("third") is None
    # One that is no load balancer any more lets go too.
    world.serve("second", type="ClusterIP")
    wait_for(lambda: world.address("third") == "198.51.100.5", 2)
    assert not world.shown("second")
    assert router.route("198.51.100.5/32")


def test_the_pool_annotation_moves_a_service(lab):
    world = World(lab, CONFIG + """
- name: other
  protocol: bgp
  avoid-buggy-ips: true
  addresses: [203.0.113.0/24]
""")
    router = world.router()
    world.serve("web", notes={"address-pool": "main"})
    world.start()
    router.wait_route("198.51.100.0/32")
    world.serve("web", notes={"address-pool": "other"})
    router.wait_route("203.0.113.1/32")
    router.wait_route("198.51.100.0/32", gone=True)
    assert world.shown("web")["pool"] == "other"


# Announcing -----------------------------------------------------------------------

def test_no_ready_endpoint_withdraws(world):
    router = world.router()
    world.serve("web")
    world.start()
    router.wait_route("198.51.100.0/32")
    web = service("web")
    world.put("web", web, endpoints("web", ready=False, serving=False))
    router.wait_route("198.51.100.0/32", gone=True)
    world.wait_why("web", "noEndpoints")
    assert world.address("web") == "198.51.100.0"
    # One that ends but still serves counts.
    world.put("web", web, endpoints("web", ready=False, serving=True,
                                    terminating=True))
    router.wait_route("198.51.100.0/32")
    world.put("web", web)
    router.wait_route("198.51.100.0/32", gone=True)
    world.put("web", web, endpoints("web"))
    router.wait_route("198.51.100.0/32")
    assert world.ups() == 1


def test_local_traffic_policy_wants_an_endpoint_here(world):
    router = world.router()
    local = service("web", externalTrafficPolicy="Local")
    world.put("web", local, endpoints("web", node="prod-02"))
    world.start()
    world.wait_why("web", "noLocalEndpoints")
    time.sleep(0.5)
    assert not router.route("198.51.100.0/32")
    world.put("web", local, endpoints("web", node="prod-01"))
    router.wait_route("198.51.100.0/32")
    # The other policy does not mind where.
    world.put("web", service("web"), endpoints("web", node="prod-02"))
    time.sleep(0.5)
    assert router.route("198.51.100.0/32")


@pytest.mark.parametrize("out, why", [
    (node({"node.kubernetes.io/exclude-from-external-load-balancers": ""}),
     "nodeLabeledExcludeBalancers"),
    (node(unavailable=True), "nodeNetworkUnavailable"),
], ids=["excluded", "unavailable"])
def test_a_node_that_is_out_announces_nothing(world, out, why):
    router = world.router()
    world.serve("web")
    world.start()
    router.wait_route("198.51.100.0/32")
    world.put("node", out)
    router.wait_route("198.51.100.0/32", gone=True)
    world.wait_why("web", why)
    world.put("node", node())
    router.wait_route("198.51.100.0/32")
    assert world.ups() == 1


def test_aggregation_lasts_until_the_last_service(lab):
    world = World(lab, CONFIG + """
  bgp-advertisements:
  - aggregation-length: 32
    localpref: 200
    communities: [64512:32]
  - aggregation-length: 24
    localpref: 50
""")
    router = world.router()
    world.serve("one")
    world.serve("two")
    world.start()
    router.wait_route("198.51.100.0/24")
    router.wait_route("198.51.100.0/32")
    router.wait_route("198.51.100.1/32")
    assert "(64512,32)" in router.route("198.51.100.1/32")
    wide = attributes(router, "198.51.100.0/24")
    assert wide["local_pref"] == "50" and "community" not in wide
    world.remove("one")
    router.wait_route("198.51.100.0/32", gone=True)
    assert "198.51.100.0/24" in router.show("route")
    world.remove("two")
    wait_for(lambda: "198.51.100." not in router.show("route"), 5,
             say=lambda: router.show("route"))


def test_layer2_pools_are_given_and_listed(lab):
    world = World(lab, CONFIG.replace("protocol: bgp", "protocol: layer2"),
                  more="plugin l2\n")
    router = world.router()
    world.serve("web")
    world.start()
    world.wait_address("web")
    shown = world.shown("web")["addresses"][0]
    assert shown["protocol"] == "layer2"
    assert "198.51.100.0" in world.we.sh("show services")
    assert "198.51.100.0" in world.we.json("show l2")["addresses"]
    assert len(world.we.json("show l2 explain 198.51.100.0")[
        "candidates"]) == 1
    router.wait_up("node")
    time.sleep(0.5)
    assert not router.route("198.51.100.0/32")
    world.remove("web")
    wait_for(lambda: not world.we.json("show l2")["addresses"], 5)
    # Moved to BGP by the pool's word alone, the backend lets go.
    world.serve("web")
    wait_for(lambda: world.we.json("show l2")["addresses"], 5)
    world.configure(CONFIG)
    router.wait_route("198.51.100.0/32")
    assert not world.we.json("show l2")["addresses"]


# Files -------------------------------------------------------------------------------

def test_a_broken_file_costs_no_other(world):
    router = world.router()
    world.serve("web")
    world.start()
    router.wait_route("198.51.100.0/32")
    world.node.write("manifests/broken.yaml", "kind: [Service\n")
    world.serve("next")
    router.wait_route("198.51.100.1/32")
    assert router.route("198.51.100.0/32")
    wait_for(lambda: "broken.yaml" in world.we.read_log(), 2)
    # Made good, it is taken.
    world.put("broken", service("broken"), endpoints("broken"))
    router.wait_route("198.51.100.2/32")
    assert world.ups() == 1


def test_the_directory_is_replaced_by_rename(world):
    """As kubelet swaps a mounted ConfigMap: a link that points elsewhere."""
    router = world.router()
    world.serve("web")
    there = world.node.path("manifests")
    os.rename(there, there + "-1")
    os.symlink(there + "-1", there)
    world.start()
    router.wait_route("198.51.100.0/32")
    os.mkdir(there + "-2")
    for name in ("config", "node"):
        with open(f"{there}-1/{name}.yaml") as f, \
                open(f"{there}-2/{name}.yaml", "w") as g:
            g.write(f.read())
    with open(there + "-2/other.json", "w") as f:
        json.dump(service("other", loadBalancerIP="198.51.100.40"), f)
    with open(there + "-2/slice.yml", "w") as f:
        json.dump(endpoints("other"), f)
    os.symlink(there + "-2", there + ".new")
    os.rename(there + ".new", there)
    router.wait_route("198.51.100.40/32", seconds=5)
    router.wait_route("198.51.100.0/32", gone=True)


def test_the_last_good_configuration_stays_without_its_file(world):
    router = world.router()
    world.serve("web")
    world.start()
    router.wait_route("198.51.100.0/32")
    world.remove("config")
    wait_for(lambda: world.we.json("show k8s")["config"] == "stale", 5)
    world.serve("next")
    router.wait_route("198.51.100.1/32")
    assert router.route("198.51.100.0/32") and world.ups() == 1


def test_a_configuration_that_strands_an_address(world):
    """Refused while the address is in use; taken after a restart."""
    router = world.router()
    world.serve("web")
    world.start()
    router.wait_route("198.51.100.0/32")
    elsewhere = CONFIG.replace("198.51.100.0/24", "203.0.113.8/29")
    world.configure(elsewhere)
    wait_for(lambda: "cannot own" in world.we.json("show k8s")
             .get("refusal", ""), 5, say=lambda: world.we.sh("show k8s"))
    assert router.route("198.51.100.0/32")
    assert "cannot own" in world.we.read_log()
    world.we.kill(15)
    world.we.start()
    router.wait_route("203.0.113.8/32")
    router.wait_route("198.51.100.0/32", gone=True)
    assert world.we.json("show k8s")["config"] == "loaded"


def test_nothing_is_told_without_a_configuration(lab):
    world = World(lab, config=None)
    router = world.router()
    world.serve("web")
    world.start()
    time.sleep(0.5)
    assert world.address("web") is None
    assert world.we.json("show k8s")["config"] == "refused"
    world.configure(CONFIG)
    router.wait_route("198.51.100.0/32")


# Bad ConfigMaps ------------------------------------------------------------------------

@pytest.fixture(scope="module")
def one_world(tmp_path_factory):
    """One for all faults."""
    lab = Lab(tmp_path_factory.mktemp("bad"))
    world = World(lab)
    world.bird = world.router()
    world.serve("web")
    world.start()
    world.bird.wait_route("198.51.100.0/32")
    yield world
    lab.close()


def loaded(world):
    return world.we.json("show k8s")["config"] == "loaded"


@pytest.fixture
def settled(one_world):
    """With its good configuration, before and after."""
    yield one_world
    one_world.configure(CONFIG)
    wait_for(lambda: loaded(one_world), 5)


def swap(old, new):
    assert old in CONFIG
    return CONFIG.replace(old, new)


def peer(line):
    return swap("  my-asn: 64512\n", "  my-asn: 64512\n  " + line + "\n")


def pool(text):
    return CONFIG + text


AD = "  bgp-advertisements:\n  - "
BAD = {
    "not yaml": ("peers: [", "could not parse config"),
    "two documents": (CONFIG + "---\npeers: []\n", "could not parse config"),
    "no mapping": ("- peers\n", "a mapping (key: value) is wanted"),
    "unknown top": (CONFIG + "pears: []\n", "pears"),
    "unknown in peer": (peer("peer-adress: 10.0.0.1"), "peer-adress"),
    "unknown in pool": (pool("  colour: red\n"), "colour"),
    "unknown in ad": (pool(AD + "local-pref: 1\n"), "local-pref"),
    "unknown in selector": (peer("node-selectors: [{match-label: {}}]"),
                            "match-label"),
    "duplicate key": (peer("my-asn: 64512"), "my-asn"),
    "duplicate section": (CONFIG + "peers: []\n", "peers"),
    "text for number": (swap("my-asn: 64512", "my-asn: many"), "my-asn"),
    "negative": (swap("my-asn: 64512", "my-asn: -1"), "my-asn"),
    "asn too big": (swap("my-asn: 64512", "my-asn: 4294967296"), "my-asn"),
    "port too big": (peer("peer-port: 65536"), "peer-port"),
    "list for text": (swap("name: main", "name: [main]"), "name"),
    "not a boolean": (pool("  auto-assign: perhaps\n"), "auto-assign"),
    "no local asn": (swap("  my-asn: 64512\n", ""), "missing local ASN"),
    "no peer asn": (swap("  peer-asn: 64512\n", ""), "missing peer ASN"),
    "peer is a name": (swap("address: 10.0.0.1", "address: router.lan"),
                       'invalid peer IP "router.lan"'),
    "no peer address": (swap("- peer-address: 10.0.0.1\n  peer-asn",
                             "- peer-asn"), "invalid peer IP"),
    "second peer": (swap("address-pools:", "- peer-address: 10.0.1.1\n"
                         "  my-asn: 1\naddress-pools:"), "peer #2"),
    "hold time short": (peer("hold-time: 2999ms"), "invalid hold time"),
    "hold time words": (peer("hold-time: long"), 'invalid hold time "long"'),
    "router id": (peer("router-id: me"), 'invalid router ID "me"'),
    "long password": (peer("password: " + "x" * 81), "80 bytes"),
    "operator": (peer("node-selectors: [{match-expressions: "
                      "[{key: a, operator: Like, values: [b]}]}]"),
                 "parsing node selector"),
    "in without values": (peer("node-selectors: [{match-expressions: "
                               "[{key: a, operator: In}]}]"),
                          "parsing node selector"),
    "exists with values": (peer("node-selectors: [{match-expressions: "
                                "[{key: a, operator: Exists, values: [b]}]}]"),
                           "parsing node selector"),
    "bad label key": (peer('node-selectors: [{match-labels: {"a b": c}}]'),
                      "parsing node selector"),
    "alias not a pair": (CONFIG + "bgp-communities: {blue: 64512}\n",
                         '"64512" is not A:B'),
    "alias too big": (CONFIG + 'bgp-communities: {blue: "65536:1"}\n',
                      "0-65535"),
    "no pool name": (swap("- name: main\n  protocol", "- protocol"),
                     "missing pool name"),
    "no protocol": (swap("  protocol: bgp\n", ""),
                    "missing the protocol field"),
    "protocol": (swap("protocol: bgp", "protocol: BGP"),
                 'unknown protocol "BGP"'),
    "no addresses": (swap("  addresses:\n  - 198.51.100.0/24\n", ""),
                     "no prefixes defined"),
    "no length": (swap("100.0/24", "100.0"), "invalid address range"),
    "reversed": (swap("198.51.100.0/24", "198.51.100.9-198.51.100.1"),
                 "invalid address range"),
    "families mixed": (swap("198.51.100.0/24", '"198.51.100.9-2001:db8::1"'),
                       "invalid address range"),
    "spaces in range": (swap("198.51.100.0/24",
                             "198.51.100.1 - 198.51.100.9x"),
                        "invalid address range"),
    "overlap": (pool("  - 198.51.100.128/25\n"), "overlaps with"),
    "overlapping pools": (pool("- {name: b, protocol: bgp, addresses: "
                               "[198.51.100.3-198.51.100.4]}\n"),
                          "overlaps with"),
    "duplicate pool": (pool("- {name: main, protocol: bgp, addresses: "
                            "[203.0.113.0/24]}\n"),
                       'duplicate definition of pool "main"'),
    "aggregation too long": (pool(AD + "aggregation-length: 33\n"),
                             "invalid aggregation length 33"),
    "aggregation too short": (pool(AD + "aggregation-length: 23\n"),
                              "invalid aggregation length 23"),
    "community": (pool(AD + "communities: [no-export]\n"),
                  'invalid community "no-export"'),
    "layer2 with ads": (swap("protocol: bgp", "protocol: layer2")
                        + AD + "localpref: 1\n", "layer2"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_configmap_keeps_the_last_good_one(settled, kind):
    text, words = BAD[kind]
    logged = len(settled.we.read_log())
    settled.configure(text)
    wait_for(lambda: settled.we.json("show k8s")["config"] == "stale", 5,
             say=lambda: settled.we.sh("show k8s"))
    shown = settled.we.json("show k8s")
    errors = "\n".join(shown["errors"])
    assert words in errors, errors
    assert re.search(r"^line \d+, column \d+: ", errors), errors
    assert words in settled.we.read_log()[logged:]
    assert words in settled.we.sh("show k8s")
    assert settled.bird.route("198.51.100.0/32")
    settled.configure(CONFIG)
    wait_for(lambda: loaded(settled), 5)
    assert "errors" not in settled.we.json("show k8s")
    assert settled.ups() == 1


def test_all_faults_are_named_at_once(settled):
    settled.configure(swap("my-asn: 64512", "my-asn: 0").replace(
        "protocol: bgp", "protocol: ospf") + "pears: []\n")
    errors = wait_for(lambda: settled.we.json("show k8s").get("errors"), 5)
    text = "\n".join(errors)
    for words in ("missing local ASN", "ospf", "pears"):
        assert words in text


# The file's layer above the plugin's -------------------------------------------------


def test_a_neighbor_that_the_file_takes_and_gives_back(lab):
    """The file stands where both say the same neighbor; the plugin is told."""
    world = World(lab)
    router = world.router()
    world.serve("web")
    world.start()
    router.wait_route("198.51.100.0/32")
    with open(world.we.conf) as f:
        conf = f.read()
    assert "! k8s:" in world.we.sh("show running-config")
    world.we.reconfigure(conf + """
router bgp 64512
 neighbor 10.0.0.1 remote-as 64512
 neighbor 10.0.0.1 description of the file
""")
    wait_for(lambda: "of plugin k8s" in world.we.read_log(), 5,
             say=world.we.read_log)
    assert 'neighbor 10.0.0.1" stands already' in world.we.read_log()
    shown = world.we.sh("show running-config")
    assert " neighbor 10.0.0.1 description of the file" in shown
    assert "MetalLB peer" not in shown
    # A neighbor of the file hears of the Services too.
    router.wait_route("198.51.100.0/32")
    world.we.reconfigure(conf)
    wait_for(lambda: "MetalLB peer" in world.we.sh("show running-config"), 5)
    router.wait_route("198.51.100.0/32")
