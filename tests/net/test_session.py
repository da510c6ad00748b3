# SPDX-License-Identifier: ISC
"""Sessions with real peers: up, secured, lost, said goodbye."""

import re
import signal
import time

import pytest

from lab import Bgpd, Bird, Frr, Gobgp, Openbgpd, wait_for

US, THEM = "10.1.0.1", "10.1.0.2"

OURS = """
hostname us
router bgp 65001
 bgp router-id 10.1.0.1
 no bgp ebgp-requires-policy
 neighbor 10.1.0.2 remote-as 65002
 {more}
 address-family ipv4 unicast
  network 192.0.2.0/24
 exit-address-family
"""

BIRD = """
protocol static ours {{ ipv4; route 203.0.113.0/24 blackhole; }}
protocol bgp fairway {{
	local 10.1.0.2 as {asn};
	neighbor 10.1.0.1 as 65001;
	connect delay time 1; connect retry time 1; error wait time 1, 2;
	{more}
	ipv4 {{ import all; export all; }};
}}
"""


def two_hosts(lab):
    us, them = lab.host("us"), lab.host("them")
    lab.cable(us, them, "10.1.0.1/24 2001:db8:1::1/64",
              "10.1.0.2/24 2001:db8:1::2/64")
    return us, them


def ours(us, more="", args=(), **kw):
    return Bgpd(us, OURS.format(more=more), args)


def bird(them, more="", asn=65002):
    return Bird(them, BIRD.format(more=more, asn=asn), router_id=THEM)


def test_up_when_we_dial(lab):
    us, them = two_hosts(lab)
    peer = bird(them, "passive on;").start()
    we = ours(us).start()
    we.wait_peer(THEM)
    peer.wait_route("192.0.2.0/24")
    paths = we.wait_route("203.0.113.0/24")
    assert paths[0]["aspath"]["string"] == "65002"
    assert paths[0]["nexthops"][0]["ip"] == THEM
    text = peer.route("192.0.2.0/24")
    assert re.search(r"BGP\.as_path: 65001\b", text)
    assert re.search(r"BGP\.next_hop: 10\.1\.0\.1\b", text)
    assert "BGP.origin: IGP" in text


def test_up_when_they_dial(lab):
    us, them = two_hosts(lab)
    we = ours(us, "neighbor 10.1.0.2 passive").start()
    peer = bird(them).start()
    peer.wait_up("fairway")
    we.wait_peer(THEM)
    peer.wait_route("192.0.2.0/24")


def test_first_session_is_up_within_a_second(lab):
    us, them = two_hosts(lab)
    bird(them, "passive on;").start()
    we = ours(us).start()
    started = time.monotonic()
    we.wait_peer(THEM, seconds=3)
    assert time.monotonic() - started < 1.5


def test_md5_right(lab):
    us, them = two_hosts(lab)
    we = ours(us, "neighbor 10.1.0.2 password s3cret-of-ours").start()
    peer = bird(them, 'password "s3cret-of-ours";').start()
    we.wait_peer(THEM)
    peer.wait_route("192.0.2.0/24")
    assert "s3cret-of-ours" not in we.sh("show running-config")
    assert "password ********" in we.sh("show running-config")
    assert "s3cret-of-ours" not in we.read_log()


@pytest.mark.parametrize("who", ["we dial", "they dial"])
def test_md5_wrong_stays_down(lab, who):
    us, them = two_hosts(lab)
    passive = who == "they dial"
    we = ours(us, "neighbor 10.1.0.2 password right"
              + ("\n neighbor 10.1.0.2 passive" if passive else "")).start()
    peer = bird(them, 'password "wrong";'
                + ("" if passive else " passive on;")).start()
    time.sleep(4)
    assert we.peer(THEM)["state"] != "Established"
    assert not peer.is_up("fairway")
    # The cure brings it up without a restart.
    we.sh("configure terminal", "router bgp",
          "neighbor 10.1.0.2 password wrong")
    we.wait_peer(THEM, seconds=20)


