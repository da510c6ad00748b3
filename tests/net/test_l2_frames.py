# SPDX-License-Identifier: ISC
"""ARP and ND of the plugin l2, before the kernel of a peer and foreign clients."""

import os
import re
import signal
import time

import pytest

from ether import (ALL_NODES, BROADCAST, ZERO, arp, na, nd, ns, option,
                   solicited_node, v6)
from lab import wait_for
from segment import CLIENT, CLIENT6, GATEWAY, GATEWAY6, VIP, VIP6, Segment

STRANGER = "02:00:00:00:00:99"
STRANGER2 = "02:00:00:00:00:98"


@pytest.fixture
def segment(lab):
    made = Segment(lab)
    yield made
    for station in made.stations:
        station.close()


@pytest.fixture
def world(segment):
    """Both addresses are taken."""
    segment.start()
    segment.serve()
    segment.serve6()
    segment.wait(VIP)
    segment.wait(VIP6)
    return segment


def wait_quiet(world, vip=VIP):
    """After the round of 2.5 s nothing is announced until that of 5 s."""
    age = world.shown(vip)["sinceMsecs"]
    time.sleep(max(0, 2.8 - age / 1000))
    assert world.shown(vip)["sinceMsecs"] < 3500, "too late: the next is near"


def question(station, vip=VIP, spa=CLIENT, **kw):
    return arp(1, kw.pop("sha", station.mac), spa, ZERO, vip, **kw)


# The first story ------------------------------------------------------------------

def test_the_users_own_pool_is_reached(world):
    """Answered, learned, and by whom is shown; both families."""
    world.touch(VIP)
    assert world.neighbor(VIP)[1] == world.mac()
    world.touch(VIP6)
    assert world.neighbor(VIP6)[1] == world.mac()
    shown = world.shown(VIP)
    assert shown["answers"] >= 1 and shown["interfaces"] == 1
    assert CLIENT in shown["askers"]
    assert world.bgpd.json("show services")["default/web"]["addresses"][0][
        "address"] == VIP


def test_probed_announced_and_confirmed(segment):
    """In that order: probes, then the gateway, the request form, the reply."""
    client = segment.station()
    gateway = segment.station(segment.gateway)
    segment.start()
    mac = segment.mac()
    segment.serve()
    probes = client.collect(5, 3, kind="arp", op=1, spa="0.0.0.0", tpa=VIP)
    gaps = [b["at"] - a["at"] for a, b in zip(probes, probes[1:])]
    assert all(.15 < gap < .35 for gap in gaps), gaps
    frames = client.collect(3.2, kind="arp", spa=VIP, tpa=VIP)
    assert all(f["sha"] == mac and f["dst"] == BROADCAST for f in frames)
    assert [f["op"] for f in frames[:2]] == [1, 2]
    assert frames[0]["tha"] == ZERO and frames[1]["tha"] == mac
    began = frames[0]["at"]
    assert .15 < began - probes[2]["at"] < .45
    rounds = [f["at"] - began for f in frames if f["op"] == 1]
    for at, want in zip(rounds, (0, .1, .3, 1.1, 2.5)):
        assert abs(at - want) < .09, rounds
    asks = [f for f in gateway.collect(.1, kind="arp", op=1, spa=VIP)
            if f["tpa"] == GATEWAY]
    assert asks and asks[0]["sha"] == mac and asks[0]["tha"] == ZERO
    shown = segment.wait(VIP, proof="confirmed", confirmedBy=GATEWAY)
    assert shown["confirmedMs"] < 100
    assert segment.neighbor(VIP, segment.gateway)[1] == mac


