# SPDX-License-Identifier: ISC
"""A switch that snoops MLD knows the next owner before it must."""

import json
import time

import pytest

from asker import Asker
from ether import solicited_node
from lab import wait_for
from segment import VIP6
from team import Team

BOUND = 0.300  # of a take-over, on a machine that others use as well
MLD2_REPORT = 143


@pytest.fixture
def team(lab):
    """Two services of IPv6 on a bridge that snoops and asks who is there."""
    team = Team(lab)
    # Hundredths of a second: the first round is over soon, and others follow.
    team.switch.ip("link", "set", "br0", "type", "bridge",
                   "mcast_snooping", "1", "mcast_mld_version", "2",
                   "mcast_query_response_interval", "100",
                   "mcast_query_interval", "300",
                   "mcast_startup_query_interval", "100",
                   "mcast_querier", "1")
    return team.start(services=["six"])


def ports(team, addr=VIP6):
    """Where the bridge forwards questions for it."""
    told = json.loads(
        team.switch("bridge", "-j", "mdb", "show", "dev", "br0").stdout)
    return {e["port"] for entry in told for e in entry.get("mdb", [])
            if e["grp"] == solicited_node(addr)}


def wait_ports(team, *members):
    want = {m.host.port for m in members}
    wait_for(lambda: ports(team) == want, 12, 0.1,
             say=lambda: f"{want}: {ports(team)}\n{team.say()}")


def wait_snooped(team, other):
    """Who is in no group is asked nothing: the bridge has begun to snoop."""
    station = team.station(other.host)

    def hears():
        station.drain()
        return bool(station.collect(0.2, 1, kind="ns", target=VIP6))
    wait_for(lambda: not hears(), 15, 0.1, say=team.say)
    station.close()


def lose_reports(team):
    team.switch("nft", "-f", "-", input="""
table bridge reports { chain in { type filter hook prerouting priority 0;
 icmpv6 type %d counter drop; }; }""" % MLD2_REPORT)


def test_the_next_is_known_to_a_switch_that_snoops(team):
    """No report needs to be heard for a takeover; who is ready is silent."""
    owner = team.wait_agreed(VIP6)
    team.wait_seen()
    successor = team.next_of(owner, VIP6)
    third = next(m for m in team.members if m not in (owner, successor))
    for member in team.members:
        assert member.show(VIP6)["next"] == successor.name
        assert member.show(VIP6)["prejoined"] == (member is successor)
        told = member.bgpd.sh("show l2 explain " + VIP6)
        assert f"Next {successor.name}" in told
        assert ("is ready" in told) == (member is successor)
    wait_ports(team, owner, successor)
    with Asker(team, VIP6) as asker:
        wait_snooped(team, third)
        assert asker.macs() == {owner.mac}
        lose_reports(team)
        began = time.monotonic()
        owner.bgpd.kill()
        found = wait_for(lambda: asker.first_after(began, but=owner.mac), 3,
                         0.01, say=team.say)
        time.sleep(0.3)
    print(f"{(found[0] - began) * 1000:.0f} ms")
    assert found[1] == successor.mac
    assert found[0] - began < BOUND
    assert asker.both() == 0
    # Another one is next now, and that is heard of when reports are.
    assert team.next_of(successor, VIP6) is third
    team.mend()
    wait_for(lambda: third.host.port in ports(team), 12, 0.1, say=team.say)


def test_who_is_next_no_more_leaves(team):
    """A node that is cut off is not next; who has it by order is next again."""
    owner = team.wait_agreed(VIP6)
    team.wait_seen()
    successor = team.next_of(owner, VIP6)
    third = next(m for m in team.members if m not in (owner, successor))
    wait_ports(team, owner, successor)
    successor.bgpd.kill()
    wait_for(lambda: third.show(VIP6)["prejoined"], 3, 0.05, say=team.say)
    wait_ports(team, owner, third)
    successor.again()
    wait_for(lambda: successor.show(VIP6).get("prejoined")
             and not third.show(VIP6)["prejoined"], 8, 0.05, say=team.say)
    wait_ports(team, owner, successor)
    # By order of an operator: who had it is next.
    owner.bgpd.sh(f"handover address {VIP6} {third.name}")
    wait_for(lambda: third.show(VIP6)["mine"], 3, 0.05, say=team.say)
    first = team.next_of(third, VIP6)
    assert first in (owner, successor)
    wait_ports(team, third, first)
