# SPDX-License-Identifier: ISC
"""Liveness: BFD with BIRD and with FRR's bfdd; who is lost, and how soon."""

import datetime
import os
import re
import signal
import struct
import time

import pytest

from lab import TOP, Bgpd, Bird, Frr, FrrBfd, run, wait_for

US, THEM = "10.1.0.1", "10.1.0.2"
US6, THEM6 = "2001:db8:1::1", "2001:db8:1::2"
INTERVAL, MULT = 0.05, 3
# What is promised: the peer's detection time, and a quarter of it.
PROMISE = INTERVAL * MULT * 1.25
KEY = "our-own-key-of-20-ch"

FAST = """
bfd
 profile fast
  transmit-interval 50
  receive-interval 50
 exit
"""

BIRD_FAST = "min rx interval 50 ms; min tx interval 50 ms; multiplier 3;"


def hosts(lab):
    us, them = lab.host("us"), lab.host("them")
    lab.cable(us, them, f"{US}/24 {US6}/64 fe80::1/64",
              f"{THEM}/24 {THEM6}/64 fe80::2/64")
    return us, them


def ours(us, peers, args=()):
    """Our daemon with these lines below `bfd`, each peer's closed by itself."""
    return Bgpd(us, FAST + peers + "exit\n", args)


def bird(them, neighbors, options=BIRD_FAST, interfaces="eth*"):
    return Bird(them, f"""
protocol bfd {{
	interface "{interfaces}" {{ {options} }};
	multihop {{ {options} }};
	{neighbors}
}}
""", router_id=THEM)


def session(we, addr, **more):
    for one in we.json("show bfd peers"):
        if one["peer"] == addr and all(
                one.get(k) == v for k, v in more.items()):
            return one
    return {}


def counters(we, addr):
    return next(c for c in we.json("show bfd peers counters")
                if c["peer"] == addr)


def wait_state(we, addr, state="up", seconds=8, **more):
    wait_for(lambda: session(we, addr, **more).get("status") == state,
             seconds, every=0.05,
             say=lambda: we.sh("show bfd peers") + we.read_log())


def wait_bird(peer, addr, state="Up", seconds=8):
    wait_for(lambda: re.search(rf"^{re.escape(addr)} +\S+ +{state} ",
                               peer.show("bfd sessions"), re.M),
             seconds, every=0.05, say=lambda: peer.show("bfd sessions"))


def logged(we, text, after=0.0):
    """When the log first had a line with this, in seconds since 1970."""
    for line in we.read_log().splitlines():
        if text not in line:
            continue
        at = datetime.datetime.fromisoformat(
            line.split()[0].replace("Z", "+00:00")).timestamp()
        if at >= after - 0.001:
            return at
    return None


def wait_logged(we, text, after=0.0, seconds=5):
    return wait_for(lambda: logged(we, text, after), seconds, every=0.02,
                    say=we.read_log)


# With others -------------------------------------------------------------------

PEERS = f"""
 peer {THEM}
  profile fast
 exit
 peer {THEM6}
  profile fast
 exit
 peer fe80::2 local-address fe80::1 interface eth1
  profile fast
 exit
 peer {THEM} multihop local-address {US}
  profile fast
 exit
"""


