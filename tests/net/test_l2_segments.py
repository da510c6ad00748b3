# SPDX-License-Identifier: ISC
"""Nodes on two segments: who is dead on the one keeps what is on the other."""

import time

import pytest

from asker import Asker
from lab import wait_for
from segment import VIP
from team import Team

FAR = "192.168.2.240"
FAR6 = "2001:db8:2::240"  # of the subnet that eth1 has as well
OFF = "203.0.113.240"  # of no subnet
NEAR_NET = "192.168.1.0/24"
FAR_NET = "192.168.2.0/24"
LATE = "192.168.2.241"
BOUND = 0.300  # of a move, on a machine that others use as well
QUIET = 0.100  # no answer for so long: no move is that fast
POOLS = """apiVersion: v1
kind: ConfigMap
metadata:
  namespace: metallb-system
  name: config
data:
  config: |
    address-pools:
    - name: default
      protocol: layer2
      addresses:
      - 192.168.1.240-192.168.1.250
    - name: far
      protocol: layer2
      addresses:
      - 192.168.2.240-192.168.2.250
"""


MORE = """    - name: more
      protocol: layer2
      addresses:
      - 2001:db8:2::240-2001:db8:2::24f
      - 203.0.113.240/28
"""


class FarAsker(Asker):
    """Asks on the other segment, as stations of its subnet."""

    def __init__(self, team, addr=FAR):
        super().__init__(team, addr, name="eth1")
        for face in self.faces:
            face.addr = face.addr.replace("192.168.1.", "192.168.2.")
            face.addr6 = face.addr6.replace("2001:db8:1:", "2001:db8:2:")


class Pair(Team):
    """A second bridge, where each node and the client have their eth1."""

    def __init__(self, lab, count=3, knobs="", far_gateway=False):
        super().__init__(lab, count, knobs)
        self.switch.ip("link", "add", "br1", "type", "bridge")
        self.switch.ip("link", "set", "br1", "up")
        self.far_port(self.client, 20)
        for i, member in enumerate(self.members):
            member.far = self.far_port(member.host, 10 + i)
            member.far_mac = self.mac(member.host, "eth1")
        if far_gateway:
            self.far_gateway = self.far_port(self.gateway, 1)
            for member in self.members:
                member.host.ip("route", "add", "default", "via",
                               "192.168.2.1", "metric", "500")

    def far_port(self, host, number):
        port = "far" + host.port
        self.lab.cable(
            host, self.switch,
            f"192.168.2.{number}/24 2001:db8:2::{number}/64", "", "eth1", port)
        self.switch.ip("link", "set", port, "master", "br1")
        return port

    def forward(self, port, on):
        """Through that port of a bridge; its link stays as it is."""
        self.switch("nft", "-f", "-", input="flush ruleset\n" + (
            "" if on else "table bridge dead { chain forward { type filter "
            f'hook forward priority 0; iifname "{port}" drop; '
            f'oifname "{port}" drop; }}; }}\n'))

    def halve(self, some, others):
        """The second bridge falls into two; the client is on either."""
        rules = "".join(
            f'iifname "{a.far}" oifname "{b.far}" drop; '
            f'iifname "{b.far}" oifname "{a.far}" drop; '
            for a in some for b in others)
        self.switch("nft", "-f", "-", input="flush ruleset\n"
                    "table bridge dead { chain forward { type filter "
                    f"hook forward priority 0; {rules}}}; }}\n")

    def begin(self):
        self.serve("far", loadBalancerIP=FAR)
        self.start(POOLS)
        self.wait_seen()
        wait_for(lambda: all(self.sees_far(m, o) for m in self.members
                             for o in self.members if o is not m), 15, 0.1,
                 say=self.say)
        return self.wait_agreed(VIP), self.wait_agreed(FAR)

    def begin_with(self, addr):
        """With that one as well; its owner."""
        self.serve("more", loadBalancerIP=addr, **(
            {"ipFamilies": ["IPv6"]} if ":" in addr else {}))
        self.serve("far", loadBalancerIP=FAR)
        self.start(POOLS + MORE)
        if not self.knobs:  # else the gateway's interface is not asked
            self.wait_seen()
        wait_for(lambda: all(self.sees_far(m, o) for m in self.members
                             for o in self.members if o is not m), 15, 0.1,
                 say=self.say)
        self.wait_agreed(FAR)
        return self.wait_agreed(addr)

    def sees_far(self, member, other):
        told = member.nodes().get(other.name, {}).get("segments", {}).get(
            "eth1", {})
        return told.get("bfd") == "up" and told["verdict"] == "alive"

    def segment(self, member, net=FAR_NET):
        found = member.bgpd.json("show l2 interfaces")["interfaces"]
        return found["eth0" if net == NEAR_NET else "eth1"]["segments"][net]

    def of_far(self, mac):
        return next(m for m in self.members if m.far_mac == mac)