def test_ipv6_probed_announced_and_confirmed(segment):
    client = segment.station()
    gateway = segment.station(segment.gateway)
    segment.start()
    mac = segment.mac()
    segment.serve6()
    probes = client.collect(5, 3, kind="ns", source="::", target=VIP6)
    assert len(probes) == 3
    assert all(p["dest"] == solicited_node(VIP6) and p["lladdr"] is None
               and p["good"] and p["hops"] == 255 for p in probes)
    frames = client.collect(1.5, kind="na", target=VIP6)
    assert frames[0]["at"] - probes[2]["at"] < .45
    for f in frames:
        assert f["good"] and f["O"] and not f["S"] and not f["R"]
        assert f["dest"] == ALL_NODES and f["source"] == VIP6
        assert f["lladdr"] == mac
    asks = gateway.collect(.1, kind="ns", source=VIP6, target=GATEWAY6)
    assert asks and asks[0]["lladdr"] == mac
    shown = segment.wait(VIP6, proof="confirmed", confirmedBy=GATEWAY6)
    assert shown["confirmedMs"] < 100
    # The gateway's entry goes on to be verified by unicast, and that is answered.
    wait_for(lambda: segment.neighbor(VIP6, segment.gateway)[0] == "REACHABLE",
             12, say=lambda: str(segment.neighbor(VIP6, segment.gateway)))


# layer2.md 2.2: what a Linux receiver takes ------------------------------------------

def entry(segment, mac=STRANGER):
    """The peer has a fresh entry of the address, with another MAC."""
    segment.client.ip("neigh", "replace", VIP, "lladdr", mac, "dev", "eth0",
                      "nud", "reachable")


def injected(segment, frame, wait=0.0):
    """The MAC that the peer has after a frame of the gateway's station."""
    station = segment.station(segment.gateway)
    # An entry of an answer, so that the kernel's lock runs from it.
    segment.client.ip("neigh", "flush", "dev", "eth0", check=False)
    station.drain()
    segment.touch(VIP, seconds=0)
    assert station.collect(2, 1, kind="arp", op=1, tpa=VIP)
    client_mac = segment.mac(segment.client)
    station.send(arp(2, STRANGER, VIP, client_mac, CLIENT, dst=client_mac))
    wait_for(lambda: segment.neighbor(VIP)[1] == STRANGER, 1, .01)
    time.sleep(wait)
    station.send(frame(station, client_mac))
    time.sleep(.05)
    return segment.neighbor(VIP)[1]


TAKEN, IGNORED = STRANGER2, STRANGER
FORMS = {
    "request, THA 0": (
        lambda s, peer: arp(1, STRANGER2, VIP, ZERO, VIP), TAKEN, TAKEN),
    "request, THA broadcast": (
        lambda s, peer: arp(1, STRANGER2, VIP, BROADCAST, VIP), TAKEN, TAKEN),
    "request, unicast": (
        lambda s, peer: arp(1, STRANGER2, VIP, ZERO, VIP, dst=peer),
        TAKEN, TAKEN),
    "reply, THA own": (
        lambda s, peer: arp(2, STRANGER2, VIP, STRANGER2, VIP), TAKEN, TAKEN),
    "reply, THA broadcast": (
        lambda s, peer: arp(2, STRANGER2, VIP, BROADCAST, VIP),
        IGNORED, TAKEN),
    "reply, THA 0": (
        lambda s, peer: arp(2, STRANGER2, VIP, ZERO, VIP), IGNORED, TAKEN),
    "reply, THA of the peer": (
        lambda s, peer: arp(2, STRANGER2, VIP, peer, VIP), IGNORED, TAKEN),
    "question for the peer": (
        lambda s, peer: arp(1, STRANGER2, VIP, ZERO, CLIENT, dst=peer),
        TAKEN, TAKEN),
    "late answer of the old owner": (
        lambda s, peer: arp(2, STRANGER2, VIP, peer, CLIENT, dst=peer),
        IGNORED, TAKEN),
}


@pytest.mark.parametrize("form", FORMS)
def test_what_a_linux_receiver_takes(segment, form):
    """The reasons for our forms: what holds for this kernel, no bgpd here."""
    frame, at_once, later = FORMS[form]
    assert injected(segment, frame) == at_once
    assert injected(segment, frame, wait=1.2) == later