def test_up_with_bird(lab):
    us, them = hosts(lab)
    peer = bird(them, f"""
	neighbor {US};
	neighbor {US6};
	neighbor fe80::1 dev "eth1" local fe80::2;
	neighbor {US} local {THEM} multihop on;
""").start()
    # Over several hops BIRD sends with a TTL of 64.
    we = ours(us, PEERS.replace(
        "multihop local-address 10.1.0.1",
        "multihop local-address 10.1.0.1\n  minimum-ttl 64")).start()
    for addr, multihop in ((THEM, False), (THEM6, False), ("fe80::2", False),
                           (THEM, True)):
        wait_state(we, addr, multihop=multihop)
    assert peer.show("bfd sessions").count(" Up ") == 4
    # The intervals are those of after the Poll Sequence, at both ends.
    wait_for(lambda: peer.show("bfd sessions").count("0.050    0.150") == 4,
             say=lambda: peer.show("bfd sessions"))
    one = session(we, THEM, multihop=False)
    assert one["remote-transmit-interval"] == 50
    assert one["detection-time-usec"] == 150000
    assert one["transmit-interval-usec"] == 50000
    assert one["local"] == US
    # What is said alone: one of them by its words.
    text = we.sh(f"show bfd peer {THEM} multihop")
    assert text.count("peer ") == 1 and "Minimum TTL: 64" in text
    alone = we.json("show bfd peer fe80::2 interface eth1")
    assert alone["local"] == "fe80::1" and alone["interface"] == "eth1"
    brief = we.json("show bfd peers brief")
    assert len(brief) == 4 and len({b["id"] for b in brief}) == 4


def test_up_with_frr(lab):
    us, them = hosts(lab)
    peer = FrrBfd(them, f"""
bfd
 profile fast
  transmit-interval 50
  receive-interval 50
 !
 peer {US} interface eth1
  profile fast
 !
 peer {US6} local-address {THEM6} interface eth1
  profile fast
 !
 peer fe80::1 local-address fe80::2 interface eth1
  profile fast
 !
 peer {US} multihop local-address {THEM}
  profile fast
 !
!
""").start()
    we = ours(us, PEERS).start()
    for addr, multihop in ((THEM, False), (THEM6, False), ("fe80::2", False),
                           (THEM, True)):
        wait_state(we, addr, multihop=multihop)
    wait_for(lambda: [p["status"] for p in peer.peers()] == ["up"] * 4,
             say=lambda: str(peer.peers()))
    ids = {p["id"]: p["remote-id"] for p in peer.peers()}
    assert ids == {p["remote-id"]: p["id"]
                   for p in we.json("show bfd peers")}
    # All keys that FRR 8.4 has, but those of its echo function.
    theirs = set().union(*peer.peers()) - {"rtt-min", "rtt-avg", "rtt-max"}
    assert theirs <= set().union(*we.json("show bfd peers"))


def test_passive_waits_for_the_peer(lab):
    us, them = hosts(lab)
    we = ours(us, f" peer {THEM}\n  profile fast\n  passive-mode\n exit\n")
    we.start()
    time.sleep(1.5)
    assert counters(we, THEM)["control-packet-output"] == 0
    bird(them, f"neighbor {US};").start()
    wait_state(we, THEM)


@pytest.mark.parametrize("kind", ["meticulous keyed sha1", "keyed sha1",
                                  "simple"])
def test_authentication(lab, kind):
    us, them = hosts(lab)
    key = KEY[:16] if kind == "simple" else KEY
    options = (f'{BIRD_FAST} authentication {kind}; '
               f'password "{key}" {{ id 7; }};')
    peer = bird(them, f"neighbor {US};", options).start()
    words = kind.replace(" ", "-")
    we = ours(us, f"""
 peer {THEM}
  profile fast
  authentication {words} key-id 7 secret {key}
 exit
""").start()
    wait_state(we, THEM)
    time.sleep(1)
    assert session(we, THEM)["status"] == "up"
    assert counters(we, THEM)["packets-refused"] == 0
    assert counters(we, THEM)["session-up"] == 1
    assert key not in we.sh("show running-config") + we.read_log()
    # Another key, and none: what comes is refused, and it goes down.
    for line in (f"authentication {words} key-id 7 secret another",
                 f"authentication {words} key-id 8 secret {key}",
                 f"no authentication {words} key-id 7 secret another"):
        we.sh("configure terminal", "bfd", f"peer {THEM}", line)
        wait_state(we, THEM, "down")
        wait_for(lambda: counters(we, THEM)["packets-refused"] > 2)
        we.sh("clear bfd peers counters")
    we.sh("configure terminal", "bfd", f"peer {THEM}",
          f"authentication {words} key-id 7 secret {key}")
    wait_state(we, THEM)
    wait_bird(peer, US)