def test_hold_timer_expires_when_peer_is_frozen(lab):
    us, them = two_hosts(lab)
    we = ours(us, "neighbor 10.1.0.2 timers 1 3").start()
    peer = bird(them).start()
    we.wait_peer(THEM)
    we.wait_route("203.0.113.0/24")
    peer.process.send_signal(signal.SIGSTOP)
    frozen = time.monotonic()
    we.wait_route("203.0.113.0/24", gone=True, seconds=8)
    assert 1.5 < time.monotonic() - frozen < 6
    assert "Hold Timer Expired" in we.read_log()
    peer.process.send_signal(signal.SIGCONT)
    we.wait_peer(THEM, seconds=25)


def test_collision_leaves_one_session(lab):
    us, them = two_hosts(lab)
    more = "connect delay time 1; connect retry time 1;"
    for _ in range(3):
        we = ours(us).start()
        peer = bird(them, more).start()
        we.wait_peer(THEM)
        peer.wait_up("fairway")
        time.sleep(1)
        established = us("ss", "-Htn", "state", "established",
                         "( dport = :179 or sport = :179 )").stdout
        assert len(established.splitlines()) == 1, established
        assert we.peer(THEM)["state"] == "Established"
        we.kill(signal.SIGTERM)
        peer.process.terminate()
        peer.process.wait()


def test_two_octet_peer(lab):
    """Two octets with AS4_PATH beside them, which the peer puts together."""
    us, them = two_hosts(lab)
    we = Bgpd(us, """
router bgp 4200000001
 bgp router-id 10.1.0.1
 no bgp ebgp-requires-policy
 neighbor 10.1.0.2 remote-as 65002
 network 192.0.2.0/24
""").start()
    peer = Openbgpd(them, """
AS 65002
router-id 10.1.0.2
fib-update no
network 203.0.113.0/24
neighbor 10.1.0.1 {
	remote-as 4200000001
	announce as-4byte no
}
allow from any
allow to any
""").start()
    we.wait_peer(THEM, seconds=40)
    wait_for(lambda: "4200000001" in peer.ctl("show", "rib").stdout,
             say=lambda: peer.ctl("show", "rib").stdout)
    assert we.wait_route("203.0.113.0/24")[0]["aspath"]["string"] == "65002"


def test_shutdown_text_is_seen_by_the_peer(lab):
    us, them = two_hosts(lab)
    we = ours(us).start()
    peer = bird(them).start()
    we.wait_peer(THEM)
    we.sh("configure terminal", "router bgp 65001",
          "neighbor 10.1.0.2 shutdown message see ticket 4711")
    wait_for(lambda: "see ticket 4711" in peer.protocol("fairway")
             or "see ticket 4711" in open(peer.log).read(),
             say=lambda: peer.protocol("fairway") + open(peer.log).read())
    assert we.peer(THEM)["state"] == "Idle (Admin)"
    we.sh("configure terminal", "router bgp 65001",
          "no neighbor 10.1.0.2 shutdown")
    we.wait_peer(THEM)


def test_sigterm_says_cease_and_leaves_within_a_second(lab):
    us, them = two_hosts(lab)
    we = ours(us).start()
    peer = bird(them).start()
    peer.wait_up("fairway")
    began = time.monotonic()
    assert we.kill(signal.SIGTERM) == 0
    assert time.monotonic() - began < 1
    wait_for(lambda: "dministrative shutdown" in peer.protocol("fairway"),
             say=lambda: peer.protocol("fairway"))


def test_a_taken_port_is_a_warning_and_dialling_goes_on(lab):
    us, them = two_hosts(lab)
    holder = us.start("python3", "-c",
                      "import socket,time; s=socket.socket();"
                      "s.bind(('0.0.0.0',179)); s.listen(); time.sleep(99)")
    wait_for(lambda: ":179" in us("ss", "-Hltn").stdout)
    bird(them, "passive on;").start()
    we = ours(us).start()
    we.wait_peer(THEM)
    assert "179" in we.read_log()
    assert holder.poll() is None


