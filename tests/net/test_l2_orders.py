# SPDX-License-Identifier: ISC
"""What operators order and strangers do: elections, settling, keys, restarts."""

import collections
import signal
import socket
import time

from asker import APART, Asker, Echo, Stream, kube_proxy
from ether import BROADCAST, arp, inside
from lab import wait_for
from segment import VIP, VIP6
from team import Team

NINE = [f"web{i}" for i in range(9)]
VIPS = [f"192.168.1.{240 + i}" for i in range(9)]


def shares(team, vips):
    """Node to number of addresses, once all agree."""
    def look():
        said = [{a: m.show(a).get("owner") for a in vips}
                for m in team.living()]
        return None not in said[0].values() and all(
            s == said[0] for s in said) and said[0]
    found = wait_for(look, 15, 0.1, say=team.say)
    return found, collections.Counter(found.values())


def test_hash_strict_goes_back_after_settling(lab):
    team = Team(lab, knobs=" election hash strict\n").start()
    first = team.wait_agreed()
    team.wait_seen()
    with Asker(team) as asker:
        first.bgpd.kill()
        second = team.wait_owner()
        first.again()
        team.wait_seen()
        time.sleep(1)
        assert team.wait_agreed() is second  # it is not settled
        assert not second.nodes()[first.name]["settled"]
        began = time.monotonic()
        second.bgpd.sh("l2 settle")
        wait_for(lambda: first.show().get("mine"), 2, 0.02, say=team.say)
        time.sleep(0.3)
        time.sleep(APART)
        assert asker.macs(began + 0.3) == {first.mac}
        # The same by itself, when the time is over.
        team.knobs += " settling 2\n"
        for member in team.members:
            member.bgpd.reconfigure(team.conf(member))
        first.bgpd.kill()
        assert team.wait_owner() is second
        first.again()
        team.wait_seen()
        back = time.monotonic()
        wait_for(lambda: first.show().get("mine"), 5, 0.02, say=team.say)
        assert time.monotonic() - back > 1
        time.sleep(APART)
    assert asker.macs() == {first.mac, second.mac}
    assert asker.both() < 0.05


def test_balanced_spreads_and_is_sticky(lab):
    team = Team(lab, knobs=" election balanced\n").start(services=NINE)
    before, count = shares(team, VIPS)
    assert sorted(count.values()) == [3, 3, 3], before
    # One more changes nothing.
    team.join()
    team.wait_seen()
    time.sleep(1)
    after, _ = shares(team, VIPS)
    assert after == before
    # Of one that dies, all go, and evenly.
    lost = team.members[0]
    lost.bgpd.kill()
    wait_for(lambda: lost.name not in shares(team, VIPS)[1], 3, say=team.say)
    after, count = shares(team, VIPS)
    assert all(after[a] == o for a, o in before.items() if o != lost.name)
    assert max(count.values()) <= 4, count


def test_handover_of_a_node(lab):
    team = Team(lab, knobs=" election balanced\n").start(services=NINE)
    before, _ = shares(team, VIPS)
    team.wait_seen()
    node = team.members[1]
    mine = [a for a in VIPS if before[a] == node.name]
    with Asker(team, mine[0]) as asker:
        time.sleep(0.2)
        assert "3 addresses" in node.bgpd.sh("handover node")
        wait_for(lambda: not any(node.show(a)["mine"] for a in VIPS), 3, 0.02,
                 say=team.say)
        after, _ = shares(team, VIPS)
        time.sleep(APART)
        # And one of them to a node that is named.
        there = next(m for m in team.members
                     if m.name not in (node.name, after[mine[0]]))
        team.of_mac(asker.answers[-1][1]).bgpd.sh(
            f"handover address {mine[0]} {there.name}")
        wait_for(lambda: there.show(mine[0]).get("mine"), 3, 0.02)
        time.sleep(0.3)
    assert all(after[a] == o for a, o in before.items() if o != node.name)
    assert asker.unanswered() == 0
    assert asker.longest_pause() < 0.05
    assert asker.both() < 0.05
    assert asker.moves() == 2
    told = node.bgpd.sh("handover node", check=False)
    assert told.returncode != 0
    assert "owns nothing" in told.stdout + told.stderr


def rolling(team, step, pause=0.5):
    """A step for each node, one after another."""
    for member in team.members:
        step(member)
        team.wait_seen()
        time.sleep(pause)