# Intervals ---------------------------------------------------------------------------

def test_intervals_change_by_poll(lab):
    us, them = hosts(lab)
    peer = bird(them, f"neighbor {US};", "min rx interval 20 ms; "
                "min tx interval 20 ms; multiplier 3;").start()
    we = ours(us, f" peer {THEM}\n  profile fast\n exit\n").start()
    wait_state(we, THEM)
    for ms in (400, 30, 100):
        conf = (FAST.replace("-interval 50", f"-interval {ms}")
                + f" peer {THEM}\n  profile fast\n exit\nexit\n")
        we.reconfigure(conf)
        wait_for(lambda: session(we, THEM).get("transmit-interval-usec")
                 == ms * 1000, say=lambda: we.sh("show bfd peers"))
        wait_for(lambda: f"{ms / 1000:.3f}    {3 * ms / 1000:.3f}"
                 in peer.show("bfd sessions"),
                 say=lambda: peer.show("bfd sessions"))
        assert session(we, THEM)["detection-time-usec"] == 3000 * ms
    # The peer's own change is taken over as well.
    peer.host.write("bird.conf", open(peer.conf).read().replace(
        "20 ms", "250 ms"))
    peer.do("configure")
    wait_for(lambda: session(we, THEM)["detection-time-usec"] == 750000,
             say=lambda: we.sh("show bfd peers"))
    assert session(we, THEM)["transmit-interval-usec"] == 250000
    assert counters(we, THEM)["session-up"] == 1
    assert counters(we, THEM)["session-down"] == 0


def test_until_up_a_packet_a_second(lab):
    us, _ = hosts(lab)
    we = ours(us, f" peer {THEM}\n  profile fast\n exit\n").start()
    time.sleep(4)
    assert 4 <= counters(we, THEM)["control-packet-output"] <= 7


# Losses -------------------------------------------------------------------------------

def pair(lab, more=""):
    us, them = hosts(lab)
    peer = bird(them, f"neighbor {US};").start()
    we = ours(us, f" peer {THEM}\n  profile fast\n{more} exit\n").start()
    wait_state(we, THEM)
    wait_for(lambda: session(we, THEM)["detection-time-usec"] == 150000)
    wait_for(lambda: session(we, THEM)["transmit-interval-usec"] == 50000)
    return us, them, we, peer


def test_killed_peer_is_found_in_time(lab):
    _, _, we, peer = pair(lab)
    for _ in range(5):
        time.sleep(0.3)
        killed = time.time()
        peer.process.kill()
        down = wait_logged(we, f"{THEM}: down (control detection time expired",
                           killed)
        assert INTERVAL * (MULT - 1) < down - killed < PROMISE
        peer.process.wait()
        peer.start()
        wait_state(we, THEM)
        wait_for(lambda: session(we, THEM)["detection-time-usec"] == 150000)


def test_cut_cable(lab):
    _, them, we, peer = pair(lab)
    cut = time.time()
    them.ip("link", "set", "eth1", "down")
    done = time.time()
    down = wait_logged(we, f"{THEM}: down (control detection time expired",
                       cut)
    assert down - done < PROMISE
    them.ip("link", "set", "eth1", "up")
    wait_state(we, THEM)
    wait_bird(peer, US)


def test_loss_in_one_direction(lab):
    """Who hears nothing says so, and the other end believes it."""
    us, them, we, peer = pair(lab)
    for victim, words in ((them, "control detection time expired"),
                          (us, "neighbor signaled session down")):
        victim("nft", "add table inet cut")
        victim("nft", "add chain inet cut out "
               "{ type filter hook output priority 0; }")
        cut = time.time()
        victim("nft", "add rule inet cut out udp dport 3784 drop")
        down = wait_logged(we, f"{THEM}: down ({words}", cut)
        assert down - cut < PROMISE + 0.1
        wait_bird(peer, US, "(Down|Init)")
        victim("nft", "delete table inet cut")
        wait_state(we, THEM)
        wait_bird(peer, US)
        wait_for(lambda: session(we, THEM)["detection-time-usec"] == 150000)


