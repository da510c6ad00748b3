# SPDX-License-Identifier: ISC
"""Services of a real cluster get addresses, and the router learns them."""

import os
import re
import time

import pytest

from cluster import (
    make_node, make_pod, make_service, path_of, pod_status)
from lab import Bird, nginx, wait_for
from world import CONFIG, HALF, SEED, SMALL, curl, within

TWO_POOLS = CONFIG + """
- name: other
  protocol: bgp
  addresses: [203.0.113.0/24]
"""
SIX = CONFIG + """
- name: six
  protocol: bgp
  addresses: ["2001:db8:5::/120"]
"""
BOTH = CONFIG + """
  - 2001:db8:5::/120
"""
LABELS = ("kubernetes.io/hostname=prod-01", "beta.kubernetes.io/arch=amd64")


# The user's own -----------------------------------------------------------------

@pytest.fixture
def users(make_world):
    """The user's ConfigMap as it stands, on a node that its selector wants."""
    world = make_world(config=None)
    world.plane.kubectl("apply", "-f",
                        os.path.join(SEED, "k8s-config-bgp.yaml"))
    world.plane.kubectl("label", "node", "prod-01", *LABELS)
    return world


def test_the_users_own_configmap(users):
    users.start()
    with within(1.0):
        users.serve("web", notes={"address_pool": "my-ip-space"})
        assert users.wait_address("web") == "198.51.100.1"  # .0 is buggy
        users.wait_route("198.51.100.1")
    got = users.attributes("198.51.100.1/32")
    assert got["origin"] == "Incomplete" and got["as_path"].strip() == ""
    assert got["next_hop"] == "10.0.0.2" and got["local_pref"] == "100"
    assert got["community"] == "(64512,1) (65535,65281)"
    protocol = users.router.protocol("prod_01")
    assert "Neighbor ID:      1.2.3.4" in protocol
    assert re.search(r"Hold timer: .*/120\b", protocol), protocol
    event = users.wait_event("web", "IPAllocated")
    assert event["note"] == 'Assigned IP "198.51.100.1"'
    assert "198.51.100.1" in users.plane.kubectl("get", "service", "web")
    # The pool is one that has to be asked for.
    users.serve("plain")
    users.wait_failure("plain", "no pool has auto-assign")
    assert users.routes() == ["198.51.100.1/32"]
    assert "yourPassword" not in users.node.everything_it_says()


def test_a_label_starts_and_stops_the_session(make_world):
    world = make_world(config=None)
    world.plane.kubectl("apply", "-f",
                        os.path.join(SEED, "k8s-config-bgp.yaml"))
    world.start()
    world.serve("web", notes={"address_pool": "my-ip-space"})
    world.wait_address("web", "198.51.100.1")
    time.sleep(0.5)
    assert not world.router.is_up("prod_01")
    world.plane.kubectl("label", "node", "prod-01", *LABELS)
    world.wait_route("198.51.100.1")
    world.plane.kubectl("label", "node", "prod-01",
                        "beta.kubernetes.io/arch-")
    world.wait_route("198.51.100.1", gone=True)
    assert world.addresses("web") == ["198.51.100.1"]


INGRESS = """
apiVersion: v1
kind: Namespace
metadata:
  name: ingress-nginx
---
apiVersion: v1
kind: Service
metadata:
  name: ingress-nginx
  namespace: ingress-nginx
  annotations:
    metallb.universe.tf/address-pool: my-ip-space
  labels:
    app.kubernetes.io/name: ingress-nginx
    app.kubernetes.io/part-of: ingress-nginx
spec:
  externalTrafficPolicy: Local
  type: LoadBalancer
  selector:
    app.kubernetes.io/name: ingress-nginx
    app.kubernetes.io/part-of: ingress-nginx
  ports:
  - name: http
    port: 80
    targetPort: http
  - name: https
    port: 443
    targetPort: https
"""


def start_nginx(host, address):
    """The ingress controller; kube-proxy's part is one address here."""
    host.ip("addr", "add", address + "/32", "dev", "lo")
    nginx(host, f'listen {address}:80; return 200 "from the ingress\n";')