def test_only_a_question_makes_an_entry(segment):
    """Announcements make none (arp_accept 0), our way to ask does."""
    station = segment.station(segment.gateway)
    client_mac = segment.mac(segment.client)
    station.send(arp(1, STRANGER, VIP, ZERO, VIP),
                 na(STRANGER, VIP6, VIP6, tlla=STRANGER))
    time.sleep(.1)
    assert segment.neighbor(VIP) == ("", None)
    assert segment.neighbor(VIP6) == ("", None)
    station.drain()
    station.send(arp(1, station.mac, VIP, ZERO, CLIENT, dst=client_mac))
    answer = station.collect(.5, 1, kind="arp", op=2, spa=CLIENT)
    assert answer and answer[0]["tpa"] == VIP
    assert segment.neighbor(VIP)[1] == station.mac
    station.send(ns(station.mac, VIP6, CLIENT6, slla=station.mac,
                    dest=CLIENT6, dst=client_mac))
    answer = station.collect(.5, 1, kind="na", target=CLIENT6)
    assert answer and answer[0]["S"] and answer[0]["dest"] == VIP6
    assert segment.neighbor(VIP6)[1] == station.mac


def test_who_takes_what_nobody_asked_for(segment):
    """Hosts with arp_accept, routers with accept_untracked_na (RFC 9131)."""
    client = segment.client
    client.sysctl("net.ipv4.conf.eth0.arp_accept", 1)
    client.sysctl("net.ipv6.conf.eth0.forwarding", 1)
    client.sysctl("net.ipv6.conf.eth0.accept_untracked_na", 1)
    station = segment.station(segment.gateway)
    station.send(arp(1, STRANGER, VIP, ZERO, VIP),
                 na(STRANGER, VIP6, VIP6, tlla=STRANGER))
    time.sleep(.1)
    assert segment.neighbor(VIP) == ("STALE", STRANGER)
    assert segment.neighbor(VIP6) == ("STALE", STRANGER)
    # R makes a router of it, in the peer's eyes: ours says no such thing.
    station.send(na(STRANGER, VIP6, VIP6, tlla=STRANGER, router=True))
    time.sleep(.1)
    assert "router" in client.ip("neigh", "show", VIP6).stdout


@pytest.mark.parametrize("hops, override, learned", [
    (255, True, True), (255, False, False), (64, True, False)])
def test_what_a_linux_receiver_takes_of_nd(segment, hops, override, learned):
    """O=0 keeps the old MAC; a hop limit of 64 came through a router."""
    segment.client.ip("neigh", "replace", VIP6, "lladdr", STRANGER, "dev",
                      "eth0", "nud", "reachable")
    station = segment.station(segment.gateway)
    station.send(na(STRANGER2, VIP6, VIP6, tlla=STRANGER2, override=override,
                    hops=hops))
    time.sleep(.1)
    state, mac = segment.neighbor(VIP6)
    assert mac == (STRANGER2 if learned else STRANGER)
    if hops == 255:
        assert state == "STALE"


# Answering ------------------------------------------------------------------------------

def test_arp_answers(world):
    client, mac = world.station(), world.mac()
    own = [dict(dst=BROADCAST), dict(dst=mac)]
    for kw in own:
        answers = client.ask(question(client, **kw), kind="arp", op=2)
        assert len(answers) == 1
        a = answers[0]
        assert (a["sha"], a["spa"], a["tha"], a["tpa"]) == (
            mac, VIP, client.mac, CLIENT)
        assert (a["src"], a["dst"]) == (mac, client.mac)
    # Padded to 60 and beyond, with rubbish.
    assert client.ask(question(client) + b"\xaa" * 40, kind="arp", op=2)
    # A probe is answered: that is the defence.
    a = client.ask(question(client, spa="0.0.0.0"), kind="arp", op=2)[0]
    assert (a["spa"], a["tpa"], a["tha"], a["dst"]) == (
        VIP, "0.0.0.0", client.mac, client.mac)
    # Not ours, or no question.
    for frame in (question(client, vip="192.168.1.241"),
                  question(client)[:40],
                  question(client, hlen=8), question(client, plen=16),
                  arp(3, client.mac, CLIENT, ZERO, VIP),
                  question(client, dst=STRANGER)):
        assert not client.ask(frame, .2, kind="arp", op=2)