FORGED = """
import socket, sys
discr, ttl, source = bytes.fromhex(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
s.bind((source, 50000))
# Version 1, state Down, and a discriminator of its own.
s.sendto(bytes([0x20, 0x40, 3, 24]) + bytes([9, 9, 9, 9]) + discr
         + (1000000).to_bytes(4, "big") * 2 + bytes(4), ("10.1.0.1", 3784))
"""


def test_packets_from_afar_are_nothing(lab):
    us, them, we, _ = pair(lab)
    them.ip("addr", "add", "10.1.0.9/24", "dev", "eth1")
    discr = struct.pack(">I", session(we, THEM)["id"]).hex()

    def forge(ttl, source=THEM, who=discr):
        them("python3", "-c", FORGED, who, ttl, source)
        time.sleep(0.3)
        text = we.sh("show bfd peers counters")
        return [int(n) for n in re.search(
            r"of no session: (\d+), malformed: (\d+), from too far: (\d+)",
            text).groups()]

    assert forge(254) == [0, 0, 1]
    assert forge(1) == [0, 0, 2]
    assert forge(255, "10.1.0.9") == [1, 0, 2]
    assert forge(255, who="00000001") == [2, 0, 2]
    assert counters(we, THEM)["session-down"] == 0
    # The same from next door ends the session: the forging was good.
    assert forge(255) == [2, 0, 2]
    assert counters(we, THEM)["session-down"] == 1
    assert "neighbor signaled session down" in we.read_log()


def test_frozen_process_blames_nobody(lab):
    """Longer than it would wait, not so long that the peer gives it up."""
    us, them = hosts(lab)
    peer = bird(them, f"neighbor {US};").start()
    we = ours(us, f" peer {THEM}\n  profile fast\n  detect-multiplier 40\n"
              " exit\n").start()
    wait_state(we, THEM)
    wait_for(lambda: session(we, THEM)["detection-time-usec"] == 150000)
    for secs in (0.2, 0.5, 1.2):
        we.process.send_signal(signal.SIGSTOP)
        time.sleep(secs)
        we.process.send_signal(signal.SIGCONT)
        time.sleep(0.5)
    assert counters(we, THEM)["session-down"] == 0, we.read_log()
    assert counters(we, THEM)["late-turns"] >= 3
    assert "Up" in peer.show("bfd sessions")
    # One that dies meanwhile is found dead at once.
    we.process.send_signal(signal.SIGSTOP)
    peer.process.kill()
    time.sleep(0.6)
    woken = time.time()
    we.process.send_signal(signal.SIGCONT)
    down = wait_logged(we, "control detection time expired", woken)
    assert down - woken < PROMISE


def test_frozen_for_long_is_told_so(lab):
    """The peer gave us up, and said so: that is why it is down, and no other."""
    _, _, we, peer = pair(lab)
    we.process.send_signal(signal.SIGSTOP)
    wait_bird(peer, US, "Down")
    time.sleep(2)
    we.process.send_signal(signal.SIGCONT)
    woken = time.time()
    down = wait_logged(we, f"{THEM}: ", woken)
    assert down - woken < 0.1
    assert "control detection time expired" not in we.read_log()
    assert f"{THEM}: down (neighbor signaled session down" in we.read_log()
    wait_state(we, THEM)
    wait_bird(peer, US)