def with_stream(team, work):
    """While a client sends 1,000 packets a second; both are returned."""
    hosts = [m.host for m in team.members]
    for host in hosts:
        kube_proxy(host, VIP)
    echo = Echo(hosts)
    echo.start()
    team.wait_agreed()
    team.wait_seen()
    with Asker(team) as asker, Stream(team) as stream:
        time.sleep(0.5)
        work()
        time.sleep(0.5)
    echo.stop()
    return asker, stream


def test_a_rolling_restart_moves_nothing(lab):
    team = Team(lab).start()
    owner = team.wait_agreed()
    asker, stream = with_stream(
        team, lambda: rolling(team, lambda m: m.bgpd.sh("restart")))
    print(f"gap {asker.longest_gap() * 1000:.0f} ms, lost {stream.lost()} of "
          f"{len(stream.sent)}")
    assert asker.macs() == {owner.mac}
    assert team.wait_agreed() is owner
    assert stream.lost() == 0


def test_a_rolling_stop_and_start_loses_a_packet_at_most(lab):
    team = Team(lab).start()

    def step(member):
        member.signal(signal.SIGTERM)
        assert member.bgpd.process.wait(5) == 0
        member.again()
    asker, stream = with_stream(team, lambda: rolling(team, step))
    moves = asker.moves()
    print(f"{moves} moves, gap {asker.longest_gap() * 1000:.0f} ms, lost "
          f"{stream.lost()} of {len(stream.sent)}")
    assert 1 <= moves <= 3
    assert stream.lost() <= moves
    assert asker.unanswered() == 0
    assert asker.longest_pause() < 0.05
    assert asker.both() < 0.05


def test_a_reload_changes_nothing(lab):
    team = Team(lab, knobs=" key first\n").start(services=["web", "six"])
    owner, owner6 = team.wait_agreed(), team.wait_agreed(VIP6)
    team.wait_seen()
    with Asker(team) as asker, Asker(team, VIP6) as asker6:
        for knobs in (" key first\n bfd 100 multiplier 4\n", " key second\n",
                      " bfd 20 multiplier 5\n", " key third\n settling 9\n"):
            for member in team.members:
                team.said[member.name] = knobs
                member.bgpd.reconfigure(team.conf(member))
                time.sleep(0.1)  # not all at once
            time.sleep(1)
    assert asker.macs() == {owner.mac} and asker.longest_pause() < 0.05
    assert asker6.macs() == {owner6.mac} and asker6.longest_pause() < 0.05
    team.wait_seen()
    assert team.wait_agreed() is owner
    # With that it is as fast as before.
    began = time.monotonic()
    owner.bgpd.kill()
    team.wait_owner(but=owner)
    assert time.monotonic() - began < 1


def test_a_node_with_another_key(lab):
    """It is not believed, and that is said; nothing is answered by two."""
    team = Team(lab, knobs=" key right\n").start()
    owner = team.wait_agreed()
    team.wait_seen()
    odd = next(m for m in team.members if m is not owner)
    with Asker(team) as asker:
        odd.bgpd.kill()
        team.said[odd.name] = " key wrong\n"
        odd.bgpd.conf = odd.host.write("bgpd.conf", team.conf(odd), 0o600)
        odd.again()
        time.sleep(6)  # past all patience
        for member in team.members:
            told = member.bgpd.json("show l2 nodes")
            strange = [odd] if member is not odd else [
                m for m in team.members if m is not odd]
            for other in team.members:
                assert told["nodes"][other.name]["believed"] == (
                    other not in strange)
            assert "is the key the same" in told["lastRefusal"]
            assert "NOT BELIEVED" in member.bgpd.sh("show l2 nodes")
        assert asker.macs() == {owner.mac}, team.say()
        # Those that understand each other go on.
        began = time.monotonic()
        owner.bgpd.kill()
        third = team.wait_owner(among=[
            m for m in team.members if m not in (odd, owner)])
        found = asker.first_after(began, but=owner.mac)
        time.sleep(4)
        late = asker.macs(time.monotonic() - 1)
    assert found[0] - began < 0.3
    assert late == {third.mac}, team.say()
    # With the right key it is one of them.
    team.said.clear()
    odd.bgpd.reconfigure(team.conf(odd))
    wait_for(lambda: odd.show().get("owner") == third.name, 3, say=team.say)


