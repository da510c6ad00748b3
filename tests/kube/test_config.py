# SPDX-License-Identifier: ISC
"""The ConfigMap comes, changes and goes; what is served is not the worse for it."""

import copy
import json
import time

from cluster import make, make_node
from lab import wait_for
from world import CONFIG, PEER, SMALL, SPACE, within

RENAMED = CONFIG.replace("name: main", "name: renamed")

def test_metrics_and_health(make_world):
    world = make_world(config=None).start(wait=False)
    world.serve("web")
    wait_for(lambda: "no such ConfigMap" in world.node.bgpd.sh("show k8s"), 5,
             say=world.say)
    assert world.node.config() == (0, 1)
    assert world.node.health("/healthz") == "200"
    assert world.node.health("/readyz") == "503"
    assert not world.addresses("web")
    world.configure(CONFIG)
    with within(1):
        world.wait_address("web")
        wait_for(lambda: world.node.health("/readyz") == "200", 2)
    world.wait_route("198.51.100.0")
    assert world.node.config() == (1, 0)
    wait_for(lambda: world.node.metrics().get(
        'metallb_allocator_addresses_in_use_total{pool="main"}') == 1, 2,
        say=lambda: str(world.node.metrics()))
    metrics = world.node.metrics()
    assert metrics['metallb_allocator_addresses_total{pool="main"}'] == 256
    assert metrics[
        'metallb_allocator_services_allocated_total{pool="main"}'] == 1
    assert metrics["metallb_k8s_client_updates_total"] > 0
    up = {k: v for k, v in metrics.items()
          if k.startswith("metallb_bgp_session_up")}
    assert list(up.values()) == [1], up
    announced = {k: v for k, v in metrics.items()
                 if k.startswith("metallb_bgp_announced_prefixes_total")}
    assert list(announced.values()) == [1], announced
    speaker = {k: v for k, v in metrics.items()
               if k.startswith("metallb_speaker_announced")}
    assert list(speaker.values()) == [1] and "default/web" in list(speaker)[0]
    world.plane.patch("ConfigMap", "config",
                      {"data": {"config": "peers: 7\n"}}, SPACE)
    world.wait_config(1, 1)
    assert world.node.health("/readyz") == "200"
    assert "yourPassword" not in str(metrics)


def test_a_configmap_that_is_deleted(world):
    """The last good one stays, and it is told that it is stale."""
    world.serve("web")
    world.wait_route(world.wait_address("web"))
    with world.no_flap():
        world.plane.delete("ConfigMap", "config", SPACE)
        world.wait_config(1, 1)
        assert "no such ConfigMap" in world.node.bgpd.sh("show k8s")
        world.serve("late")
        world.wait_address("late")
        world.configure(CONFIG)
        world.wait_config(1, 0)


def test_a_pool_of_another_name(world):
    """MetalLB re-addresses running Services then."""
    for n in range(3):
        world.serve(f"web-{n}")
        world.wait_route(world.wait_address(f"web-{n}"))
    given = world.given()
    mark = world.settled()
    with world.no_flap():
        world.configure(RENAMED)
        wait_for(lambda: world.node.shown("web-0").get("pool") == "renamed",
                 2, say=world.say)
        world.settled()
    assert world.given() == given and world.patches(mark) == 0
    # So it is when it happens while bgpd is down.
    world.node.bgpd.kill()
    world.configure(CONFIG.replace("name: main", "name: third"))
    world.node.bgpd.start()
    world.wait_leader(25)
    world.settled()
    assert world.given() == given and world.patches(mark) == 0


def test_the_order_of_pools_moves_nobody(world):
    world.serve("web")
    world.wait_route(world.wait_address("web"))
    mark = world.settled()
    with world.no_flap():
        world.configure(CONFIG.replace("address-pools:", """address-pools:
- name: before
  protocol: bgp
  addresses: [203.0.113.0/24]"""))
        world.serve("new")
        world.wait_address("new", "203.0.113.0")
    assert world.addresses("web") == ["198.51.100.0"]
    assert world.patches(mark, "web") == 0


def test_a_pool_grows_and_shrinks(make_world):
    world = make_world(config=SMALL).start()
    for name in ("one", "two"):
        world.serve(name)
    world.wait_failure("two", "no available")
    with world.no_flap():
        world.configure(SMALL.replace("5/32", "4/31"))
        world.wait_address("two", "198.51.100.4", seconds=2)
        world.wait_route("198.51.100.4")
        # What is in use is not taken away.
        world.configure(SMALL)
        world.wait_config(1, 1)
        time.sleep(0.3)
    world.remove("two")
    world.wait_route("198.51.100.4", gone=True)
    world.wait_config(1, 0, seconds=2)  # It fits now, unasked.


def test_advertisements_and_peers_change_without_a_reset(world):
    world.serve("web")
    world.wait_route(world.wait_address("web"))
    with world.no_flap():
        world.configure(CONFIG + """
  bgp-advertisements:
  - localpref: 200
    communities: [blue]
bgp-communities:
  blue: 64512:55
""")
        wait_for(lambda: world.attributes("198.51.100.0/32").get("community")
                 == "(64512,55)", 2)
        world.configure(CONFIG.replace("address-pools:", """- peer-address: 10.0.0.77
  peer-asn: 64999
  my-asn: 64512
address-pools:"""))
        wait_for(lambda: "10.0.0.77" in world.node.bgpd.sh(
            "show bgp summary"), 2)
    assert world.node.ups() == 1