def test_ipv6_session_and_routes(lab):
    us, them = two_hosts(lab)
    we = Bgpd(us, """
router bgp 65001
 bgp router-id 10.1.0.1
 no bgp ebgp-requires-policy
 no bgp default ipv4-unicast
 neighbor 2001:db8:1::2 remote-as 65002
 address-family ipv6 unicast
  neighbor 2001:db8:1::2 activate
  network 2001:db8:aaaa::/48
 exit-address-family
""").start()
    peer = Bird(them, """
protocol static ours { ipv6; route 2001:db8:bbbb::/48 blackhole; }
protocol bgp fairway { debug all;
	local 2001:db8:1::2 as 65002;
	neighbor 2001:db8:1::1 as 65001;
	ipv6 { import all; export all; };
}
""", router_id=THEM).start()
    peer.wait_up("fairway")
    text = peer.wait_route("2001:db8:aaaa::/48")
    assert "2001:db8:1::1" in text
    paths = we.wait_route("2001:db8:bbbb::/48")
    assert paths[0]["aspath"]["string"] == "65002"


def test_ipv6_routes_over_an_ipv4_session(lab):
    us, them = two_hosts(lab)
    we = ours(us, """neighbor 10.1.0.2 timers 3 9
 address-family ipv6 unicast
  neighbor 10.1.0.2 activate
  network 2001:db8:aaaa::/48
 exit-address-family""").start()
    peer = bird(them, "ipv6 { import all; export all; };").start()
    we.wait_peer(THEM)
    text = peer.wait_route("2001:db8:aaaa::/48")
    assert "2001:db8:1::1" in text


def test_gtsm_and_multihop(lab):
    us, them = two_hosts(lab)
    we = ours(us, "neighbor 10.1.0.2 ttl-security hops 1").start()
    peer = bird(them, "ttl security on;").start()
    we.wait_peer(THEM)
    peer.wait_route("192.0.2.0/24")


def test_frr(lab):
    us, them = two_hosts(lab)
    we = ours(us).start()
    peer = Frr(them, """
router bgp 65002
 bgp router-id 10.1.0.2
 no bgp ebgp-requires-policy
 no bgp network import-check
 neighbor 10.1.0.1 remote-as 65001
 address-family ipv4 unicast
  network 203.0.113.0/24
 exit-address-family
""").start()
    peer.wait_up(US)
    path = peer.wait_route("192.0.2.0/24")[0]
    assert path["aspath"]["string"] == "65001"
    assert we.wait_route("203.0.113.0/24")
    neighbor = peer.json(f"show bgp neighbors {US}")[US]
    assert neighbor["hostname"] == "us"


def test_gobgp(lab):
    us, them = two_hosts(lab)
    we = ours(us).start()
    peer = Gobgp(them, """
[global.config]
  as = 65002
  router-id = "10.1.0.2"
[[neighbors]]
  [neighbors.config]
    neighbor-address = "10.1.0.1"
    peer-as = 65001
  [neighbors.timers.config]
    connect-retry = 1
""").start()
    peer.wait_up(US, seconds=30)
    wait_for(lambda: "192.0.2.0/24" in peer.rib())
    peer.cli("global", "rib", "add", "203.0.113.0/24", "nexthop", THEM)
    assert we.wait_route("203.0.113.0/24")
    peer.cli("global", "rib", "del", "203.0.113.0/24")
    we.wait_route("203.0.113.0/24", gone=True)


def test_openbgpd(lab):
    us, them = two_hosts(lab)
    we = ours(us).start()
    peer = Openbgpd(them, """
AS 65002
router-id 10.1.0.2
fib-update no
network 203.0.113.0/24
neighbor 10.1.0.1 {
	remote-as 65001
	announce IPv4 unicast
}
allow from any
allow to any
""").start()
    peer.wait_up(US, seconds=40)
    wait_for(lambda: "192.0.2.0/24" in peer.ctl("show", "rib").stdout)
    assert we.wait_route("203.0.113.0/24")