def test_interface_that_comes_late_and_again(lab):
    us, them = lab.host("us"), lab.host("them")
    we = ours(us, f" peer {THEM} interface eth1\n  profile fast\n exit\n")
    we.start()
    wait_for(lambda: "obstacle" in session(we, THEM))
    assert "interface eth1" in session(we, THEM)["obstacle"]
    peer = bird(them, f"neighbor {US};").start()
    for _ in range(2):
        lab.cables = 0
        lab.cable(us, them, f"{US}/24", f"{THEM}/24")
        wait_state(we, THEM)
        assert "obstacle" not in session(we, THEM)
        us.ip("link", "del", "eth1")
        wait_state(we, THEM, "down")
    assert peer.process.poll() is None


def test_port_taken_is_said_and_tried_again(lab):
    us, them = hosts(lab)
    other = bird(us, "").start()
    we = ours(us, f" peer {THEM}\n  profile fast\n exit\n").start()
    wait_logged(we, "UDP port 3784")
    assert "does another BFD run here?" in we.read_log()
    bird(them, f"neighbor {US};").start()
    other.process.kill()
    wait_state(we, THEM)


# Neighbors -----------------------------------------------------------------------------

BGP = """
hostname us
{bfd}
router bgp 65001
 bgp router-id 10.1.0.1
 no bgp ebgp-requires-policy
 neighbor 10.1.0.2 remote-as 65002
 neighbor 10.1.0.2 timers connect 2
 {lines}
 neighbor 10.2.0.2 remote-as 65003
 neighbor 10.2.0.2 bfd profile fast
"""

BIRD_BGP = """
protocol bgp fairway {{
	local {local} as {asn};
	neighbor {us} as 65001;
	connect delay time 1; connect retry time 1; error wait time 1, 2;
	{more}
	ipv4 {{ import all; export all; }};
}}
"""

BIRD_BFD = 'protocol bfd { interface "eth*" { ' + BIRD_FAST + ' }; }\n'


def neighbors(lab, lines, bfd=FAST + "exit\n", more="bfd on;",
              theirs=BIRD_BFD):
    us, them, third = lab.host("us"), lab.host("them"), lab.host("third")
    lab.cable(us, them, f"{US}/24", f"{THEM}/24")
    lab.cable(us, third, "10.2.0.1/24", "10.2.0.2/24")
    peer = Bird(them, theirs + BIRD_BGP.format(
        local=THEM, us=US, asn=65002, more=more), router_id=THEM).start()
    Bird(third, BIRD_BFD + BIRD_BGP.format(
        local="10.2.0.2", us="10.2.0.1", asn=65003, more="bfd on;"),
        router_id="10.2.0.2").start()
    we = Bgpd(us, BGP.format(bfd=bfd, lines=lines)).start()
    return us, them, we, peer


@pytest.mark.parametrize("line", ["bfd profile fast", "bfd 3 50 50"])
def test_neighbor_is_ended_at_once(lab, line):
    _, them, we, peer = neighbors(lab, f"neighbor 10.1.0.2 {line}")
    we.wait_peer(THEM)
    we.wait_peer("10.2.0.2")
    wait_state(we, THEM)
    wait_state(we, "10.2.0.2")
    wait_for(lambda: session(we, THEM)["detection-time-usec"] == 150000)
    shown = we.json("show bgp neighbors 10.1.0.2")[THEM]["peerBfdInfo"]
    assert shown["type"] == "single hop" and shown["status"] == "Up"
    assert shown["rxMinInterval"] == 50 and shown["detectMultiplier"] == 3
    cut = time.time()
    them("nft", "add table inet cut")
    them("nft", "add chain inet cut in "
         "{ type filter hook input priority 0; policy drop; }")
    them("nft", "add chain inet cut out "
         "{ type filter hook output priority 0; policy drop; }")
    done = time.time()
    end = wait_logged(we, "sent NOTIFICATION Cease/BFD Down", cut)
    assert end - done < PROMISE
    assert we.peer(THEM)["state"] != "Established"
    shown = we.json("show bgp neighbors 10.1.0.2")[THEM]
    assert shown["lastResetDueTo"] == "Notification sent (Cease/BFD Down)"
    assert shown["lastShutdownDescription"] == "control detection time expired"
    # Who is not concerned stays.
    assert we.peer("10.2.0.2")["state"] == "Established"
    assert we.json("show bgp neighbors 10.2.0.2")["10.2.0.2"][
        "connectionsDropped"] == 0
    them("nft", "delete table inet cut")
    we.wait_peer(THEM)
    wait_state(we, THEM)
    assert peer.process.poll() is None


