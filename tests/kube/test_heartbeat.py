# SPDX-License-Identifier: ISC
"""A Lease of each node, as the slow witness: who renews, who is seen not to."""

import contextlib
import signal
import threading
import time

import pytest

from lab import wait_for
from street import Asker, Street, VIP
from world import SPACE, USER, World

DURATION, RENEW = 15, 5  # seconds
SEEN = DURATION + RENEW + 2  # after the last renewal, by the next of our own
BFD = "udp dport 3784 drop"
BOUND = 0.3


@pytest.fixture
def make_street(lab, site):
    made = []

    def make(**how):
        made.append(Street(lab, site, **how))
        return made[-1]
    yield make
    for street in made:
        street.close()


def began(street):
    """A Service that one node carries, and all are seen to renew."""
    street.start()
    street.wait_leader()
    street.serve("web", on=[n.name for n in street.nodes])
    street.wait_address("web")
    for node in street.nodes:
        wait_for(lambda n=node: set(leases(n).values()) == {"alive"},
                 3 * RENEW, say=street.say)
    return street.wait_owner()


def leases(node):
    """What it makes of the Leases of all nodes, itself too."""
    return {name: said["lease"] for name, said in
            node.bgpd.json("show l2 nodes")["nodes"].items()}


def lease_of(street, name):
    return street.plane.get("Lease", "fairway-node-" + name, SPACE)


@contextlib.contextmanager
def watching(*nodes):
    """Everything that these said of Leases meanwhile: {(node, of, what)}."""
    said, over = set(), threading.Event()

    def run():
        while not over.wait(0.2):
            for node in nodes:
                said.update((node.name, of, what)
                            for of, what in leases(node).items())
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield said
    finally:
        over.set()
        thread.join()


def test_a_node_that_dies_is_seen_by_its_lease(make_street):
    street = make_street()
    began(street)
    first, second, third = street.nodes
    for node in street.nodes:
        made = lease_of(street, node.name)
        owner, = made["metadata"]["ownerReferences"]
        assert (owner["apiVersion"], owner["kind"], owner["name"]) == (
            "v1", "Node", node.name)
        assert owner["uid"] == street.plane.get(
            "Node", node.name)["metadata"]["uid"]
        assert made["spec"]["leaseDurationSeconds"] == DURATION
        assert made["spec"]["holderIdentity"].split("_")[0] == node.name
        said = node.k8s()["nodeLeases"]
        assert (said["alive"], said["gone"], said["unknown"]) == (3, 0, 0)
        assert "Leases of nodes: 3 alive" in node.bgpd.sh("show k8s")
    # What that costs: a write of each node in five seconds, and no reads.
    mark = street.settled()
    time.sleep(4 * RENEW)
    asked = {key[1:]: n for key, n in street.plane.audit.table(
        mark, USER).items() if key[2] == "leases"}
    leader = 4 * RENEW // 2 + 1  # of the one that gives addresses
    assert set(asked) == {("update", "leases")}, asked
    assert 9 <= asked["update", "leases"] <= 15 + leader, asked
    # It dies. BFD sees that at once, its Lease later, and a new life at once.
    third.bgpd.kill()
    at = time.monotonic()
    wait_for(lambda: leases(first)[third.name] == "gone", SEEN,
             say=street.say)
    took = time.monotonic() - at
    print(f"gone after {took:.1f} s")
    assert took > DURATION - RENEW - 1
    wait_for(lambda: leases(second)[third.name] == "gone", RENEW + 1,
             say=street.say)
    assert leases(first)[first.name] == leases(first)[second.name] == "alive"
    third.bgpd.start()
    wait_for(lambda: leases(first)[third.name] == "alive", 2 * RENEW,
             say=street.say)
    # A restart keeps it; a stop gives it back, and that is seen at once.
    with watching(first, second) as said:
        third.bgpd.sh("restart")
        time.sleep(2)
        third.wait_synced()
    assert not {s for s in said if s[2] == "gone"}, said
    # So does who reads another source: what it told of the old one stands.
    since = lease_of(street, third.name)["spec"]["acquireTime"]
    with watching(first, second) as said:
        third.bgpd.reconfigure(
            third.conf("load-balancer-class example.com/x"))
        time.sleep(2)
        third.wait_synced()
        wait_for(lambda: set(leases(third).values()) == {"alive"},
                 3 * RENEW, say=street.say)
    assert not {s for s in said if s[2] == "gone"}, said
    assert lease_of(street, third.name)["spec"]["acquireTime"] == since
    assert third.bgpd.kill(signal.SIGTERM) == 0
    assert lease_of(street, third.name)["spec"]["holderIdentity"] == ""
    wait_for(lambda: leases(first)[third.name] == "gone", 2, say=street.say)


def wall(nodes, text):
    for node in nodes:
        node.host("nft", "-f", "-", input="table inet wall\n"
                  "delete table inet wall\n" + text)


def bfd_between(one, other):
    return {n.bgpd.json("show l2 nodes")["nodes"][m.name]["bfd"]
            for n, m in ((one, other), (other, one))}


