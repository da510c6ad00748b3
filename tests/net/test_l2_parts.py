# SPDX-License-Identifier: ISC
"""Segments that fall apart: who keeps an address, who takes it, who is silent."""

import os
import time

import pytest

from asker import Asker
from ether import Station
from lab import wait_for
from segment import VIP
from team import Team

DETECTION = 0.150
BOUND = 0.300  # of a take-over, on a machine that others use as well
SLACK = 0.100


def others(team, *but):
    return [m for m in team.members if m not in but]


def hears_nothing(team, owner):
    team.lose(*[(m, owner) for m in others(team, owner)],
              (team.client, owner), (team.gateway, owner))


def is_heard_by_none(team, owner):
    team.lose(*[(owner, m) for m in others(team, owner)],
              (owner, team.client), (owner, team.gateway))


def heard_by_clients_alone(team, owner):
    team.lose(*[(owner, m) for m in others(team, owner)])


@pytest.mark.parametrize(
    "how", [hears_nothing, is_heard_by_none, heard_by_clients_alone])
def test_one_way(lab, how):
    """What is lost is lost one way; whom clients reach is followed by no two."""
    team = Team(lab).start()
    owner = team.wait_agreed()
    team.wait_seen()
    with Asker(team) as asker:
        time.sleep(0.2)
        began = time.monotonic()
        how(team, owner)
        found = wait_for(lambda: asker.first_after(began, but=owner.mac), 3,
                         0.01, say=team.say)
        time.sleep(0.7)
        parted = asker.macs(time.monotonic() - 0.3)
        team.mend()
        time.sleep(1.5)
    took = found[0] - began
    print(f"{how.__name__}: {took * 1000:.0f} ms, "
          f"both {asker.both() * 1000:.0f} ms")
    assert took < BOUND
    # One that clients hear stops when it hears of another.
    assert parted == {found[1]}
    assert asker.both() < DETECTION + SLACK
    assert asker.macs(time.monotonic() - 0.5) <= {found[1]}
    assert team.wait_agreed() is team.of_mac(found[1])
    assert asker.moves() == 1, asker.rounds()


def test_only_owner_and_successor_do_not_hear_each_other(lab):
    team = Team(lab).start()
    owner = team.wait_agreed()
    team.wait_seen()
    successor = team.next_of(owner)
    with Asker(team) as asker:
        team.part([owner], [successor])
        wait_for(lambda: successor.nodes()[owner.name]["bfd"] != "up", 3, 0.05,
                 say=team.say)
        time.sleep(1.5)
        seen = successor.nodes()[owner.name]
        assert seen["verdict"] == "alive", seen  # the third one says so
        team.mend()
        time.sleep(1)
    assert asker.macs() == {owner.mac}, team.say()
    assert asker.longest_pause() < 0.05
    assert team.wait_agreed() is owner


def parted_5(lab, knobs, owner_alone):
    """Five of which two go, with a client and the gateway; with the owner?"""
    team = Team(lab, 5, knobs)
    beyond = team.attach("beyond", "192.168.1.21/24")
    team.start()
    owner = team.wait_agreed()
    team.wait_seen()
    rest = others(team, owner)
    two = [owner, rest[0]] if owner_alone else rest[:2]
    three = [m for m in team.members if m not in two]
    return (team, owner, [*two, team.client, team.gateway],
            [*three, beyond], beyond)


@pytest.mark.parametrize("with_two", [True, False])
def test_two_and_three_are_available(lab, with_two):
    """Each part has one that answers, and the whole has one again."""
    team, owner, near, far, beyond = parted_5(lab, "", with_two)
    with Asker(team) as one, Asker(team, host=beyond) as other:
        theirs, ours = (other, one) if with_two else (one, other)
        time.sleep(0.2)
        began = time.monotonic()
        team.part(near, far)
        found = wait_for(lambda: theirs.first_after(began, but=owner.mac), 3,
                         0.01, say=team.say)
        time.sleep(1)
        assert ours.macs() == {owner.mac}
        assert theirs.macs(found[0]) == {found[1]}
        healed = time.monotonic()
        team.mend()
        time.sleep(2)
        late = time.monotonic() - 1
    took, both = found[0] - began, max(one.both(), other.both())
    print(f"parted: {took * 1000:.0f} ms; healed: both {both * 1000:.0f} ms")
    assert took < BOUND
    last = one.macs(late) | other.macs(late)
    assert len(last) == 1, team.say()
    assert team.wait_agreed().mac in last
    settled = max(a.last_of(mac) for a in (one, other)
                  for mac in {owner.mac, found[1]} - last)
    assert settled - healed < DETECTION + 0.05 + SLACK
    # Each client has seen it move once at most since then, the other not.
    assert sum(len([c for c in a.changes() if c > settled + 0.01])
               for a in (one, other)) <= 1


