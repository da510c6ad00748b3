# SPDX-License-Identifier: ISC
"""One of many gives addresses; it dies, it freezes, it comes back."""

import signal
import time

import pytest

from cluster import ingress
from lab import wait_for
from world import HALF, LEASE, SMALL, SPACE, within

DURATION = 15  # seconds of the Lease


@pytest.fixture
def pair(make_world):
    """Two nodes; `first` holds the Lease."""
    world = make_world(nodes=2)
    world.start_router()
    for node in world.nodes:
        node.bgpd.start()
        node.wait_synced()
        world.wait_leader()
    world.first, world.second = world.nodes
    assert world.first.leads()
    return world


def who_told(world, name, reason="IPAllocated"):
    return [e["reportingInstance"] for e in world.events(name, reason)]


def test_one_writes_and_all_announce(pair):
    assert pair.holder() == "prod-01"
    assert pair.lease()["leaseDurationSeconds"] == DURATION
    assert not pair.second.leads()
    assert pair.second.k8s()["allocator"] == "prod-01"
    pair.serve("web", on=["prod-02"])
    address = pair.wait_address("web")
    for node in pair.nodes:
        pair.wait_route(address, node)
        assert node.address_of("web") == address
    pair.serve("stray", loadBalancerIP="203.0.113.1")
    pair.wait_failure("stray", "not allowed")
    wait_for(lambda: "not allowed" in pair.second.shown("stray")["why"], 5)
    pair.settled()
    assert who_told(pair, "web") == ["prod-01"]
    assert pair.patches(name="web") == 1


def test_a_holder_that_stops_hands_over(pair):
    pair.serve("web")
    address = pair.wait_address("web")
    pair.wait_route(address, pair.second)
    with pair.no_flap(pair.second):
        with within(3):
            assert pair.first.bgpd.kill(signal.SIGTERM) == 0
        pair.serve("next")
        pair.wait_address("next", seconds=4)
        pair.wait_event("next", "IPAllocated")
    assert pair.holder() == "prod-02"
    assert who_told(pair, "next") == ["prod-02"]
    assert pair.addresses("web") == [address]
    pair.first.bgpd.start()
    pair.first.wait_synced()
    pair.wait_route(address, pair.first)
    assert pair.second.leads() and not pair.first.leads()


def test_a_holder_that_dies_is_followed(pair):
    pair.serve("web")
    address = pair.wait_address("web")
    pair.wait_route(address, pair.second)
    mark = pair.settled()
    with pair.never_twice(), pair.no_flap(pair.second):
        pair.first.bgpd.kill()
        pair.serve("next")
        pair.serve("stray", loadBalancerIP="203.0.113.1")
        pair.wait_address("next", seconds=DURATION + 5)
        pair.wait_failure("stray", "not allowed")
    assert who_told(pair, "next") == ["prod-02"]
    assert pair.patches(mark, "web") == 0


def test_a_holder_that_dies_and_is_back_goes_on(pair):
    """It is itself in the Lease: it need not wait."""
    before = pair.lease()["holderIdentity"]
    pair.first.bgpd.kill()
    pair.first.bgpd.start()
    pair.first.wait_synced()
    pair.serve("web")
    pair.wait_address("web", seconds=5)
    assert pair.lease()["holderIdentity"] == before


def test_two_of_one_name(make_world):
    """The name of a node, given twice by mistake: one of them leads."""
    world = make_world(nodes=2).start()
    first, second = world.nodes
    second.bgpd.kill(signal.SIGTERM)
    wait_for(first.leads, DURATION + 5, say=world.say)
    second.bgpd.env["NODE_NAME"] = first.name
    second.bgpd.start()
    second.wait_synced()
    assert second.k8s()["node"] == first.name
    wait_for(lambda: second.k8s().get("allocator") == first.name, 5,
             say=second.say)
    before = world.lease()["leaseTransitions"]
    end = time.monotonic() + 6  # three renewals
    while time.monotonic() < end:
        assert first.leads() and not second.leads(), world.say()
        time.sleep(0.1)
    assert world.lease()["leaseTransitions"] == before
    first.bgpd.kill(signal.SIGTERM)
    wait_for(second.leads, 3, say=second.say)


def reload(node):
    node.bgpd.reconfigure(node.conf("load-balancer-class example.com/x"))


def test_a_reload_hands_over(pair):
    """Another class is another cluster: who leads lets go first."""
    pair.serve("web")
    address = pair.wait_address("web")
    pair.wait_route(address, pair.second)
    with pair.no_flap(pair.second), within(3):
        reload(pair.first)
        wait_for(pair.second.leads, 3, every=0.02, say=pair.say)
    pair.serve("next")
    pair.wait_address("next", seconds=2)
    pair.first.wait_synced()
    pair.wait_route(address, pair.first, gone=True)
    assert not pair.first.leads()