def test_what_names_a_third_is_not_answered_to_it(world):
    """A foreign subnet, a false Ethernet source: nobody is sent anything."""
    client = world.station()
    for frame in (question(client, spa="10.9.9.9"),
                  question(client, spa="127.0.0.1"),
                  question(client, spa="224.0.0.1"),
                  question(client, sha=STRANGER, src=client.mac),
                  question(client, spa="0.0.0.0", sha=STRANGER,
                           src=client.mac),
                  question(client, sha="03:00:00:00:00:01", src=client.mac)):
        assert not client.ask(frame, .2, kind="arp", op=2)
    assert world.dropped("foreign-subnet") == 1
    assert world.dropped("ethernet-source") == 2
    # A virtual router's MAC differs honestly; who sent it is answered.
    vrrp = "00:00:5e:00:01:07"
    a = client.ask(question(client, sha=vrrp, src=client.mac), kind="arp",
                   op=2)[0]
    assert a["dst"] == client.mac and a["tha"] == vrrp


def test_frames_for_others_are_not_answered(world):
    """Of a VLAN that has no device here, and to another MAC."""
    client = world.station()
    assert not client.ask(question(client, vlan=77), .3, kind="arp", op=2)
    # A priority alone is no VLAN.
    assert client.ask(question(client, vlan=0xa000), kind="arp", op=2)
    assert not client.ask(question(client, dst=STRANGER), .2, kind="arp")


def test_nd_answers(world):
    client, mac = world.station(), world.mac()
    link_local = "fe80::99"
    client6 = ns(client.mac, CLIENT6, VIP6, slla=client.mac)
    nud = ns(client.mac, CLIENT6, VIP6, dest=VIP6, dst=mac)  # without SLLAO
    for frame, to in ((client6, CLIENT6), (nud, CLIENT6),
                      (ns(client.mac, link_local, VIP6, slla=client.mac),
                       link_local)):
        answers = client.ask(frame, kind="na", target=VIP6)
        assert len(answers) == 1
        a = answers[0]
        assert a["good"] and a["S"] and a["O"] and not a["R"]
        assert (a["dest"], a["lladdr"], a["dst"], a["source"]) == (
            to, mac, client.mac, VIP6)
    # Somebody's duplicate address detection.
    a = client.ask(ns(client.mac, "::", VIP6), .06, kind="na", target=VIP6,
                   alone=False)[0]
    assert a["dest"] == ALL_NODES and a["O"] and not a["S"] and a["good"]


BAD_ND = {
    "hop limit": dict(hops=64), "checksum": dict(spoil=1),
    "code": dict(code=1), "SLLAO of nobody": dict(source="::"),
    "to all": dict(source="::", slla=None, dest=ALL_NODES),
    "foreign": dict(source="2001:db8:99::1"),
    "multicast source": dict(source="ff02::5"),
    "false source": dict(slla=STRANGER),
}


@pytest.mark.parametrize("fault", BAD_ND)
def test_what_is_wrong_in_nd_is_not_answered(world, fault):
    client = world.station()
    kw = {"source": CLIENT6, "slla": client.mac, **BAD_ND[fault]}
    source = kw.pop("source")
    frame = ns(client.mac, source, VIP6, **kw)
    before = world.shown(VIP6)["answers"]
    assert not client.ask(frame, .3, kind="na", target=VIP6)
    # Nor to all, which an announcement is, too.
    assert world.shown(VIP6)["answers"] == before
    assert client.ask(ns(client.mac, CLIENT6, VIP6, slla=client.mac),
                      kind="na", target=VIP6)


def test_options_of_nd(world):
    client = world.station()
    good = ns(client.mac, CLIENT6, VIP6)
    for options in (b"\x01\x00" + bytes(6), b"\x01\x02" + bytes(6)):
        body = ns_with(client, options)
        assert not client.ask(body, .2, kind="na", target=VIP6)
    assert client.ask(ns_with(client, option(14, b"abcdef")), kind="na",
                      target=VIP6)
    assert client.ask(good, kind="na", target=VIP6)