@pytest.mark.parametrize("knobs", ["", " partition consistent"])
def test_a_dead_segment_loses_its_addresses_alone(lab, knobs):
    team = Pair(lab, 3, knobs)
    near, far = team.begin()
    with FarAsker(team) as there, Asker(team, VIP) as here:
        time.sleep(0.3)
        assert there.macs() == {far.far_mac}
        began = time.monotonic()
        team.forward(far.far, False)
        found = wait_for(lambda: there.first_after(began, but=far.far_mac), 3,
                         0.01, say=team.say)
        time.sleep(1)
        team.forward(far.far, True)
        time.sleep(4)
    took = found[0] - began
    print(f"moved in {took * 1000:.0f} ms, both {there.both() * 1000:.0f} ms")
    new = team.of_far(found[1])
    assert took < BOUND
    assert there.both() < 0.05, there.rounds()
    assert there.moves() == 1, there.rounds()
    assert here.macs() == {near.mac}
    assert here.longest_gap() < QUIET
    assert team.wait_agreed(FAR) is new
    assert team.wait_agreed(VIP) is near
    wait_for(lambda: team.sees_far(new, far), 5, 0.1, say=team.say)


def test_what_is_shown(lab):
    team = Pair(lab)
    near, far = team.begin()
    other = next(m for m in team.members if m is not far)
    # All is well: both segments, and who is on them.
    near_shown, far_shown = team.segment(other, NEAR_NET), team.segment(other)
    assert near_shown["gateway"] == "answers"
    assert far_shown["gateway"] == "none"
    assert far_shown["link"] and near_shown["link"]
    assert set(far_shown["nodes"].values()) == {"alive"}
    assert other.explain(FAR)["segments"] == {"192.168.2.0/24": True}
    assert other.explain(VIP)["segments"] == {"192.168.1.0/24": True}
    team.forward(far.far, False)
    wait_for(lambda: team.segment(other)["nodes"][far.name] == "dead", 3,
             0.05, say=team.say)
    assert other.nodes()[far.name]["verdict"] == "alive"
    assert other.nodes()[far.name]["segments"]["eth1"]["bfd"] == "down"
    why = other.explain(FAR)["candidates"][far.name]["why"]
    assert why.endswith("not alive on the segment of the address"), why
    assert "segment" not in other.explain(VIP)["candidates"][far.name]["why"]
    text = other.bgpd.sh("show l2 interfaces")
    assert f"on its segment, {far.name}: dead" in text
    assert "Segment 192.168.2.0/24" in other.bgpd.sh("show l2 explain " + FAR)


def test_the_nodes_own_segment_is_dead(lab):
    """Messages go by the other one, where the address stays."""
    team = Pair(lab)
    near, far = team.begin()
    with FarAsker(team) as there, Asker(team, VIP) as here:
        time.sleep(0.3)
        began = time.monotonic()
        team.forward(near.host.port, False)
        found = wait_for(lambda: here.first_after(began, but=near.mac), 3,
                         0.01, say=team.say)
        time.sleep(1)
        team.forward(near.host.port, True)
        time.sleep(3)
    print(f"moved in {(found[0] - began) * 1000:.0f} ms")
    assert found[0] - began < BOUND
    assert here.moves() == 1, here.rounds()
    assert there.macs() == {far.far_mac}
    assert there.longest_gap() < QUIET
    assert team.wait_agreed(VIP) is team.of_mac(found[1])


def test_a_cable_is_pulled(lab):
    team = Pair(lab)
    near, far = team.begin()
    with FarAsker(team) as there, Asker(team, VIP) as here:
        time.sleep(0.3)
        began = time.monotonic()
        team.switch.ip("link", "set", far.far, "down")
        found = wait_for(lambda: there.first_after(began, but=far.far_mac), 3,
                         0.01, say=team.say)
        time.sleep(0.5)
        team.switch.ip("link", "set", far.far, "up")
        time.sleep(4)
    print(f"moved in {(found[0] - began) * 1000:.0f} ms")
    assert found[0] - began < BOUND
    assert there.moves() == 1, there.rounds()
    assert here.macs() == {near.mac}
    assert team.wait_agreed(FAR) is team.of_far(found[1])


