# SPDX-License-Identifier: ISC
"""Layer 2 in a cluster: the user's own pool, a real API server, nodes that die."""

import time

import pytest

from cluster import make_node
from lab import wait_for
from street import Asker, Stranger, Street, VIP

BOUND = 0.300  # of a hard loss, on a machine that others use as well
EXCLUDE = "node.kubernetes.io__exclude_from_external_load_balancers"


@pytest.fixture
def make_street(lab, site):
    made = []

    def make(**how):
        made.append(Street(lab, site, **how))
        return made[-1]
    yield make
    for street in made:
        street.close()


@pytest.fixture
def street(make_street):
    """Three nodes, and a Service that has endpoints on each."""
    made = make_street().start()
    made.wait_leader()
    made.serve("web", on=[n.name for n in made.nodes])
    return made


def nodes_of(events):
    """Of nodeAssigned: who said it, in order; as often as it was said."""
    said = []
    for event in sorted(events, key=lambda e: e["eventTime"]):
        node = event["note"].split('"')[1]
        said += [node] * event.get("series", {}).get("count", 1)
    return said


def announced(node):
    return {key for key in node.metrics()
            if key.startswith("metallb_speaker_announced")}


def watched(node):
    """What BFD says of the other nodes."""
    return [n["bfd"] for n in node.bgpd.json("show l2 nodes")[
        "nodes"].values() if "bfd" in n]


def test_a_service_gets_its_address_and_a_node_answers(street):
    began = time.monotonic()
    assert street.wait_address("web") == VIP
    told = time.monotonic() - began
    page = street.wait_page()
    took = time.monotonic() - began
    print(f"told {told:.2f} s, reachable {took:.2f} s")
    assert took < 2
    owner = street.wait_owner()
    assert page == owner.name
    arping = street.client("arping", "-c", "1", "-w", "2", "-I", "eth0", VIP,
                           check=False).stdout
    assert owner.mac in arping.lower(), arping
    # MetalLB's event and metric: of the one that has it, and once.
    street.wait_event("web", "nodeAssigned")
    time.sleep(0.5)
    events = street.events("web", "nodeAssigned")
    assert nodes_of(events) == [owner.name], events
    assert events[0]["note"] == (f'announcing from node "{owner.name}" with '
                                 'protocol "layer2"')
    assert announced(owner) == {
        'metallb_speaker_announced{service="default/web",protocol="layer2",'
        f'node="{owner.name}",ip="{VIP}"}}'}
    for node in street.nodes:
        assert node is owner or not announced(node)
    assert owner.metrics()[
        f'metallb_layer2_responses_sent{{ip="{VIP}"}}'] > 0
    # Nodes speak to each other under the Secret's key.
    for node in street.nodes:
        assert node.bgpd.json("show l2")["authenticated"]
        assert "not-to-be-seen" not in node.everything_it_says()
        wait_for(lambda n=node: watched(n) == ["up", "up"], 5,
                 say=street.say)
    assert watched(owner) == ["up", "up"]


def test_a_dead_node_is_followed_while_the_api_server_is_away(street):
    street.wait_address("web")
    owner = street.wait_owner()
    street.wait_event("web", "nodeAssigned")
    wait_for(lambda: street.page() == owner.name)
    street.plane.apiserver.pause()
    try:
        time.sleep(0.5)
        with Asker(street) as asker:
            time.sleep(0.3)
            began = time.monotonic()
            owner.bgpd.kill()
            at = wait_for(lambda: asker.first_after(began, owner.mac), 3,
                          0.01, say=street.say)
            time.sleep(0.3)
        print(f"followed after {(at - began) * 1000:.0f} ms")
        assert at - began < BOUND
        new = street.wait_owner()
        assert street.page() == new.name
        # One that comes back takes nothing back, and knows what it knew.
        owner.bgpd.start()
        with Asker(street) as asker:
            wait_for(lambda: street.l2(owner).get("owner") == new.name, 8,
                     say=street.say)
            time.sleep(0.5)
        assert asker.macs() == {new.mac} and asker.longest_gap() < 0.1
    finally:
        street.plane.apiserver.resume()
    with Asker(street) as asker:
        street.back()
        time.sleep(0.5)
    assert asker.macs() == {new.mac} and asker.longest_gap() < 0.1
    assert street.addresses("web") == [VIP]
    street.wait_event("web", "nodeAssigned", f'"{new.name}"', seconds=20)
    assert nodes_of(street.events("web", "nodeAssigned")) == [
        owner.name, new.name]


def test_local_traffic_is_where_the_endpoints_are(street):
    one, two, three = street.nodes
    street.wait_address("web")
    street.wait_owner()
    street.endpoints("web", (two.name, True))
    street.change("web", externalTrafficPolicy="Local")
    street.wait_owner(wanted=two)
    street.endpoints("web", (two.name, False), (three.name, True))
    street.wait_owner(wanted=three)
    street.forget()
    assert street.wait_page() == three.name
    # Nobody is ready: nobody answers, until somebody is.
    street.endpoints("web", (two.name, False), (three.name, False))
    wait_for(lambda: not street.owners(), 3, say=street.say)
    with Asker(street) as asker:
        time.sleep(0.3)
    assert not asker.answers
    assert not announced(three)
    street.endpoints("web", (one.name, True))
    street.wait_owner(wanted=one)