def test_strangers(lab):
    """Frames and messages of who is no node move nothing; he is named."""
    team = Team(lab).start()
    owner = team.wait_agreed()
    team.wait_seen()
    stranger = team.station(team.client)
    with inside(team.client):
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with Asker(team) as asker, udp:
        time.sleep(0.2)
        began = time.monotonic()
        for _ in range(30):
            stranger.send(
                arp(1, stranger.mac, VIP, "00:00:00:00:00:00", VIP),
                arp(2, stranger.mac, VIP, BROADCAST, VIP))
            for member in team.members:
                udp.sendto(b"FWL2" + bytes(200), (member.address, 7946))
            time.sleep(0.02)
        time.sleep(0.5)
        defended = [at - began for at, mac in asker.told if mac == owner.mac]
    assert asker.macs() == {owner.mac}
    assert [at for at in defended if 0 <= at < 0.1], "it was not defended"
    # Once in ten seconds, beside what is said after taking it.
    assert 1 <= len(defended) <= 12, asker.told
    shown = owner.show()
    assert shown["conflict"] and shown["conflictMac"] == stranger.mac
    assert stranger.mac in owner.bgpd.sh("show l2")
    for member in team.members:
        told = member.bgpd.json("show l2 nodes")
        assert told["refused"] >= 30, told
    assert team.wait_agreed() is owner


def test_an_address_in_use_is_nobodys(lab):
    """It is found before it is used, and no second node tries its luck."""
    team = Team(lab)
    team.client.ip("addr", "add", VIP + "/32", "dev", "eth0")
    alien = team.mac(team.client)
    team.start()
    wait_for(lambda: any(m.show().get("conflict") for m in team.members), 10,
             say=team.say)
    asker = Asker(team, host=team.attach("asking", "192.168.1.22/24"))
    with asker:
        time.sleep(5)  # past all patience of the others
    assert asker.macs() == {alien}, team.say()
    found = [m for m in team.members if m.show()["conflict"]]
    assert found and not team.owners()
    for member in found:
        assert member.show()["state"] == "quarantined"
        assert member.show()["conflictMac"] == alien
        assert f"in use by {alien}" in member.bgpd.read_log()


def test_a_quarantine_ends(lab):
    """The stranger goes: within a round of probes one node has the address."""
    team = Team(lab, knobs=" quarantine 2\n")
    team.client.ip("addr", "add", VIP + "/32", "dev", "eth0")
    team.start()
    wait_for(lambda: any(m.show().get("state") == "quarantined"
                         for m in team.members), 10, 0.05, say=team.say)
    time.sleep(4)  # it is asked again meanwhile, and still his
    assert not team.owners()
    with Asker(team, host=team.attach("asking", "192.168.1.22/24")) as asker:
        gone = time.monotonic()
        team.client.ip("addr", "del", VIP + "/32", "dev", "eth0")
        owner = team.wait_agreed(seconds=5)
        found = asker.first_after(gone, but=team.mac(team.client))
        time.sleep(0.5)
    print(f"taken {found[0] - gone:.1f} s after he was gone")
    assert found[0] - gone < 2 + 0.6 + 0.5
    assert asker.macs(found[0]) == {owner.mac}
    for member in team.members:
        wait_for(lambda: member.show()["state"] == (
            "confirmed" if member is owner else "backup"), 5, 0.1,
            say=team.say)


def test_an_owner_gives_up_and_takes_back(lab):
    """conflict quarantine: silent while a stranger has it, and nobody else's."""
    team = Team(lab, knobs=" conflict quarantine\n quarantine 2\n").start()
    owner = team.wait_agreed()
    team.wait_seen()
    other = team.attach("other", f"192.168.1.23/24 {VIP}/32")
    alien = team.mac(other)
    with Asker(team) as asker:
        team.station(other).send(
            arp(1, alien, VIP, "00:00:00:00:00:00", VIP))
        wait_for(lambda: owner.show()["state"] == "quarantined", 3, 0.05,
                 say=team.say)
        silent = time.monotonic()
        # Another line now says nothing of what was left by the first.
        owner.bgpd.sh("configure terminal", "plugin l2", "conflict yield")
        assert owner.show()["state"] == "quarantined"
        time.sleep(4)  # past a round of its probes, and all patience
        assert asker.macs(silent + 0.1) == {alien}, team.say()
        assert owner.show()["conflictMac"] == alien
        assert team.wait_agreed() is owner
        gone = time.monotonic()
        other.ip("addr", "del", VIP + "/32", "dev", "eth0")
        found = wait_for(lambda: asker.first_after(gone, but=alien), 5, 0.05,
                         say=team.say)
        time.sleep(0.5)
    print(f"taken back {found[0] - gone:.1f} s after he was gone")
    assert found[0] - gone < 2 + 0.6 + 0.5
    assert asker.macs(found[0]) == {owner.mac}
    assert owner.show()["state"] in ("owner", "confirmed")