def test_a_plugin_that_goes_alone_hands_over(pair):
    """The daemon stays: `plugin k8s` is taken out of its configuration."""
    pair.serve("web")
    address = pair.wait_address("web")
    pair.wait_route(address, pair.second)
    with pair.no_flap(pair.second), within(3):
        pair.first.bgpd.reconfigure("router bgp 64512\n")
        wait_for(pair.second.leads, 3, every=0.02, say=pair.say)
    assert pair.holder() == "prod-02"
    pair.wait_route(address, pair.first, gone=True)
    pair.serve("next")
    pair.wait_address("next", seconds=2)
    # The next block begins anew, also where the last one has not left yet.
    pair.first.bgpd.reconfigure(pair.first.conf())
    pair.first.wait_synced()
    pair.wait_route(address, pair.first)
    pair.first.bgpd.reconfigure("router bgp 64512\n")
    pair.first.bgpd.reconfigure(pair.first.conf())
    pair.first.wait_synced()
    pair.wait_route(address, pair.first)


@pytest.mark.parametrize("alone", [False, True])
def test_a_reload_in_the_middle_of_a_renewal(make_world, alone):
    """The server has it, its answer is on the way: nothing of it is lost; nor
    where the plugin is taken out."""
    world = make_world(nodes=2, proxy=True).start()
    leader = world.wait_leader()
    other = next(n for n in world.nodes if n is not leader)
    fault = world.proxy.stall(path="/leases/", method="PUT")
    fault.wait()
    assert leader.leads()
    if alone:
        leader.bgpd.reconfigure("router bgp 64512\n")
    else:
        reload(leader)
    fault.wait(2)  # what is given back
    fault.remove()
    wait_for(other.leads, 4, every=0.02, say=world.say)
    if alone:
        leader.bgpd.reconfigure(leader.conf())
    leader.wait_synced()
    assert other.leads() and not leader.leads()


def test_a_frozen_holder_wakes(pair):
    """SIGSTOP for longer than the Lease lasts; another has given meanwhile."""
    pair.configure(SMALL.replace("5/32", "4/30"))
    pair.serve("before")
    before = pair.wait_address("before")
    pair.settled()
    first = pair.first.bgpd.process
    with pair.never_twice(), pair.no_flap():
        first.send_signal(signal.SIGSTOP)
        try:
            # It sees these when it wakes, before what became of them.
            pair.serve("one")
            pair.serve("two", loadBalancerIP="198.51.100.7")
            pair.serve("rival", loadBalancerIP="198.51.100.7")
            wait_for(lambda: pair.addresses("one") and "198.51.100.7"
                     in pair.given(), DURATION + 6, say=pair.second.say)
            pair.settled()
            time.sleep(1)
        finally:
            mark = pair.plane.audit.mark()
            first.send_signal(signal.SIGCONT)
        pair.serve("three")
        pair.wait_address("three")
        wait_for(lambda: pair.first.k8s().get("allocator") == "prod-02", 10,
                 say=pair.first.say)
        pair.settled()
    assert pair.addresses("before") == [before]
    assert pair.patches(mark) == pair.patches(mark, "three") == 1
    for name in ("one", "two", "rival", "three"):
        assert "prod-01" not in who_told(pair, name)
        assert "prod-01" not in who_told(pair, name, "AllocationFailed")


def test_a_lease_that_is_deleted_comes_again(pair):
    pair.plane.delete("Lease", LEASE, SPACE)
    wait_for(lambda: pair.plane.list("Lease", SPACE), DURATION + 5, every=0.2)
    leader = pair.wait_leader()
    assert pair.holder() == leader.name
    pair.serve("web")
    pair.wait_address("web")
    assert not all(n.leads() for n in pair.nodes)
    assert who_told(pair, "web") == [leader.name]


def test_a_lease_that_is_taken_away_is_gone_at_once(pair):
    """Whoever writes itself into it has it: no write by two."""
    pair.serve("web")
    pair.wait_address("web")
    mark = pair.settled()
    pair.plane.patch("Lease", LEASE, {"spec": {
        "holderIdentity": "somebody", "leaseDurationSeconds": 6}}, SPACE)
    wait_for(lambda: not any(n.leads() for n in pair.nodes), DURATION,
             say=pair.say)
    pair.serve("next")
    wait_for(lambda: pair.first.shown("next"), 5)
    assert not pair.addresses("next") and pair.patches(mark) == 0
    pair.wait_address("next", seconds=DURATION + 10)


def test_a_rolling_update(pair):
    """Each is stopped and started in turn; the other one's routes stay."""
    pair.serve("web")
    address = pair.wait_address("web")
    for node in pair.nodes:
        pair.wait_route(address, node)
    mark = pair.settled()
    for node, other in (pair.nodes, pair.nodes[::-1]):
        with pair.no_flap(other):
            node.bgpd.kill(signal.SIGTERM)
            node.bgpd.start()
            pair.wait_route(address, node)
            node.wait_synced()
            pair.wait_leader()
    assert pair.patches(mark) == 0