def test_a_drained_node_hands_over_without_a_gap(street):
    street.wait_address("web")
    owner = street.wait_owner()
    with Asker(street) as asker:
        time.sleep(0.2)
        street.label_node(owner.name, **{EXCLUDE: ""})
        new = wait_for(lambda: next(
            (n for n in street.owners() if n is not owner), None), 3, 0.02,
            say=street.say)
        time.sleep(0.3)
    print(f"drained, gap {asker.longest_gap() * 1000:.0f} ms")
    assert asker.macs() == {owner.mac, new.mac}
    assert asker.longest_gap() < 0.1
    assert street.wait_owner() is new
    # A node that goes is no candidate, and one that comes back is.
    street.plane.delete("Node", new.name)
    last = wait_for(lambda: next(
        (n for n in street.owners() if n not in (owner, new)), None), 3,
        0.02, say=street.say)
    new.bgpd.kill()
    street.label_node(owner.name, **{EXCLUDE: None})
    wait_for(lambda: "excluded" not in last.bgpd.sh("show l2 nodes"), 3)
    last.bgpd.kill()
    assert street.wait_owner() is owner
    street.plane.create(make_node(new.name, None, [new.address]))
    new.bgpd.start()
    wait_for(lambda: owner.bgpd.json("show l2 nodes")["nodes"].get(
        new.name, {}).get("verdict") == "alive", 5, say=street.say)
    assert street.wait_owner() is owner
    # Nobody took a node for a stranger.
    assert not street.events("web", "AddressConflict")
    assert street.condition("web", "Conflict")["status"] == "False"


def test_what_is_deleted_is_silent_at_once(street):
    street.wait_address("web")
    street.wait_owner()
    with Asker(street) as asker:
        time.sleep(0.2)
        began = time.monotonic()
        street.remove("web")
        time.sleep(1)
    assert asker.answers and asker.last() - began < 0.3
    assert not any(announced(n) for n in street.nodes)


# Strangers ---------------------------------------------------------------------------


def test_what_a_stranger_has_is_not_given(make_street):
    """It is found before the first use: the Service gets another one."""
    street = make_street().start()
    stranger = Stranger(street).settle()
    street.wait_leader()
    street.serve("web", on=[n.name for n in street.nodes])
    assert street.wait_address("web", "192.168.1.241") == "192.168.1.241"
    owner = street.wait_owner("192.168.1.241")
    assert street.wait_page("192.168.1.241") == owner.name
    event = street.wait_event("web", "AddressConflict", stranger.mac)
    assert event["type"] == "Warning" and f" {VIP} " in event["note"]
    assert street.count_events("web", "AddressConflict") == 1
    assert street.condition("web", "Conflict")["status"] == "False"
    # The next one does not get it, either; who asks for it is told.
    street.serve("next", on=[n.name for n in street.nodes])
    assert street.wait_address("next") == "192.168.1.242"
    street.serve("mine", port=81, loadBalancerIP=VIP)
    street.wait_failure("mine", "none of our nodes")


def test_who_asked_for_a_strangers_address_is_told_whose_it_is(make_street):
    street = make_street().start()
    stranger = Stranger(street).settle()
    street.wait_leader()
    street.serve("web", on=[n.name for n in street.nodes], loadBalancerIP=VIP)
    assert street.wait_address("web") == VIP
    street.wait_event("web", "AddressConflict", stranger.mac)
    said = wait_for(lambda: street.condition("web", "Conflict"), 3,
                    say=street.say)
    assert (said["status"], said["reason"]) == ("True", "AddressInUse")
    assert said["message"] == (f"{VIP} is in use by {stranger.mac}, which is "
                               "none of our nodes")
    # All nodes find it; one of them has told.
    time.sleep(3)
    assert street.count_events("web", "AddressConflict") == 1
    assert not street.owners()
    assert street.addresses("web") == [VIP]
    # The allocator's own word beside it stays.
    assert street.condition("web", "Allocated")["status"] == "True"


def test_what_is_in_use_is_defended_and_stays(street):
    street.wait_address("web")
    owner = street.wait_owner()
    mark = street.settled()
    stranger = Stranger(street)
    for _ in range(20):
        stranger.shout()
        time.sleep(0.02)
    street.wait_event("web", "AddressConflict", stranger.mac)
    wait_for(lambda: street.condition("web", "Conflict").get("status")
             == "True", 3, say=street.say)
    time.sleep(0.5)
    assert street.patches(mark) == 1
    assert street.count_events("web", "AddressConflict") == 1
    assert street.addresses("web") == [VIP] and street.wait_owner() is owner
    # Who takes over hears no stranger: it is over.
    owner.bgpd.kill()
    street.wait_owner()
    wait_for(lambda: street.condition("web", "Conflict")["status"] == "False",
             3, say=street.say)


# One node alone ----------------------------------------------------------------------


def test_one_node_that_restarts_asks_nobody_for_what_it_had(make_street):
    street = make_street(nodes=1).start()
    node = street.node
    street.wait_leader()
    street.serve("web")
    street.wait_address("web")
    street.wait_owner()
    station = street.station(street.client)
    for how in ("kill", "restart"):
        station.drain()
        with Asker(street) as asker:
            time.sleep(0.3)
            if how == "kill":
                node.bgpd.kill()
                node.bgpd.start()
            else:
                node.bgpd.sh("restart")
            time.sleep(1.5)
        print(f"{how}: gap {asker.longest_gap() * 1000:.0f} ms")
        assert asker.longest_gap() < 1
        probes = station.collect(0.1, kind="arp", op=1, spa="0.0.0.0")
        assert not probes, how
    # A new one is asked for, and no longer than that takes.
    station.drain()
    street.serve("new")
    began = time.monotonic()
    address = street.wait_address("new")
    street.wait_owner(address)
    print(f"new: {time.monotonic() - began:.2f} s")
    assert len(station.collect(0.1, kind="arp", op=1, spa="0.0.0.0",
                               tpa=address)) == 3