@pytest.mark.parametrize("with_two", [True, False])
def test_two_and_three_are_consistent(lab, with_two):
    team, owner, near, far, beyond = parted_5(
        lab, " partition consistent", with_two)
    with Asker(team) as one, Asker(team, host=beyond) as other:
        time.sleep(0.2)
        began = time.monotonic()
        team.part(near, far)
        time.sleep(1.5)
        team.mend()
        time.sleep(1.5)
    if not with_two:  # most are with it, and nothing happens
        assert one.macs() | other.macs() == {owner.mac}
        assert team.wait_agreed() is owner
        assert other.longest_pause() < 0.05
        return
    found = other.first_after(began, but=owner.mac)
    gone = max(one.last_of(owner.mac), other.last_of(owner.mac))
    print(f"gone after {(gone - began) * 1000:.0f} ms, "
          f"there after {(found[0] - began) * 1000:.0f} ms")
    assert gone < found[0], "two have answered"
    assert found[0] - began < BOUND + 0.2
    assert one.macs(found[0]) | other.macs(found[0]) == {found[1]}
    assert team.wait_agreed().mac == found[1]


def test_two_nodes_and_a_gateway(lab):
    """Whom the gateway answers has it; who reaches nobody is silent."""
    team = Team(lab, 2).start()
    owner = team.wait_agreed()
    team.wait_seen()
    peer = others(team, owner)[0]
    wait_for(lambda: all(m.bgpd.json("show l2 nodes")["gateway"] == "answers"
                         for m in team.members), say=team.say)
    with Asker(team) as asker:
        # The other is gone: nothing happens.
        team.part([peer], [owner, team.client, team.gateway])
        time.sleep(1)
        assert asker.macs() == {owner.mac}
        assert peer.show()["state"] in ("backup", "fenced"), peer.show()
        team.mend()
        team.wait_seen()
        # The owner is alone, but for clients.
        began = time.monotonic()
        team.part([owner], [peer, team.gateway])
        found = wait_for(lambda: asker.first_after(began, but=owner.mac), 3,
                         0.01, say=team.say)
        time.sleep(0.7)
        assert owner.bgpd.json("show l2")["silent"]
        healed = time.monotonic()
        team.mend()
        time.sleep(1.5)
    print(f"took {(found[0] - began) * 1000:.0f} ms, "
          f"both {asker.both() * 1000:.0f} ms")
    assert found[1] == peer.mac and found[0] - began < BOUND
    assert asker.both() < DETECTION + SLACK
    assert asker.macs(began + 0.5) == {peer.mac}
    assert asker.macs(healed) == {peer.mac}
    assert team.wait_agreed() is peer


def test_a_node_that_reaches_nobody_is_silent(lab):
    """The only witness is gone, too: no one can tell who is cut off."""
    team = Team(lab, 2).start()
    owner = team.wait_agreed()
    team.wait_seen()
    with Asker(team, VIP) as asker:
        team.part([owner], others(team, owner), [team.gateway])
        time.sleep(1)
        silent = asker.macs(time.monotonic() - 0.3)
        team.mend()
        team.wait_owner()
        time.sleep(0.5)
    assert silent == set(), team.say()
    assert len(asker.macs(time.monotonic() - 0.3)) == 1
    assert asker.both() == 0


def wait_probed(station, macs, seconds=5):
    """Each of them was heard to probe, before the other had all its answers."""
    heard, end = set(), time.monotonic() + seconds
    while heard != macs:
        left = end - time.monotonic()
        assert left > 0, heard
        found = station.collect(left, 1, kind="arp", spa="0.0.0.0", tpa=VIP)
        heard |= {f["sha"] for f in found} & macs


def test_two_start_at_once_and_hear_the_others_probes_first(lab):
    """A node that is not known yet is no stranger, and its address no other."""
    team = Team(lab, 2).start()
    team.wait_agreed()
    for _ in range(5):
        for member in team.members:
            member.bgpd.kill()
            os.unlink(member.host.path("k8s.state"))  # never used before
        team.lose_all_but_probes(*team.members)
        for member in team.members:
            member.host.ip("neigh", "flush", "all")
        station = Station(team.client)
        for member in team.members:
            member.again(wait=False)
        wait_probed(station, {m.mac for m in team.members})
        station.close()
        time.sleep(0.1)
        team.mend()
        team.wait_agreed()
    for member in team.members:
        assert "none of our nodes" not in member.bgpd.read_log(), team.say()
        assert set(member.bgpd.json("show l2")["addresses"]) == {VIP}