@pytest.mark.parametrize("nodes", [2, 3])
def test_bfd_is_blocked_while_both_renew(make_street, nodes):
    """A firewall between two nodes takes BFD alone. A third one sees both, and
    nothing moves. Where there is none, the silence of BFD may move an address
    once; then both hear each other by messages, and it rests."""
    street = make_street(nodes=nodes)
    owner = began(street)
    other = next(n for n in street.nodes if n is not owner)
    wait_for(lambda: bfd_between(owner, other) == {"up"}, 5, say=street.say)
    with watching(*street.nodes) as said:
        with Asker(street) as asker:
            wall((owner, other), "".join(
                f"add table inet wall\nadd chain inet wall {way} "
                f"{{ type filter hook {way} priority 0; }}\n"
                f"add rule inet wall {way} ip {side} {peer.address} {BFD}\n"
                for way, side in (("input", "saddr"), ("output", "daddr"))
                for peer in (owner, other)))
            wait_for(lambda: "up" not in bfd_between(owner, other), 3,
                     say=street.say)
            time.sleep(1)
        macs = {owner.mac} if nodes == 3 else {owner.mac, other.mac}
        assert asker.macs() <= macs and asker.longest_gap() < BOUND
        now = street.wait_owner()
        assert nodes == 2 or now is owner
        with Asker(street) as asker:
            time.sleep(DURATION + RENEW)
        assert (asker.macs() == {now.mac} and asker.longest_gap() < 1
                ), street.say()
        assert "up" not in bfd_between(owner, other)
        with Asker(street) as asker:
            wall((owner, other), "")
            wait_for(lambda: bfd_between(owner, other) == {"up"}, 5,
                     say=street.say)
            time.sleep(1)
        assert asker.macs() == {now.mac} and asker.longest_gap() < 1
    assert street.wait_owner() is now
    assert not {s for s in said if s[2] != "alive"}, said


def test_two_nodes_without_a_gateway(make_street):
    """The router is gone, then the owner: a cut cable would look the same, until
    the Lease of the dead one has run out."""
    street = make_street(nodes=2)
    owner = began(street)
    other = next(n for n in street.nodes if n is not owner)
    street.above.ip("addr", "del", "192.168.1.1/24", "dev", "lan")
    for node in street.nodes:
        wait_for(lambda n=node: n.bgpd.json("show l2 nodes")["gateway"]
                 == "lost", 20, say=street.say)
    assert street.wait_owner() is owner
    with Asker(street) as asker:
        owner.bgpd.kill()
        at = time.monotonic()
        found = wait_for(lambda: asker.first_after(at + 0.2, owner.mac),
                         SEEN + 2, 0.05, say=street.say)
    print(f"taken after {found - at:.1f} s")
    assert DURATION - RENEW - 1 < found - at
    assert asker.macs() >= {other.mac}
    assert leases(other)[owner.name] == "gone"
    # It is back, with the router away: one of them has it.
    owner.bgpd.start()
    wait_for(lambda: leases(other)[owner.name] == "alive", 2 * RENEW,
             say=street.say)
    assert street.wait_owner() is other


def test_while_the_api_server_is_away_nobody_is_gone(make_street):
    street = make_street()
    owner = began(street)
    with Asker(street) as asker, watching(*street.nodes) as said:
        street.plane.apiserver.pause()
        try:
            for node in street.nodes:
                wait_for(lambda n=node: set(leases(n).values()) == {
                    "unknown"}, 2 * RENEW + 3, say=street.say)
            time.sleep(DURATION)
        finally:
            street.plane.apiserver.resume()
        for node in street.nodes:
            wait_for(lambda n=node: set(leases(n).values()) == {"alive"},
                     60, say=street.say)
        time.sleep(RENEW)
    assert not {s for s in said if s[2] == "gone"}, said
    assert asker.macs() == {owner.mac} and asker.longest_gap() < 1


def test_without_layer_2_there_is_no_lease_of_a_node(make_world):
    world: World = make_world().start()
    world.wait_leader()
    time.sleep(RENEW + 1)
    names = {one["metadata"]["name"]
             for one in world.plane.list("Lease", SPACE)}
    assert names == {"fairway-allocator"}
    assert "nodeLeases" not in world.node.k8s()
    # The pool comes: so does the Lease.
    world.configure("address-pools:\n- name: l2\n  protocol: layer2\n"
                    f"  addresses: [{VIP}/32]\n")
    wait_for(lambda: world.node.k8s().get("nodeLeases", {}).get("alive"),
             4 * RENEW, say=world.say)
    # One line, and there is none any more.
    world.node.bgpd.reconfigure(world.node.conf("node-leases off"))
    wait_for(lambda: "nodeLeases" not in world.node.k8s(), 5, say=world.say)
    world.node.wait_synced()
    time.sleep(RENEW + 1)
    assert "nodeLeases" not in world.node.k8s()
    assert " node-leases off" in world.node.bgpd.sh("show running-config")