def ns_with(client, options):
    return nd(135, client.mac, CLIENT6, solicited_node(VIP6), VIP6,
              options=options)


def test_a_peers_dad_fails(world):
    """The kernel of another host wants our address: it gives up."""
    client = world.client
    client.sysctl("net.ipv6.conf.eth0.accept_dad", 1)
    client.sysctl("net.ipv6.conf.all.accept_dad", 1)
    # An announcement ends it, too: here it shall be the answer.
    client.sysctl("net.ipv6.conf.eth0.router_solicitation_delay", 0)
    wait_quiet(world, VIP6)
    client.ip("addr", "add", VIP6 + "/64", "dev", "eth0")
    wait_for(lambda: "dadfailed" in client.ip(
        "addr", "show", "dev", "eth0").stdout, 1.5,
        say=lambda: client.ip("addr", "show", "dev", "eth0").stdout)


def test_neighbor_unreachability_detection(world):
    """A client that verifies by unicast finds us reachable again and again."""
    client = world.client
    client.sysctl("net.ipv6.neigh.eth0.base_reachable_time_ms", 600)
    client.sysctl("net.ipv6.neigh.eth0.delay_first_probe_time", 1)
    client.sysctl("net.ipv4.neigh.eth0.base_reachable_time_ms", 600)
    client.sysctl("net.ipv4.neigh.eth0.delay_first_probe_time", 1)
    for vip, kind in ((VIP6, "ns"), (VIP, "arp")):
        node = world.station(world.node)
        for _ in range(20):
            world.touch(vip, seconds=.2)
        unicast = [f for f in node.collect(.1, kind=kind)
                   if f["dst"] == node.mac
                   and vip in (f.get("target"), f.get("tpa"))]
        assert unicast
        assert world.neighbor(vip)[0] in ("REACHABLE", "STALE", "DELAY")
        assert world.neighbor(vip)[1] == world.mac()


def test_foreign_clients(world):
    out = world.client("arping", "-c", "2", "-i", "eth0", VIP).stdout
    assert world.mac() in out
    # -D of iputils: a probe of an address that is in use.
    wait_quiet(world, VIP6)
    out = world.client("ndisc6", "-1", "-r", "1", VIP6, "eth0").stdout
    assert world.mac().upper() in out.upper()
    out = world.client("ndptool", "-t", "ns", "-T", VIP6, "-i", "eth0", "-U",
                       "send", check=False)
    assert out.returncode == 0, out.stderr


def test_who_asks_too_often_is_not_answered(world):
    client, other = world.station(), world.station(world.gateway)
    client.drain()
    for _ in range(400):
        client.send(question(client))
    # Another one is not made to wait.
    assert other.ask(question(other, spa=GATEWAY), kind="arp", op=2)
    answers = client.collect(.5, kind="arp", op=2)
    assert 95 <= len(answers) <= 200
    assert world.dropped("limited") > 150


# Conflicts --------------------------------------------------------------------------------

def test_a_strangers_announcement_is_defended(world):
    stranger, client = world.station(world.gateway), world.station()
    world.touch(VIP)
    time.sleep(1.2)  # the next round of our own is at 2.5 s
    client.drain()
    for n in range(3):
        stranger.send(arp(1, STRANGER, VIP, ZERO, VIP))
        time.sleep(.05)
    defence = [f for f in client.collect(.5, kind="arp", sha=world.mac())
               if f["spa"] == f["tpa"] == VIP]
    assert {f["op"] for f in defence} == {1, 2}
    assert world.neighbor(VIP)[1] in (world.mac(), STRANGER)
    shown = world.shown(VIP)
    assert shown["conflict"] and shown["conflicts"] == 3
    assert STRANGER in world.bgpd.read_log()
    # It is answered like any question's address: the stranger's frame is none.
    assert not stranger.ask(arp(1, STRANGER, VIP, ZERO, VIP), .2, kind="arp",
                            op=2)