def test_the_ingress_controller_of_the_article(users):
    """curl gets there through the router, while a controller's Pod is here."""
    users.start()
    client = users.lab.host("client")
    users.lab.cable(client, users.above, "172.31.0.2/24", "172.31.0.1/24")
    client.ip("route", "add", "default", "via", "172.31.0.1")
    users.node.host.ip("route", "add", "default", "via", "10.0.0.1")
    users.fresh_controllers()
    users.plane.kubectl("apply", "-f", "-", input=INGRESS)
    address = users.wait_address("ingress-nginx", space="ingress-nginx")
    assert address == "198.51.100.1"
    users.node.wait_synced()
    assert not users.routes()  # Local, and no Pod is anywhere.
    start_nginx(users.node.host, address)
    wait_for(lambda: users.plane.admin.get(path_of(
        "ServiceAccount", "default", "ingress-nginx"))[0] == 200)
    users.plane.create(make_pod(
        "controller", "prod-01", "ingress-nginx",
        labels={"app.kubernetes.io/name": "ingress-nginx",
                "app.kubernetes.io/part-of": "ingress-nginx"}))
    users.plane.patch("Pod", "controller", pod_status("10.244.0.7"),
                      "ingress-nginx", sub="status")
    users.wait_route(address, seconds=10)
    wait_for(lambda: curl(client, f"http://{address}/").stdout
             == "from the ingress\n", 5)
    # The Pod is not ready any more: away from here, the address is kept.
    users.plane.patch("Pod", "controller", pod_status("10.244.0.7", False),
                      "ingress-nginx", sub="status")
    users.wait_route(address, gone=True, seconds=10)
    assert users.addresses("ingress-nginx", "ingress-nginx") == [address]


# Which address ------------------------------------------------------------------

def test_the_address_asked_for(world):
    world.serve("web", loadBalancerIP="198.51.100.77")
    world.wait_address("web", "198.51.100.77", seconds=HALF)
    world.wait_route("198.51.100.77")
    world.serve("stray", loadBalancerIP="203.0.113.1")
    world.wait_failure("stray", "is not allowed in config")
    world.serve("twin", loadBalancerIP="198.51.100.77")
    world.wait_failure("twin", "already in use")
    world.serve("none", loadBalancerIP="a name")
    world.wait_failure("none", "the address asked for is not one")
    world.change("none", loadBalancerIP=None)
    world.wait_address("none")
    world.assert_none_twice()


@pytest.mark.parametrize("how", ["moves", "goes", "changes its type"])
def test_who_waits_gets_what_is_freed(world, how):
    """MetalLB forgets a waiting one when another moves off its address."""
    world.serve("web", loadBalancerIP="198.51.100.77")
    world.wait_address("web", "198.51.100.77")
    world.serve("twin", loadBalancerIP="198.51.100.77")
    world.wait_failure("twin", "already in use")
    if how == "moves":
        world.change("web", loadBalancerIP="198.51.100.78")
        world.wait_address("web", "198.51.100.78")
    elif how == "goes":
        world.remove("web")
    else:
        world.change("web", type="ClusterIP", loadBalancerIP=None)
    world.wait_address("twin", "198.51.100.77", seconds=2)
    world.wait_route("198.51.100.77")
    assert world.condition("twin", "Allocated")["status"] == "True"


def test_the_annotations_of_all_releases(world):
    world.configure(TWO_POOLS)
    world.serve("older", notes={"loadBalancerIPs": "198.51.100.20"})
    world.wait_address("older", "198.51.100.20")
    world.serve("newer", notes={"metallb.io/loadBalancerIPs":
                                "198.51.100.21"})
    world.wait_address("newer", "198.51.100.21")
    world.serve("both", notes={"metallb.io/address-pool": "other",
                               "address_pool": "main"})
    world.wait_address("both", "203.0.113.0")
    world.serve("nowhere", notes={"address_pool": "nowhere"})
    world.wait_failure("nowhere", 'unknown pool "nowhere"')
    for name, port in (("one", 80), ("two", 443)):
        world.serve(name, port, notes={"metallb.io/allow-shared-ip": "k"},
                    loadBalancerIP="198.51.100.30")
        world.wait_address(name, "198.51.100.30")


def test_the_pool_annotation_moves_a_service(world):
    world.configure(TWO_POOLS)
    world.serve("web", notes={"address_pool": "main"})
    world.wait_address("web", "198.51.100.0")
    world.wait_route("198.51.100.0")
    world.note("web", address_pool="other")
    world.wait_address("web", "203.0.113.0", seconds=HALF)
    world.wait_route("203.0.113.0")
    world.wait_route("198.51.100.0", gone=True)