# Two that hold one address --------------------------------------------------------

def test_the_younger_of_two_moves(world):
    world.serve("older")
    world.serve("younger")
    address = world.wait_address("older")
    other = world.wait_address("younger")
    time.sleep(1.1)  # An age is whole seconds.
    world.serve("youngest")
    world.wait_address("youngest")
    world.wait_route(address)
    world.settled()
    world.node.bgpd.kill()
    world.plane.patch("Service", "youngest", ingress(address), sub="status")
    world.node.bgpd.start()
    world.wait_event("youngest", "AddressConflict", address, seconds=25)
    wait_for(lambda: world.addresses("youngest") != [address], 5,
             say=world.say)
    world.wait_address("youngest")
    world.wait_event("youngest", "IPAllocated")
    assert world.addresses("older") == [address]
    assert world.addresses("younger") == [other]
    assert not world.events("older", "AddressConflict")
    world.assert_none_twice()
    event, = world.events("youngest", "AddressConflict")
    assert event["type"] == "Warning" and "default/older" in event["note"]


def test_the_younger_of_two_with_nowhere_to_go(make_world):
    world = make_world(config=SMALL)
    world.start()
    world.serve("a-older")
    address = world.wait_address("a-older")
    time.sleep(1.1)
    world.serve("younger")
    world.wait_failure("younger", "no available")
    world.settled()
    world.node.bgpd.kill()
    world.plane.patch("Service", "younger", ingress(address), sub="status")
    world.node.bgpd.start()
    world.wait_event("younger", "AddressConflict", seconds=25)
    world.wait_no_address("younger")
    wait_for(lambda: world.condition("younger", "Conflict").get("status")
             == "True", 5, say=world.say)
    assert world.addresses("a-older") == [address]
    world.remove("a-older")
    world.wait_address("younger", address)
    assert world.condition("younger", "Conflict")["status"] == "False"


def test_the_younger_of_two_seen_by_a_follower(pair):
    """Somebody writes a status by hand: the allocator alone puts it right."""
    pair.serve("older")
    address = pair.wait_address("older")
    time.sleep(1.1)
    pair.serve("younger")
    pair.wait_address("younger")
    pair.settled()
    mark = pair.router_mark()
    pair.plane.patch("Service", "younger", ingress(address), sub="status")
    wait_for(lambda: pair.addresses("younger") != [address], 5, every=0.02,
             say=pair.say)
    pair.wait_route(pair.wait_address("younger"), pair.second)
    assert not [x for x in pair.lost(mark) if address + "/32" in x]
    assert pair.addresses("older") == [address]
    assert set(who_told(pair, "younger", "AddressConflict")) <= {"prod-01"}
    pair.assert_none_twice()


# Not allowed ------------------------------------------------------------------------

def test_without_the_rule_for_leases_it_is_told(make_world):
    world = make_world()
    world.site.changed = True
    role = world.plane.get("Role", "fairway", SPACE)
    world.plane.patch("Role", "fairway", {"rules": [
        r for r in role["rules"] if r["resources"] != ["leases"]]}, SPACE)
    time.sleep(0.5)
    world.start(wait=False)
    world.node.wait_k8s("leases")
    assert "create and update of leases" in world.node.bgpd.read_log()
    world.serve("web")
    time.sleep(0.5)
    assert not world.addresses("web")
    world.site.apply_manifests()
    world.wait_address("web", seconds=20)


def test_a_follower_waits_for_all_objects(make_world):
    """It does not compete before it has read everything once."""
    world = make_world(proxy=True)
    fault = world.proxy.stall(path="/configmaps")
    world.start(wait=False)
    fault.wait()
    time.sleep(1)
    assert not world.plane.list("Lease", SPACE)
    assert not world.node.leads()
    world.serve("web")
    time.sleep(HALF)
    assert not world.addresses("web")
    fault.remove()
    world.wait_address("web", seconds=10)


# What the stories lean on -----------------------------------------------------------

def test_a_flap_and_an_address_given_twice_would_be_seen(world):
    world.serve("one")
    world.serve("two")
    address = world.wait_address("one")
    world.wait_address("two")
    world.wait_route(address)
    with pytest.raises(AssertionError, match="removed"):
        with world.no_flap():
            world.endpoints("one", ("prod-01", False))
            world.wait_route(address, gone=True)
            world.endpoints("one", ("prod-01", True))
            world.wait_route(address)
    world.settled()
    with pytest.raises(AssertionError, match=address):
        with world.never_twice():
            time.sleep(0.2)
            world.plane.patch("Service", "two", ingress(address),
                              sub="status")
            wait_for(lambda: world.addresses("two") != [address], 5)
    with world.no_flap(), world.never_twice():
        world.label("one", quiet="yes")