def test_a_strangers_advertisement_is_defended(world):
    stranger, client = world.station(world.gateway), world.station()
    time.sleep(1.2)  # the next round of our own is at 2.5 s
    client.drain()
    stranger.send(na(STRANGER, VIP6, VIP6, tlla=STRANGER))
    assert client.collect(.3, 1, kind="na", target=VIP6, lladdr=world.mac())
    assert world.shown(VIP6)["conflict"]


@pytest.mark.parametrize("vip", [VIP, VIP6])
def test_an_address_in_use_is_not_taken(segment, vip):
    """Some host has it: quarantine, with its MAC, and nothing is announced."""
    other = segment.attach("other", f"{vip}/{'64' if ':' in vip else '24'}")
    client = segment.station()
    segment.start()
    segment.serve6() if ":" in vip else segment.serve()
    segment.wait(vip, "quarantined", conflict=True)
    mac = segment.mac(other)
    wait_for(lambda: f"in use by {mac}" in segment.bgpd.read_log(), 3)
    assert not [f for f in client.collect(.3)
                if f["src"] == segment.mac()
                and vip in (f.get("spa"), f.get("source"))]


# Interfaces --------------------------------------------------------------------------------

def test_which_interfaces(segment):
    node = segment.node
    for name in ("veth7", "docker0", "eth7"):
        node.ip("link", "add", name, "type", "veth", "peer", "name",
                "p" + name)
        node.ip("link", "set", name, "up")
        node.ip("link", "set", "p" + name, "up")
    node.ip("link", "add", "br7", "type", "bridge")
    node.ip("link", "set", "peth7", "master", "br7")
    node.ip("tuntap", "add", "tun7", "mode", "tun")
    segment.start()

    def why(name):
        shown = segment.interface(name)
        return "" if shown.get("used") else shown.get("whyNot")

    want = {"eth0": "", "eth7": "", "veth7": "excluded",
            "docker0": "excluded", "lo": "loopback", "peth7": "has-master",
            "br7": "down"}
    for name, reason in want.items():
        wait_for(lambda: why(name) == reason, 3,
                 say=lambda: f"{name}: {why(name)}")
    assert why("tun7") in ("point-to-point", "not-ethernet", "no-arp")
    # The bridge comes up: it speaks for its port.
    node.ip("link", "set", "br7", "up")
    wait_for(lambda: why("br7") == "", 3)
    # The port leaves it, and speaks for itself; it goes.
    node.ip("link", "set", "peth7", "nomaster")
    wait_for(lambda: why("peth7") == "", 3)
    node.ip("link", "del", "eth7")
    wait_for(lambda: why("eth7") is None and why("peth7") is None, 3)


def test_an_interface_that_comes_late(world):
    """And one that changes its MAC, and one that lost its carrier."""
    late = world.attach("late", f"{CLIENT}/24")
    # A second cable of the node, to another segment.
    other = world.lab.host("other")
    world.lab.cable(world.node, other, "", f"{CLIENT}/24", "eth1", "eth1")
    station = world.station(other, "eth1")
    wait_for(lambda: station.ask(question(station), .3, kind="arp", op=2), 4)
    assert late
    # Another MAC: announced at once, and the answers have it.
    mac = "02:00:00:00:00:77"
    time.sleep(2.8)  # the next round by itself is at 5 s
    station.drain()
    world.node.ip("link", "set", "eth1", "address", mac)
    assert station.collect(1, 1, kind="arp", spa=VIP, tpa=VIP, sha=mac)
    assert station.ask(question(station), kind="arp", op=2)[0]["sha"] == mac
    # Its cable is pulled and put back.
    other.ip("link", "set", "eth1", "down")
    wait_for(lambda: world.interface("eth1").get("whyNot") == "no-carrier", 3)
    other.ip("link", "set", "eth1", "up")
    assert station.collect(2, 1, kind="arp", spa=VIP, tpa=VIP, sha=mac)
    # Made anew under the same name.
    world.node.ip("link", "del", "eth1")
    wait_for(lambda: not world.interface("eth1"), 3)
    world.lab.cable(world.node, other, "", f"{CLIENT}/24", "eth1", "eth1")
    station = world.station(other, "eth1")
    wait_for(lambda: station.ask(question(station), .3, kind="arp", op=2), 4)