def test_neighbor_hears_why(lab):
    """BFD alone is lost: the way back is good, and Cease 10 arrives."""
    _, them, we, peer = neighbors(
        lab, "neighbor 10.1.0.2 bfd profile fast", more="",
        theirs=BIRD_BFD.replace("{", f"{{ neighbor {US};", 1))
    we.wait_peer(THEM)
    wait_state(we, THEM)
    wait_for(lambda: session(we, THEM)["detection-time-usec"] == 150000)
    them("nft", "add table inet cut")
    them("nft", "add chain inet cut out "
         "{ type filter hook output priority 0; }")
    them("nft", "add rule inet cut out udp dport 3784 drop")
    wait_logged(we, "sent NOTIFICATION Cease/BFD Down")
    # Older than RFC 9384, it has no name for it.
    wait_for(lambda: "Received: Unknown error 6.10" in open(peer.log).read()
             or "BFD" in peer.protocol("fairway"),
             say=lambda: peer.protocol("fairway") + open(peer.log).read())


def test_neighbor_without_bfd_is_a_neighbor(lab):
    _, _, we, peer = neighbors(lab, "neighbor 10.1.0.2 bfd", theirs="",
                               more="")
    we.wait_peer(THEM)
    time.sleep(2)
    assert session(we, THEM)["status"] == "down"
    assert we.peer(THEM)["state"] == "Established"
    assert we.json("show bgp neighbors 10.1.0.2")[THEM][
        "peerBfdInfo"]["status"] == "Down"
    # Nor does it end for lines that come and go.
    for line in ("no neighbor 10.1.0.2 bfd", "neighbor 10.1.0.2 bfd 4 90 90",
                 "neighbor 10.1.0.2 bfd strict"):
        we.sh("configure terminal", "router bgp", line)
    time.sleep(0.5)
    assert we.peer(THEM)["state"] == "Established"
    assert we.json("show bgp neighbors 10.1.0.2")[THEM][
        "connectionsDropped"] == 0
    assert peer.is_up("fairway")


def test_strict_waits_for_bfd(lab):
    _, them, we, peer = neighbors(
        lab, "neighbor 10.1.0.2 bfd profile fast\n"
        " neighbor 10.1.0.2 bfd strict", theirs="", more="")
    time.sleep(3)
    assert we.peer(THEM)["state"] == "Idle (BFD)"
    with open(peer.conf, "a") as f:
        f.write(f"protocol bfd late {{ interface \"eth*\" {{ {BIRD_FAST} }};"
                f" neighbor {US}; }}\n")
    peer.do("configure")
    we.wait_peer(THEM)
    assert session(we, THEM)["status"] == "up"
    wait_for(lambda: session(we, THEM)["detection-time-usec"] == 150000)
    # Lost, it is waited for again, though TCP would do.
    them("nft", "add table inet cut")
    them("nft", "add chain inet cut out "
         "{ type filter hook output priority 0; }")
    them("nft", "add rule inet cut out udp dport 3784 drop")
    wait_for(lambda: we.peer(THEM)["state"] == "Idle (BFD)", every=0.02)
    time.sleep(3)
    assert we.peer(THEM)["state"] == "Idle (BFD)"
    them("nft", "delete table inet cut")
    we.wait_peer(THEM)