def test_a_shared_address(world):
    key, want = {"allow_shared_ip": "ours"}, "198.51.100.9"
    world.serve("one", 80, notes=key, loadBalancerIP=want)
    world.serve("two", 443, notes=key, loadBalancerIP=want)
    world.wait_address("one", want)
    world.wait_address("two", want)
    world.serve("same-port", 443, notes=key, loadBalancerIP=want)
    world.wait_failure("same-port", "443")
    world.serve("no-key", 25, loadBalancerIP=want)
    world.wait_failure("no-key", "in use by")
    world.serve("here", 25, notes=key, loadBalancerIP=want,
                externalTrafficPolicy="Local", selector={"app": "other"})
    world.wait_event("here", "AllocationFailed")
    assert sorted(world.given()[want]) == ["default/one", "default/two"]
    for name in ("same-port", "no-key", "here"):
        world.remove(name)
    with world.no_flap():
        world.remove("one")
        time.sleep(0.5)
    world.remove("two")
    world.wait_route(want, gone=True)


def test_one_address_and_many_who_want_it(make_world):
    world = make_world(config=SMALL).start()
    world.serve("first")
    world.wait_address("first", "198.51.100.5")
    for name in ("second", "third"):
        world.serve(name)
        world.wait_failure(name, "no available")
    world.remove("first")
    wait_for(lambda: len(world.given()) == 1, 2, say=world.say)
    world.configure(SMALL.replace("5/32", "4/31"))
    world.wait_address("second")
    world.wait_address("third")
    world.assert_none_twice()


# Local and Cluster, ready and not -------------------------------------------------

def test_local_and_cluster(make_world):
    world = make_world(nodes=2).start()
    one, two = world.nodes
    world.serve("everywhere", on=["prod-02"])
    everywhere = world.wait_address("everywhere")
    world.serve("here", on=["prod-02"], externalTrafficPolicy="Local")
    here = world.wait_address("here")
    world.wait_route(everywhere, one)
    world.wait_route(everywhere, two)
    world.wait_route(here, two)
    assert not world.has_route(here + "/32", one)
    one.wait_why("here", "noLocalEndpoints")
    world.endpoints("here", ("prod-01", True))
    world.wait_route(here, one)
    world.wait_route(here, two, gone=True)
    world.change("here", externalTrafficPolicy="Cluster")
    world.wait_route(here, two)
    assert world.addresses("here") == [here]


def test_endpoints_come_and_go(world):
    world.serve("web")
    address = world.wait_address("web")
    world.wait_route(address)
    mark = world.settled()
    for states, gone in [
            ([("prod-01", False, False, False)], True),
            ([("prod-01", False, True, True)], False),  # ends, but serves
            ([("prod-01", False, False, True)], True),
            ([("prod-01", True)], False),
            ([], True),
            ([("prod-01",)], False)]:  # not said is ready
        world.endpoints("web", *states)
        world.wait_route(address, gone=gone, seconds=HALF)
    world.plane.delete("EndpointSlice", "web-1")
    world.wait_route(address, gone=True)
    world.node.wait_why("web", "noEndpoints")
    assert world.patches(mark) == 0  # Endpoints are no matter of statuses.
    assert world.node.ups() == 1


def test_the_controllers_own_slices(world):
    """Slices as the endpointslice controller makes them of Pods."""
    world.fresh_controllers()
    world.plane.create(make_service("web", selector={"app": "web"}))
    address = world.wait_address("web")
    world.plane.create(make_pod("web-1", "prod-01", labels={"app": "web"}))
    world.plane.patch("Pod", "web-1", pod_status("10.244.0.3"), sub="status")
    world.wait_route(address, seconds=10)
    world.plane.patch("Pod", "web-1", pod_status("10.244.0.3", False),
                      sub="status")
    world.wait_route(address, gone=True, seconds=10)


@pytest.mark.parametrize("out", ["label", "condition"])
def test_a_node_that_is_out_announces_nothing(make_world, out):
    world = make_world(nodes=2).start()
    one, two = world.nodes
    world.serve("web")
    address = world.wait_address("web")
    for node in world.nodes:
        world.wait_route(address, node)
    label = "node.kubernetes.io/exclude-from-external-load-balancers"
    with world.no_flap(two):
        if out == "label":
            world.plane.kubectl("label", "node", "prod-01", label + "=")
        else:
            world.plane.patch("Node", "prod-01", {"status": {"conditions": [
                {"type": "NetworkUnavailable", "status": "True"}]}},
                sub="status")
        world.wait_route(address, one, gone=True)
        one.wait_why("web", "nodeLabeledExcludeBalancers" if out == "label"
                     else "nodeNetworkUnavailable")
        if out == "label":
            world.plane.kubectl("label", "node", "prod-01", label + "-")
        else:
            world.plane.patch("Node", "prod-01", {"status": {"conditions": [
                {"type": "NetworkUnavailable", "status": "False"}]}},
                sub="status")
        world.wait_route(address, one)
    assert one.ups() == 1