def test_two_interfaces_on_one_segment(world):
    """One of them speaks, or clients would flap between two MACs."""
    world.attach("node", "", "eth1", host=world.node)
    wait_for(lambda: world.interface("eth1").get("whyNot") == "same-segment"
             or world.interface("eth0").get("whyNot") == "same-segment", 4)
    client = world.station()
    answers = client.ask(question(client), kind="arp", op=2)
    assert len(answers) == 1


def test_a_bridge_speaks_for_its_ports(segment):
    """Its master sees the frames, the port of the cable none."""
    node = segment.node
    node.ip("link", "add", "br1", "type", "bridge")
    node.ip("addr", "flush", "dev", "eth0")
    node.ip("link", "set", "eth0", "master", "br1")
    node.ip("addr", "add", "192.168.1.10/24", "dev", "br1")
    node.ip("link", "set", "br1", "up")
    segment.start()
    segment.serve()
    segment.wait(VIP)
    assert segment.interface()["whyNot"] == "has-master"
    client = segment.station()
    answers = client.ask(question(client), kind="arp", op=2)
    assert [a["sha"] for a in answers] == [segment.mac(name="br1")]


def test_a_macvlan_does_not_answer_beside_its_parent(world):
    """One answer, the parent's; what is for the child's MAC is the child's."""
    node, client = world.node, world.station()
    node.ip("link", "add", "link", "eth0", "name", "mv0", "type", "macvlan",
            "mode", "bridge")
    node.ip("link", "set", "mv0", "up")
    wait_for(lambda: world.interface("mv0").get("whyNot") == "same-segment",
             3, say=lambda: str(world.interface("mv0")))
    answers = client.ask(question(client), kind="arp", op=2)
    assert [a["sha"] for a in answers] == [world.mac()]
    assert not client.ask(question(client, dst=world.mac(name="mv0")), .2,
                          kind="arp", op=2)
    # In a namespace of its own it is an interface like any other.
    node.ip("link", "set", "eth0", "down")
    wait_for(lambda: not world.interface()["used"], 3)


# Groups -----------------------------------------------------------------------------------

def members(host, group):
    raw = "".join(f"{b:02x}" for b in v6(group))
    with open(f"/proc/{host.bgpd_pid}/net/igmp6") as f:
        return [line for line in f if raw in line and "eth0" in line]


def test_groups_are_reported(segment):
    """The switch snoops: it hears of the group by MLD, and forgets it."""
    switch = segment.switch

    def has_group():
        out = switch("bridge", "mdb", "show", "dev", "br0").stdout
        return solicited_node(VIP6) in out

    switch.ip("link", "set", "br0", "type", "bridge", "mcast_snooping", "1",
              "mcast_querier", "1")
    segment.start()
    assert not has_group()
    segment.serve6()
    segment.wait(VIP6)
    wait_for(has_group, 3, say=lambda: switch("bridge", "mdb").stdout)
    segment.node.bgpd_pid = segment.bgpd.pid
    assert members(segment.node, solicited_node(VIP6))
    # A flap: joined again.
    segment.node.ip("link", "set", "eth0", "down")
    wait_for(lambda: not segment.interface()["used"], 3)
    segment.node.ip("link", "set", "eth0", "up")
    wait_for(lambda: members(segment.node, solicited_node(VIP6)), 3)
    os.unlink(segment.node.path("manifests/six.yaml"))
    wait_for(lambda: not members(segment.node, solicited_node(VIP6)), 5)


# This node's own kernel --------------------------------------------------------------------