@pytest.mark.parametrize("addr, knobs, side", [
    (FAR6, "", "eth1"), (OFF, " interface eth1", "eth1"), (OFF, "", "eth0"),
    (OFF, "", "eth1")])
def test_a_cable_is_pulled_of_other_addresses(lab, addr, knobs, side):
    """Of the subnet of IPv6, or of none at all: they move as well."""
    team = Pair(lab, 3, knobs)
    owner = team.begin_with(addr)
    if side == "eth1":
        asker, mac, port = FarAsker(team, addr), owner.far_mac, owner.far
    else:
        asker, mac, port = Asker(team, addr), owner.mac, owner.host.port
    with asker as there:
        time.sleep(0.3)
        assert there.macs() == {mac}, team.say()
        began = time.monotonic()
        team.switch.ip("link", "set", port, "down")
        found = wait_for(lambda: there.first_after(began, but=mac), 3, 0.01,
                         say=team.say)
        time.sleep(0.5)
        if side == "eth1":
            shown = team.segment(owner)
            assert not shown["link"]
            assert shown["nodes"][owner.name] == "no link"
        team.switch.ip("link", "set", port, "up")
        time.sleep(4)
    print(f"moved in {(found[0] - began) * 1000:.0f} ms")
    assert found[0] - began < BOUND
    assert there.moves() == 1, there.rounds()
    assert team.wait_agreed(addr) is not owner


def test_the_interface_is_gone(lab):
    """What only it could carry is carried nowhere here."""
    team = Pair(lab, 3, " interface eth1")
    owner = team.begin_with(OFF)
    with FarAsker(team, OFF) as there:
        time.sleep(0.3)
        began = time.monotonic()
        owner.host.ip("link", "del", "eth1")
        found = wait_for(lambda: there.first_after(began, but=owner.far_mac),
                         3, 0.01, say=team.say)
    print(f"moved in {(found[0] - began) * 1000:.0f} ms")
    assert found[0] - began < BOUND
    new = team.wait_agreed(OFF)
    assert new is not owner
    why = owner.explain(OFF)["candidates"][owner.name]["why"]
    assert why == "no interface of this node can carry it", why


def test_one_more_address_moves_nothing(lab):
    """Lower than what is told, it is of another subnet."""
    team = Pair(lab)
    near, far = team.begin()
    with FarAsker(team) as there:
        time.sleep(0.3)
        far.host.ip("addr", "add", "10.9.9.9/24", "dev", "eth1")
        time.sleep(1)
        assert "restarts" in far.bgpd.sh("restart")
        time.sleep(4)
    assert there.macs() == {far.far_mac}, team.say()
    assert team.wait_agreed(FAR) is far
    assert FAR_NET in far.bgpd.sh("show l2 interfaces")


@pytest.mark.parametrize("knobs", ["", " partition consistent"])
def test_a_restart_moves_nothing(lab, knobs):
    """BFD is slow to come up again, on one segment after the other."""
    team = Pair(lab, 3, knobs)
    near, far = team.begin()
    with FarAsker(team) as there, Asker(team, VIP) as here:
        time.sleep(0.3)
        for member in {near, far}:
            assert "restarts" in member.bgpd.sh("restart")
            time.sleep(4)
    assert there.macs() == {far.far_mac}, team.say()
    assert here.macs() == {near.mac}, team.say()
    for member in team.members:
        for other in team.members:
            if other is not member:
                wait_for(lambda m=member, o=other: team.sees_far(m, o), 5,
                         0.1, say=team.say)


def test_news_go_by_every_segment(lab):
    """Messages do not reach the owner on the one, BFD does: it hears the claim."""
    team = Pair(lab)
    near, far = team.begin()
    with Asker(team, VIP) as here:
        time.sleep(0.3)
        near.host("nft", "-f", "-", input="table inet deaf { chain in { type "
                  "filter hook input priority 0; iifname eth0 udp dport 7946 "
                  "drop; }; }\n")
        assert "1 addresses" in near.bgpd.sh(f"handover address {VIP}")
        new = team.wait_owner(but=near)
        time.sleep(1)
    assert here.macs() == {near.mac, new.mac}
    print(f"two answered for {here.both() * 1000:.0f} ms")
    assert here.moves() == 1 and here.both() < QUIET, here.rounds()