def test_peer_that_stops_on_purpose_is_no_failure(lab):
    us, them = hosts(lab)
    Bird(them, BIRD_BGP.format(local=THEM, us=US, asn=65002, more=""),
         router_id=THEM).start()
    frr = FrrBfd(them, f"bfd\n peer {US}\n !\n!\n").start()
    we = Bgpd(us, BGP.format(bfd=FAST + "exit\n",
                             lines="neighbor 10.1.0.2 bfd")).start()
    we.wait_peer(THEM)
    wait_state(we, THEM)
    frr.vty("configure terminal", "bfd", f"peer {US}", "shutdown")
    wait_state(we, THEM, "down")
    time.sleep(0.5)
    assert we.peer(THEM)["state"] == "Established"
    frr.vty("configure terminal", "bfd", f"peer {US}", "no shutdown")
    wait_state(we, THEM)
    # And so do we: FRR is told before we leave.
    we.kill(signal.SIGTERM)
    wait_for(lambda: frr.peer(US).get("diagnostic")
             == "neighbor signaled session down", say=lambda: str(
                 frr.peers()), every=0.05)


def test_reload_resets_nothing(lab):
    _, _, we, _ = neighbors(lab, "neighbor 10.1.0.2 bfd profile fast")
    we.wait_peer(THEM)
    we.wait_peer("10.2.0.2")
    wait_state(we, THEM)
    wait_state(we, "10.2.0.2")
    for ms in (80, 300, 60):
        we.reconfigure(BGP.format(
            bfd=FAST.replace("-interval 50", f"-interval {ms}") + "exit\n",
            lines="neighbor 10.1.0.2 bfd profile fast"))
        wait_for(lambda: session(we, THEM)["transmit-interval-usec"]
                 == ms * 1000 and session(we, "10.2.0.2")[
                     "transmit-interval-usec"] == ms * 1000,
                 say=lambda: we.sh("show bfd peers"))
    for addr in (THEM, "10.2.0.2"):
        shown = we.json(f"show bgp neighbors {addr}")[addr]
        assert shown["connectionsEstablished"] == 1
        assert counters(we, addr)["session-down"] == 0


def test_internal_neighbor_of_another_subnet(lab):
    """Several hops, as FRR has it, between loopback addresses."""
    us, them = hosts(lab)
    us.ip("addr", "add", "10.9.0.1/32", "dev", "lo")
    them.ip("addr", "add", "10.9.0.2/32", "dev", "lo")
    us.ip("route", "add", "10.9.0.2/32", "via", THEM)
    them.ip("route", "add", "10.9.0.1/32", "via", US)
    peer = Frr(them, """
router bgp 65001
 bgp router-id 10.9.0.2
 neighbor 10.9.0.1 remote-as 65001
 neighbor 10.9.0.1 update-source 10.9.0.2
 neighbor 10.9.0.1 passive
""").start()
    FrrBfd(them, "bfd\n peer 10.9.0.1 multihop local-address 10.9.0.2\n"
           "  minimum-ttl 255\n !\n!\n".replace("255", "254")).start()
    we = Bgpd(us, """
router bgp 65001
 bgp router-id 10.9.0.1
 neighbor 10.9.0.2 remote-as 65001
 neighbor 10.9.0.2 update-source 10.9.0.1
 neighbor 10.9.0.2 bfd
""").start()
    we.wait_peer("10.9.0.2")
    wait_state(we, "10.9.0.2")
    assert session(we, "10.9.0.2")["multihop"]
    assert session(we, "10.9.0.2")["local"] == "10.9.0.1"
    assert peer.state("10.9.0.1") == "Established"


# Guests ---------------------------------------------------------------------------------

def watcher(us, lines):
    directory = us.path("guests")
    os.makedirs(directory, exist_ok=True)
    run("gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror",
        "-I" + os.path.join(TOP, "bgpd"), "-o",
        os.path.join(directory, "watcher.so"),
        os.path.join(TOP, "tests", "plugins", "watcher.c"))
    return Bgpd(us, FAST + "exit\nplugin watcher\n" + lines,
                ["-L", directory])