# What a Service is -----------------------------------------------------------------

def test_another_type_has_no_status(world):
    world.serve("web")
    world.serve("tagged")
    address = world.wait_address("web")
    world.wait_address("tagged")
    world.wait_route(address)
    world.settled()
    # What others say stays theirs.
    world.plane.patch("Service", "web", {"status": {"conditions": [
        *world.service("web")["status"]["conditions"],
        {"type": "example.org/Other", "status": "True", "reason": "R",
         "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}},
        sub="status")
    world.change("web", type="ClusterIP")
    world.wait_route(address, gone=True)
    wait_for(lambda: not world.condition("web", "Allocated")
             and not world.condition("web", "Conflict"), 5, say=world.say)
    status = world.service("web")["status"]
    assert not status["loadBalancer"]
    assert [c["type"] for c in status.get("conditions", ())] == [
        "example.org/Other"]
    # It is free, and the next one gets it.
    world.serve("next")
    world.wait_address("next", address)
    world.change("web", type="LoadBalancer")
    assert world.wait_address("web") not in (address, "198.51.100.1")


def test_classes(make_world):
    world = make_world().start()
    world.serve("plain")
    world.wait_address("plain")
    world.serve("theirs", loadBalancerClass="example.org/theirs")
    time.sleep(0.5)
    assert not world.addresses("theirs") and not world.events("theirs")
    assert "status" not in world.condition("theirs", "Allocated")


def test_a_class_of_our_own(make_world):
    world = make_world(
        options="load-balancer-class example.org/fairway").start()
    world.serve("ours", loadBalancerClass="example.org/fairway")
    world.wait_address("ours")
    world.serve("plain")
    world.serve("theirs", loadBalancerClass="example.org/theirs")
    time.sleep(0.5)
    for name in ("plain", "theirs"):
        assert not world.addresses(name) and not world.events(name)
    assert world.routes() == ["198.51.100.0/32"]


def test_families(make_world):
    world = make_world(config=BOTH).start()
    world.serve("four", ipFamilies=["IPv4"])
    world.wait_address("four", "198.51.100.0")
    world.serve("six", ipFamilies=["IPv6"])
    world.wait_address("six", "2001:db8:5::")
    world.serve("both", ipFamilyPolicy="RequireDualStack",
                ipFamilies=["IPv6", "IPv4"])
    world.wait_addresses("both", "2001:db8:5::1", "198.51.100.1")
    event = world.wait_event("both", "IPAllocated")
    assert "2001:db8:5::1" in event["note"]
    assert "198.51.100.1" in event["note"]
    world.serve("asked", ipFamilyPolicy="RequireDualStack", notes={
        "loadBalancerIPs": "198.51.100.40,2001:db8:5::40"})
    world.wait_addresses("asked", "198.51.100.40", "2001:db8:5::40")


def test_two_families_where_one_is_left(make_world):
    world = make_world().start()
    world.serve("prefers", ipFamilyPolicy="PreferDualStack")
    world.wait_addresses("prefers", "198.51.100.0")
    world.serve("requires", ipFamilyPolicy="RequireDualStack")
    world.wait_failure("requires", "both families")
    world.configure(BOTH)
    world.wait_addresses("requires", "198.51.100.1", "2001:db8:5::")
    # What is served stays, and the other comes to it.
    world.wait_addresses("prefers", "198.51.100.0", "2001:db8:5::1")


def test_an_ipv6_service_over_an_ipv6_peer(make_world):
    world = make_world(config=SIX.replace(
        "peers:", "peers:\n- {peer-address: '2001:db8::1', peer-asn: 64512,"
        " my-asn: 64512}"))
    world.start_router()
    world.router.do("disable all")
    six = Bird(world.above, """
protocol bgp six {
	local 2001:db8::1 as 64512; neighbor 2001:db8::2 as 64512;
	direct; passive on; ipv6 { import all; export none; };
}
""", name="six", router_id="10.0.0.1").start()
    world.node.bgpd.start()
    world.serve("web", ipFamilies=["IPv6"])
    address = world.wait_address("web")
    assert "2001:db8::2" in six.wait_route(address + "/128")


# Comings and goings ----------------------------------------------------------------

def test_deleted_while_bgpd_is_down(world):
    world.serve("web")
    world.serve("kept")
    address, kept = world.wait_address("web"), world.wait_address("kept")
    world.wait_route(address)
    world.wait_route(kept)
    mark = world.settled()
    world.node.bgpd.kill()
    world.remove("web")
    world.node.bgpd.start()
    world.wait_route(kept)
    world.node.wait_synced()
    world.wait_route(address, gone=True)
    assert world.patches(mark) == 0
    world.serve("next")
    assert world.wait_address("next", seconds=25) == address


def test_changed_while_bgpd_is_down(world):
    world.serve("moves")
    world.serve("idle")
    moves, idle = world.wait_address("moves"), world.wait_address("idle")
    world.wait_route(moves)
    world.settled()
    world.node.bgpd.kill()
    world.change("moves", loadBalancerIP="198.51.100.99")
    world.endpoints("idle", ("prod-01", False, False))
    world.serve("new", loadBalancerIP=moves)
    world.node.bgpd.start()
    world.wait_address("moves", "198.51.100.99", seconds=25)
    world.wait_address("new", moves)
    world.wait_route("198.51.100.99")
    world.wait_route(moves)
    world.wait_route(idle, gone=True)
    world.assert_none_twice()


def test_layer2_as_it_stands(make_world):
    """Addresses, statuses and events; who answers ARP is the plugin l2's."""
    world = make_world(config=None)
    world.plane.kubectl("apply", "-f",
                        os.path.join(SEED, "k8s-config-layer2.yaml"))
    world.start()
    for n in range(11):
        world.serve(f"web-{n:02}")
        world.wait_address(f"web-{n:02}", f"192.168.1.{240 + n}")
    world.serve("late")
    world.wait_failure("late", "no available")
    world.wait_event("web-00", "IPAllocated", "192.168.1.240")
    assert not world.routes()
    world.remove("web-05")
    world.wait_address("late", "192.168.1.245")


def test_layer2_waits_for_all_nodes(make_world):
    """Each that knew of itself alone would answer for the address."""
    def shown():
        return world.node.shown("web")["addresses"][0]

    def candidates():
        return len(world.node.bgpd.json(f"show l2 explain {address}")[
            "candidates"])

    world = make_world(proxy=True).start()
    world.plane.ensure(make_node("prod-09", None, ["10.0.0.10"]))
    world.serve("web")
    address = world.wait_address("web")
    world.wait_route(address)
    fault = world.proxy.stall(path="/nodes$")
    world.configure(CONFIG.replace("protocol: bgp", "protocol: layer2"))
    wait_for(lambda: "nodesUnknown" in shown().get("why", ""), 5,
             say=world.say)
    fault.wait()
    time.sleep(HALF)
    assert "nodesUnknown" in shown()["why"] and candidates() == 0
    fault.remove()
    wait_for(lambda: candidates() == 2, 5, say=world.say)
    assert not shown().get("why")


def test_our_own_node_is_deleted(make_world):
    """Its labels choose the peers: those of before count on."""
    world = make_world(config=CONFIG.replace(
        "  my-asn", "  node-selectors:\n  - match-labels:\n      rack: a\n"
        "  my-asn", 1), labels={"rack": "a"}).start()
    world.serve("web")
    address = world.wait_address("web")
    world.wait_route(address)
    with world.no_flap():
        ups = world.node.ups()
        world.plane.delete("Node", "prod-01")
        wait_for(lambda: "was deleted" in world.node.bgpd.read_log(), 5)
        time.sleep(HALF)
        assert world.node.ups() == ups
        world.plane.ensure(make_node("prod-01", {"rack": "a"},
                                     ["10.0.0.2"]))
        wait_for(lambda: world.node.k8s()["nodeKnown"], 5)
    world.label_node("prod-01", rack="b")
    world.wait_route(address, gone=True)


def test_a_name_that_comes_again_is_another_one(world):
    world.serve("web", loadBalancerIP="198.51.100.50")
    world.wait_route(world.wait_address("web"))
    world.remove("web")
    world.serve("web")
    world.wait_address("web")
    world.serve("other", loadBalancerIP="198.51.100.50")
    # The lowest, or the old one: in any case not both.
    world.settled()
    world.assert_none_twice()
    assert world.addresses("web") == ["198.51.100.0"]
    assert world.addresses("other") == ["198.51.100.50"]


def test_namespaces_are_told_apart(world):
    world.plane.ensure({"apiVersion": "v1", "kind": "Namespace",
                        "metadata": {"name": "other"}})
    world.serve("web")
    world.serve("web", space="other", on=["prod-01"])
    one = world.wait_address("web")
    two = world.wait_address("web", space="other")
    assert one != two
    world.wait_route(two)
    world.wait_event("web", "IPAllocated", two, space="other")
    world.remove("web", "other")
    world.wait_route(two, gone=True)
    assert world.has_route(one + "/32")