def test_two_nodes_and_the_gateway_there(lab):
    """Whom the gateway of the segment answers has it; the other is silent."""
    team = Pair(lab, 2, far_gateway=True)
    near, far = team.begin()
    other = next(m for m in team.members if m is not far)
    wait_for(lambda: all(team.segment(m)["gateway"] == "answers"
                         for m in team.members), 5, 0.1, say=team.say)
    with FarAsker(team) as there, Asker(team, VIP) as here:
        time.sleep(0.3)
        # The other is cut off: nothing happens.
        team.forward(other.far, False)
        time.sleep(1)
        assert there.macs() == {far.far_mac}
        team.forward(other.far, True)
        wait_for(lambda: team.sees_far(far, other), 5, 0.1, say=team.say)
        time.sleep(0.5)
        began = time.monotonic()
        team.forward(far.far, False)
        found = wait_for(lambda: there.first_after(began, but=far.far_mac), 3,
                         0.01, say=team.say)
        time.sleep(1)
        shown = team.segment(far)
        assert shown["nodes"][far.name] == "silent", shown
        team.forward(far.far, True)
        time.sleep(3)
    print(f"moved in {(found[0] - began) * 1000:.0f} ms")
    assert found[0] - began < BOUND + 0.1
    assert there.moves() == 1, there.rounds()
    assert here.macs() == {near.mac}
    assert team.wait_agreed(FAR) is other


@pytest.mark.parametrize("knobs", ["", " partition consistent"])
def test_halves(lab, knobs):
    """Nothing moves, and what is nobody's yet is taken."""
    team = Pair(lab, 4, knobs)
    near, far = team.begin()
    with FarAsker(team) as there, Asker(team, VIP) as here:
        time.sleep(0.3)
        team.halve(team.members[:2], team.members[2:])
        wait_for(lambda: team.members[0].nodes()[team.members[2].name]
                 ["segments"]["eth1"]["bfd"] == "down", 5, 0.05, say=team.say)
        time.sleep(2)
        team.serve("late", loadBalancerIP=LATE)
        late = team.wait_agreed(LATE)
        time.sleep(2)
    assert there.macs() == {far.far_mac}, team.say()
    assert there.longest_gap() < QUIET
    assert here.macs() == {near.mac}
    assert team.wait_agreed(LATE) is late
    assert team.wait_agreed(FAR) is far


def test_one_segment_says_nothing_of_it(lab):
    """Its messages and its shows are as they were."""
    team = Team(lab).start()
    team.wait_agreed()
    for member in team.members:
        assert "segment" not in member.bgpd.sh("show l2 interfaces json")
        assert all("segments" not in n for n in member.nodes().values())
        assert "segments" not in member.explain()


def test_more_segments_than_are_watched(lab):
    """The ninth is said and shown, and its address carried all the same."""
    team = Pair(lab, 2)
    nets = [f"192.168.{30 + i}" for i in range(9)]
    for i, member in enumerate(team.members):
        for net in nets:
            member.host.ip("addr", "add", f"{net}.{10 + i}/24", "dev", "eth1")
    pools = POOLS.replace("192.168.2.240-", "".join(
        f"{net}.240/32\n      - " for net in nets) + "192.168.2.240-")
    for net in nets:
        team.serve("s" + net[-2:], loadBalancerIP=f"{net}.240")
    team.start(pools, ())
    for net in nets:
        team.wait_agreed(f"{net}.240")
    for member in team.members:
        wait_for(lambda: "are watched" in member.bgpd.read_log(), 5, 0.1)
        assert member.bgpd.read_log().count("are watched") == 1
        assert f"dead on {nets[-1]}.0/24 of eth1" in member.bgpd.read_log()
        shown = member.bgpd.json("show l2 interfaces")["interfaces"]["eth1"]
        assert shown["segments"][f"{nets[-1]}.0/24"] == {"watched": False}
        assert "gateway" in shown["segments"][f"{nets[0]}.0/24"]
        assert (f"segment {nets[-1]}.0/24: not watched, as there are more "
                "than 8") in member.bgpd.sh("show l2 interfaces")
    # It follows the life of its owner.
    last = f"{nets[-1]}.240"
    owner = team.wait_agreed(last)
    owner.bgpd.kill()
    assert team.wait_owner(last, 3) is not owner