def test_guest_watches(lab):
    us, them = hosts(lab)
    peer = bird(them, f"neighbor {US};").start()
    we = watcher(us, f" watch {THEM} eth1 50000 3\n").start()
    wait_logged(we, f"watcher: {THEM} is down: ok, heard -1 us ago")
    wait_logged(we, f"watcher: {THEM} is up: ok")
    wait_for(lambda: session(we, THEM)["detection-time-usec"] == 150000)
    assert session(we, THEM)["clients"] == 1
    # A neighbor shares it: who asks for less gets it, and then less again.
    we.sh("configure terminal", "bfd", f"peer {THEM}",
          "transmit-interval 20", "receive-interval 1000")
    wait_for(lambda: session(we, THEM)["transmit-interval"] == 20)
    assert len(we.json("show bfd peers")) == 1
    assert session(we, THEM)["receive-interval"] == 50
    we.sh("configure terminal", "bfd", f"no peer {THEM}")
    wait_for(lambda: session(we, THEM)["transmit-interval"] == 50)
    assert counters(we, THEM)["session-down"] == 0
    killed = time.time()
    peer.process.kill()
    down = wait_logged(
        we, f"watcher: {THEM} is down: control detection time expired")
    assert down - killed < PROMISE
    ago = int(re.search(r"expired, heard (\d+) us ago",
                        we.read_log()).group(1))
    assert 150000 <= ago < 160000, ago
    we.sh("plugin unload watcher")
    wait_for(lambda: we.json("show bfd peers") == [])


def test_two_of_ours_at_a_millisecond(lab):
    us, them = hosts(lab)
    we = watcher(us, f" watch {THEM} eth1 1000 5\n").start()
    other = watcher(them, f" watch {US} eth1 1000 5\n").start()
    wait_state(we, THEM)
    wait_state(other, US)
    wait_for(lambda: session(we, THEM)["detection-time-usec"] == 5000)
    time.sleep(1)
    before = counters(we, THEM)["control-packet-output"]
    time.sleep(1)
    sent = counters(we, THEM)["control-packet-output"] - before
    assert 900 < sent < 1700, sent
    # Leaving on purpose is told, and is no failure.
    other.kill(signal.SIGTERM)
    wait_logged(we, f"{THEM} is admin: neighbor is administratively down")


WITHOUT_NICE = ["setpriv", "--bounding-set", "-sys_nice", "--inh-caps",
                "-sys_nice"]


@pytest.mark.parametrize("how", ["root", "another user", "not permitted"])
def test_real_time_where_permitted(lab, how):
    us, them = hosts(lab)
    bird(them, f"neighbor {US};").start()
    args = ["-u", "nobody"] if how == "another user" else []
    we = ours(us, f" peer {THEM}\n  profile fast\n exit\n", args)
    if how == "not permitted":
        we.before = WITHOUT_NICE
    if args:
        os.chmod(us.dir, 0o777)
    we.start()
    wait_state(we, THEM)
    real = "SCHED_RR" in we.sh("show bfd peers counters")
    threads = run("ps", "-o", "cls=,comm=", "-L", "-p", we.pid).stdout
    assert ("RR bfd" in " ".join(threads.split())) == real
    assert real == (how != "not permitted")
    if not real:
        assert "the thread is not real-time (Operation not permitted)" in (
            we.read_log())


def test_metrics(lab):
    us, _, we, _ = pair(lab)
    we.sh("configure terminal", "web listen 127.0.0.1 9300")
    text = wait_for(lambda: us("curl", "-s", "http://127.0.0.1:9300/metrics",
                               check=False).stdout)
    labels = f'{{peer="{THEM}",interface="",hops="single"}}'
    assert f"bgpd_bfd_session_up{labels} 1\n" in text
    assert f"bgpd_bfd_session_ups_total{labels} 1\n" in text
    assert f"bgpd_bfd_detection_time_seconds{labels} 0.15" in text
    assert 'bgpd_bfd_packets_dropped_total{reason="far"} 0\n' in text
    assert "bgpd_bfd_real_time " in text