def test_no_peers_at_all_is_a_configuration(world):
    world.serve("web")
    world.wait_route(world.wait_address("web"))
    world.configure(CONFIG.replace(PEER, ""))
    world.wait_route("198.51.100.0", gone=True)
    assert world.addresses("web") == ["198.51.100.0"]
    assert world.node.config() == (1, 0)
    world.configure(CONFIG)
    world.wait_route("198.51.100.0")


# Objects that cannot be read ---------------------------------------------------------

def watch_event(kind, made, version):
    made["metadata"]["resourceVersion"] = str(version)
    return {"type": kind, "object": made}


def test_an_object_that_cannot_be_read(make_world):
    """The real server refuses such ones; a proxy puts them into the watch."""
    world = make_world(proxy=True).start()
    world.serve("web")
    world.wait_route(world.wait_address("web"))
    bad = world.service("web")
    bad["spec"]["ports"] = "eighty"
    slices = world.plane.get("EndpointSlice", "web-1")
    slices["endpoints"] = {"addresses": 7}
    config = world.plane.get("ConfigMap", "config", SPACE)
    config["data"] = {"config": 7}
    node = world.plane.get("Node", "prod-01")
    node["metadata"]["labels"] = ["x"]
    faults = world.node.k8s()["objectFaults"]
    with world.no_flap():
        for path, made in (("/services$", bad), ("/endpointslices$", slices),
                           ("/configmaps$", config), ("/nodes$", node)):
            version = world.plane.admin.get("/api/v1/services")[1][
                "metadata"]["resourceVersion"]
            world.proxy.inject(watch_event("MODIFIED", made, version), path)
        wait_for(lambda: world.node.k8s()["objectFaults"] >= faults + 3, 5,
                 say=world.say)
        assert "its last good version stays" in world.node.bgpd.read_log()
        # The watches live: what comes next is acted on.
        world.serve("late")
        world.wait_route(world.wait_address("late"))
    world.change("web", loadBalancerIP="198.51.100.44")
    world.wait_address("web", "198.51.100.44")
    world.wait_route("198.51.100.44")
    world.endpoints("web", ("prod-01", False))
    world.wait_route("198.51.100.44", gone=True)
    world.label_node("prod-01", **{"node.kubernetes.io__exclude"
                                   "-from-external-load-balancers": ""})
    world.wait_route("198.51.100.1", gone=True)


def test_many_that_cannot_be_read_in_the_first_list(make_world):
    """They cost neither the list nor the log: what can be read is served."""
    world = make_world(proxy=True)
    world.serve("web")
    good = world.service("web")
    version = good["metadata"]["resourceVersion"]
    events = [{"type": "ADDED", "object": good}]
    # The first of them twice: told of once.
    for n in (*range(6), *range(40)):
        bad = copy.deepcopy(good)
        bad["metadata"]["name"] = f"bad-{n}"
        bad["spec"]["ports"] = "eighty"
        events.append({"type": "ADDED", "object": bad})
    events.append({"type": "BOOKMARK", "object": {"metadata": {
        "resourceVersion": version,
        "annotations": {"k8s.io/initial-events-end": "true"}}}})
    world.proxy.answer(
        200, body="".join(json.dumps(e) + "\n" for e in events), times=1,
        path="/services$")
    world.start()
    world.wait_route(world.wait_address("web"))
    wait_for(lambda: world.node.k8s()["objectFaults"] >= 46, 5,
             say=world.say)
    told = [line for line in world.node.bgpd.read_log().splitlines()
            if "ports must be" in line]
    assert len(told) == 10 and len(set(told)) == 10, told


def test_annotations_that_say_nothing_of_sense(world):
    world.serve("web")
    world.wait_route(world.wait_address("web"))
    with world.no_flap():
        for n, notes in enumerate([
                {"loadBalancerIPs": "::::,"}, {"loadBalancerIPs": "x" * 3000},
                {"address_pool": "\u00fc" * 200}, {"address_pool": ""},
                {"allow_shared_ip": "k" * 5000}]):
            world.serve(f"odd-{n}", notes=notes)
        world.serve("late")
        world.wait_route(world.wait_address("late"))
    assert not world.node.bgpd.is_dead()
    world.assert_none_twice()


# Nodes and their names -----------------------------------------------------------------

def test_peers_of_some_nodes(make_world):
    world = make_world(nodes=2, config=CONFIG.replace("  my-asn", """  node-selectors:
  - match-labels: {rack: "7"}
  my-asn""", 1)).start()
    one, two = world.nodes
    world.serve("web")
    address = world.wait_address("web")
    world.label_node("prod-02", rack="7")
    world.wait_route(address, two)
    assert not world.has_route(address + "/32", one)
    with world.no_flap(two):
        world.label_node("prod-01", rack="7")
        world.wait_route(address, one)
        world.label_node("prod-01", rack="8")
        world.wait_route(address, one, gone=True)


def test_a_node_object_that_comes_late(make_world):
    world = make_world()
    world.plane.delete("Node", "prod-01")
    world.start()
    world.serve("web")
    world.wait_address("web")
    assert not world.node.k8s()["nodeKnown"]
    world.plane.create(make_node("prod-01", {}, [world.node.address]))
    wait_for(lambda: world.node.k8s()["nodeKnown"], 5)
    world.wait_route("198.51.100.0")


def test_a_secret_that_is_not_there_is_no_fault(world):
    """memberlist is optional: told once, and Services go on."""
    world.serve("web")
    world.wait_route(world.wait_address("web"))
    with world.no_flap():
        world.plane.create(make("Secret", "memberlist", SPACE, stringData={
            "secretkey": "a-secret-of-the-test"}))
        time.sleep(0.5)
        world.plane.delete("Secret", "memberlist", SPACE)
        time.sleep(0.3)
    assert "a-secret-of-the-test" not in world.node.everything_it_says()