def test_a_kernel_that_also_answers_is_found(world):
    node = world.node
    assert "kernelAnswersOn" not in world.shown(VIP)
    node.ip("addr", "add", VIP + "/32", "dev", "lo")
    wait_for(lambda: world.shown(VIP).get("kernelAnswersOn") == "lo", 3)
    # And so it is: two answers.
    client = world.station()
    assert len(client.ask(question(client), kind="arp", op=2)) == 2
    assert "kernel answers for it too" in world.bgpd.read_log()
    node.ip("addr", "del", VIP + "/32", "dev", "lo")
    wait_for(lambda: "kernelAnswersOn" not in world.shown(VIP), 3)
    # With arp_ignore it is the normal way.
    node.sysctl("net.ipv4.conf.all.arp_ignore", 1)
    node.ip("addr", "add", VIP + "/32", "dev", "lo")
    time.sleep(.3)
    assert "kernelAnswersOn" not in world.shown(VIP)
    assert len(client.ask(question(client), kind="arp", op=2)) == 1
    # On the very interface it answers all the same.
    node.ip("addr", "del", VIP + "/32", "dev", "lo")
    node.ip("addr", "add", VIP + "/32", "dev", "eth0")
    wait_for(lambda: world.shown(VIP).get("kernelAnswersOn") == "eth0", 3)


def test_an_address_on_lo_is_silent_in_nd(world):
    """IPv6 on lo: the kernel says nothing, we do, once."""
    world.node.ip("addr", "add", VIP6 + "/128", "dev", "lo")
    time.sleep(.3)
    assert "kernelAnswersOn" not in world.shown(VIP6)
    client = world.station()
    for frame in (ns(client.mac, CLIENT6, VIP6, slla=client.mac),
                  ns(client.mac, CLIENT6, VIP6, dest=VIP6, dst=world.mac())):
        assert len(client.ask(frame, kind="na", target=VIP6)) == 1


# Time ------------------------------------------------------------------------------------------

def test_a_frozen_daemon_answers_nothing_late(world):
    client = world.station()
    world.bgpd.process.send_signal(signal.SIGSTOP)
    client.drain()
    for _ in range(50):
        client.send(question(client),
                    ns(client.mac, CLIENT6, VIP6, slla=client.mac))
        time.sleep(.02)
    assert not client.collect(.2, spa=VIP)
    world.bgpd.process.send_signal(signal.SIGCONT)
    # Those of its last quarter of a second may be young enough.
    late = client.collect(.5, kind="arp", op=2, spa=VIP, alone=True)
    assert len(late) <= 3, len(late)
    assert world.dropped("old") > 80
    assert client.ask(question(client), kind="arp", op=2)


def test_nobody_answers_to_the_takeover(segment):
    """The gateway is silent: that is told, and the address is carried."""
    segment.gateway("nft", "add", "table", "netdev", "t")
    segment.gateway("nft", "add", "chain", "netdev", "t", "in",
                    "{ type filter hook ingress device eth0 priority 0; }")
    segment.gateway("nft", "add", "rule", "netdev", "t", "in", "ether",
                    "type", "arp", "drop")
    gateway = segment.station(segment.gateway)
    mac = segment.mac(segment.gateway)
    segment.node.ip("neigh", "replace", GATEWAY, "lladdr", mac, "dev", "eth0",
                    "nud", "permanent")
    segment.start()
    gateway.drain()
    segment.serve()
    segment.wait(VIP)
    segment.wait(VIP, proof="unconfirmed", seconds=4)
    asks = gateway.collect(.1, kind="arp", op=1, spa=VIP, tpa=GATEWAY)
    assert len(asks) >= 3
    # By what is known of it; then it may have another MAC.
    assert asks[0]["dst"] == mac
    assert any(f["dst"] == BROADCAST for f in asks)
    assert re.search(f"{VIP}: no gateway answers", segment.bgpd.read_log())
    # It heals: the next round confirms.
    segment.gateway("nft", "delete", "table", "netdev", "t")
    segment.wait(VIP, proof="confirmed", seconds=8)


def test_gateways_come_and_go(segment):
    """One that comes later is asked at the next round."""
    segment.node.ip("route", "del", "default")
    segment.start()
    segment.serve()
    segment.wait(VIP, proof="unasked")
    segment.node.ip("route", "add", "default", "via", GATEWAY)
    segment.wait(VIP, proof="confirmed", confirmedBy=GATEWAY, seconds=8)
