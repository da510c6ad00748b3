# SPDX-License-Identifier: ISC
"""Routes between us and real peers: attributes, policy, aggregation, rules."""

import re
import time

from lab import Bgpd, Bird, Frr, wait_for
from test_session import THEM, US, two_hosts

STATIC = """
protocol static ours {{ ipv4; {routes} }}
protocol bgp fairway {{
	local 10.1.0.2 as {asn};
	neighbor 10.1.0.1 as 65001;
	connect retry time 1; error wait time 1, 2;
	ipv4 {{ import all; export {export}; }};
}}
"""


def bird(them, routes, export="all", asn=65002):
    text = " ".join(f"route {r} blackhole;" for r in routes)
    return Bird(them, STATIC.format(routes=text, export=export, asn=asn),
                router_id=THEM).start()


def test_policy_is_required_towards_ebgp(lab):
    us, them = two_hosts(lab)
    conf = """
router bgp 65001
 neighbor 10.1.0.2 remote-as 65002
 network 192.0.2.0/24
"""
    we = Bgpd(us, conf).start()
    peer = bird(them, ["203.0.113.0/24"])
    we.wait_peer(THEM)
    time.sleep(1.5)
    assert not we.route("203.0.113.0/24") or not any(
        p.get("bestpath", {}).get("overall")
        for p in we.route("203.0.113.0/24"))
    assert not peer.route("192.0.2.0/24")
    assert "(Policy)" in we.sh("show bgp summary")
    we.reconfigure(conf + " no bgp ebgp-requires-policy\n")
    peer.wait_route("192.0.2.0/24")


def test_route_map_in_and_out(lab):
    us, them = two_hosts(lab)
    we = Bgpd(us, """
ip prefix-list OURS seq 5 permit 192.0.2.0/24
ip prefix-list THEIRS seq 5 permit 203.0.113.0/24 le 25
bgp community-list standard MARK seq 5 permit 65002:77
router bgp 65001
 neighbor 10.1.0.2 remote-as 65002
 address-family ipv4 unicast
  network 192.0.2.0/24
  network 198.51.100.0/24
  neighbor 10.1.0.2 route-map IN in
  neighbor 10.1.0.2 route-map OUT out
 exit-address-family
route-map IN permit 10
 match community MARK
 set local-preference 250
 set community 65001:9 additive
route-map IN permit 20
 match ip address prefix-list THEIRS
 set metric 77
route-map OUT permit 10
 match ip address prefix-list OURS
 set community 65001:1 no-export
 set metric 33
 set as-path prepend 65001 65001
""").start()
    peer = bird(them, ["203.0.113.0/25", "203.0.113.128/25", "10.99.0.0/16"],
                "filter { if net = 203.0.113.0/25 then "
                "bgp_community.add((65002,77)); accept; }")
    we.wait_peer(THEM)
    text = peer.wait_route("192.0.2.0/24")
    assert re.search(r"BGP\.as_path: 65001 65001 65001\b", text)
    assert re.search(r"BGP\.med: 33\b", text)
    assert "(65001,1)" in text and "(65535,65281)" in text
    assert not peer.route("198.51.100.0/24")
    marked = we.wait_route("203.0.113.0/25")[0]
    assert marked["locPrf"] == 250
    assert marked["community"]["string"] == "65001:9 65002:77"
    other = we.wait_route("203.0.113.128/25")[0]
    assert other["metric"] == 77
    best = [p for p in we.route("10.99.0.0/16")
            if p.get("bestpath", {}).get("overall")]
    assert not best
    # A changed map applies without a reset.
    ups = we.peer(THEM)["connectionsEstablished"]
    we.sh("configure terminal", "route-map OUT permit 10", "set metric 44")
    wait_for(lambda: re.search(r"BGP\.med: 44\b",
                               peer.route("192.0.2.0/24")))
    we.sh("configure terminal", "route-map IN permit 10",
          "set local-preference 300")
    wait_for(lambda: we.route("203.0.113.0/25")[0]["locPrf"] == 300)
    assert we.peer(THEM)["connectionsEstablished"] == ups


def test_prefix_lists_in_and_out(lab):
    us, them = two_hosts(lab)
    we = Bgpd(us, """
ip prefix-list IN seq 5 permit 203.0.113.0/24
ip prefix-list OUT seq 5 deny 198.51.100.0/24
ip prefix-list OUT seq 10 permit any
router bgp 65001
 neighbor 10.1.0.2 remote-as 65002
 neighbor 10.1.0.2 prefix-list IN in
 neighbor 10.1.0.2 prefix-list OUT out
 network 192.0.2.0/24
 network 198.51.100.0/24
""").start()
    peer = bird(them, ["203.0.113.0/24", "10.99.0.0/16"])
    peer.wait_route("192.0.2.0/24")
    we.wait_route("203.0.113.0/24")
    assert not peer.route("198.51.100.0/24")
    assert we.peer(THEM)["pfxRcd"] == 1


def test_aggregate_address(lab):
    us, them = two_hosts(lab)
    other = lab.host("other")
    lab.cable(us, other, "10.2.0.1/24", "10.2.0.2/24")
    we = Bgpd(us, """
router bgp 65001
 bgp router-id 10.1.0.1
 no bgp ebgp-requires-policy
 neighbor 10.1.0.2 remote-as 65002
 neighbor 10.2.0.2 remote-as 65003
 aggregate-address 203.0.0.0/16 summary-only
 aggregate-address 172.16.0.0/12 as-set
""").start()
    source = bird(them, ["203.0.1.0/24", "203.0.2.0/24", "172.16.5.0/24"])
    sink = Bird(other, """
protocol bgp fairway {
	local 10.2.0.2 as 65003;
	neighbor 10.2.0.1 as 65001;
	ipv4 { import all; export none; };
}
""", router_id="10.2.0.2").start()
    text = sink.wait_route("203.0.0.0/16")
    assert re.search(r"BGP\.as_path: 65001\s*$", text, re.M), text
    assert "BGP.aggregator: 10.1.0.1 AS65001" in text
    assert not sink.route("203.0.1.0/24")
    wide = sink.wait_route("172.16.0.0/12")
    assert "65002" in wide
    assert sink.wait_route("172.16.5.0/24")
    source.do("disable ours")
    sink.wait_route("203.0.0.0/16", gone=True)
    sink.wait_route("172.16.0.0/12", gone=True)
    source.do("enable ours")
    sink.wait_route("203.0.0.0/16")


def test_rules_between_three(lab):
    """iBGP is not told to iBGP; no-export stays inside; eBGP goes both ways."""
    us, them = two_hosts(lab)
    inner, second = lab.host("inner"), lab.host("second")
    lab.cable(us, inner, "10.2.0.1/24", "10.2.0.2/24")
    lab.cable(us, second, "10.3.0.1/24", "10.3.0.2/24")
    we = Bgpd(us, """
router bgp 65001
 bgp router-id 10.1.0.1
 no bgp ebgp-requires-policy
 neighbor 10.1.0.2 remote-as 65002
 neighbor 10.2.0.2 remote-as internal
 neighbor 10.2.0.2 next-hop-self
 neighbor 10.3.0.2 remote-as internal
""").start()
    outer = bird(them, ["203.0.113.0/24", "203.0.114.0/24"],
                 "filter { if net = 203.0.114.0/24 then "
                 "bgp_community.add((65535,65281)); accept; }")

    def internal(host, addr, route):
        return Bird(host, f"""
protocol static ours {{ ipv4; route {route} blackhole; }}
protocol bgp fairway {{
	local {addr} as 65001;
	neighbor {addr[:-1]}1 as 65001;
	ipv4 {{ import all; export filter {{
		bgp_local_pref = 222;
		if net = 10.77.0.0/16 then bgp_community.add((65535,65281));
		accept; }}; }};
}}
""", router_id=addr).start()

    a = internal(inner, "10.2.0.2", "10.77.0.0/16")
    b = internal(second, "10.3.0.2", "10.88.0.0/16")
    text = a.wait_route("203.0.113.0/24")
    assert "BGP.next_hop: 10.2.0.1" in text
    assert "BGP.local_pref: 100" in text
    assert a.wait_route("203.0.114.0/24")
    outer.wait_route("10.88.0.0/16")
    assert "local_pref: 222" not in outer.route("10.88.0.0/16")
    assert we.wait_route("10.77.0.0/16")[0]["locPrf"] == 222
    time.sleep(1)
    assert not outer.route("10.77.0.0/16")
    assert not a.route("10.88.0.0/16")
    assert not b.route("10.77.0.0/16")
    assert b.wait_route("203.0.113.0/24")


def test_local_as(lab):
    us, them = two_hosts(lab)
    we = Bgpd(us, """
router bgp 65099
 bgp router-id 10.1.0.1
 no bgp ebgp-requires-policy
 neighbor 10.1.0.2 remote-as 65002
 neighbor 10.1.0.2 local-as 65001 no-prepend replace-as
 network 192.0.2.0/24
""").start()
    peer = bird(them, [])
    text = peer.wait_route("192.0.2.0/24")
    assert re.search(r"BGP\.as_path: 65001\s*$", text, re.M), text
    assert we.peer(THEM)["state"] == "Established"


def test_maximum_prefix_brings_it_down(lab):
    us, them = two_hosts(lab)
    we = Bgpd(us, """
router bgp 65001
 no bgp ebgp-requires-policy
 neighbor 10.1.0.2 remote-as 65002
 neighbor 10.1.0.2 maximum-prefix 2
""").start()
    peer = bird(them, [f"10.{i}.0.0/16" for i in range(20, 25)])
    we.wait_peer(THEM, "Idle (PfxCt)")
    wait_for(lambda: "imit" in peer.protocol("fairway")
             or "aximum" in peer.protocol("fairway"),
             say=lambda: peer.protocol("fairway"))


def test_clear_soft_and_hard(lab):
    us, them = two_hosts(lab)
    we = Bgpd(us, """
router bgp 65001
 no bgp ebgp-requires-policy
 neighbor 10.1.0.2 remote-as 65002
 network 192.0.2.0/24
""").start()
    peer = bird(them, ["203.0.113.0/24"])
    we.wait_route("203.0.113.0/24")
    peer.wait_route("192.0.2.0/24")
    ups = we.peer(THEM)["connectionsEstablished"]
    we.sh("clear bgp * soft")
    time.sleep(1)
    assert we.peer(THEM)["connectionsEstablished"] == ups
    we.sh(f"clear bgp {THEM}")
    wait_for(lambda: we.peer(THEM).get("connectionsEstablished") == ups + 1,
             25)


def test_received_and_advertised(lab):
    us, them = two_hosts(lab)
    we = Bgpd(us, """
ip prefix-list IN seq 5 permit 203.0.113.0/24
router bgp 65001
 no bgp ebgp-requires-policy
 neighbor 10.1.0.2 remote-as 65002
 neighbor 10.1.0.2 prefix-list IN in
 network 192.0.2.0/24
""").start()
    bird(them, ["203.0.113.0/24", "10.99.0.0/16"])
    we.wait_route("203.0.113.0/24")
    received = we.json(f"show bgp ipv4 unicast neighbors {THEM} "
                       "received-routes")
    assert set(received["receivedRoutes"]) == {"203.0.113.0/24",
                                               "10.99.0.0/16"}
    told = we.json(f"show bgp ipv4 unicast neighbors {THEM} "
                   "advertised-routes")
    assert "192.0.2.0/24" in told["advertisedRoutes"]


def test_update_groups_tell_what_sets_them_apart(lab):
    """Three peers on a segment: two are told the same, one has a policy."""
    us = lab.host("us")
    us.ip("link", "add", "br0", "type", "bridge")
    us.ip("addr", "add", "10.1.0.1/24", "dev", "br0")
    us.ip("link", "set", "br0", "up")
    we = Bgpd(us, """
route-map ODD permit 10
 set metric 7
router bgp 65001
 no bgp ebgp-requires-policy
 neighbor 10.1.0.2 remote-as 65002
 neighbor 10.1.0.3 remote-as 65002
 neighbor 10.1.0.4 remote-as 65002
 neighbor 10.1.0.4 route-map ODD out
 network 192.0.2.0/24
""").start()
    for i in (2, 3, 4):
        peer = lab.host(f"peer{i}")
        port, _ = lab.cable(us, peer, "", f"10.1.0.{i}/24")
        us.ip("link", "set", port, "master", "br0")
        Bird(peer, f"""
protocol bgp ours {{
	local 10.1.0.{i} as 65002;
	neighbor 10.1.0.1 as 65001;
	connect retry time 1;
	ipv4 {{ import all; export none; }};
}}
""", router_id=f"10.1.0.{i}").start()
    for i in (2, 3, 4):
        we.wait_peer(f"10.1.0.{i}")

    def groups():
        return sorted(we.json("show bgp update-groups").values(),
                      key=lambda group: -group["members"])

    wait_for(lambda: [g["adjacencyCount"] for g in groups()] == [1, 1],
             say=lambda: str(groups()))
    both, odd = groups()
    assert both["peers"] == ["10.1.0.2", "10.1.0.3"]
    assert "apartBy" not in both
    assert odd["peers"] == ["10.1.0.4"]
    assert odd["apartBy"] == "Route map out"
    assert odd["routeMapOut"] == "ODD"
    text = we.sh("show bgp ipv4 unicast update-groups")
    assert f"Apart from group {both['groupId']} by: Route map out" in text
    # The reason gone, it is one group; what differed is told anew.
    we.sh("configure terminal", "router bgp 65001",
          "no neighbor 10.1.0.4 route-map ODD out")
    wait_for(lambda: [g["members"] for g in groups()] == [3],
             say=lambda: str(groups()))
    assert we.json("show bgp ipv6 update-groups") == {}


def test_many_routes_come_and_go(lab):
    us, them = two_hosts(lab)
    other = lab.host("other")
    lab.cable(us, other, "10.2.0.1/24", "10.2.0.2/24")
    we = Bgpd(us, """
router bgp 65001
 no bgp ebgp-requires-policy
 neighbor 10.1.0.2 remote-as 65002
 neighbor 10.2.0.2 remote-as 65003
""").start()
    routes = [f"10.{i}.{j}.0/24" for i in range(20) for j in range(250)]
    source = bird(them, routes)
    sink = Bird(other, """
protocol bgp fairway {
	local 10.2.0.2 as 65003;
	neighbor 10.2.0.1 as 65001;
	ipv4 { import all; export none; };
}
""", router_id="10.2.0.2").start()

    def count():
        text = sink.show("route count")
        return int(re.search(r"(\d+) of", text).group(1))

    wait_for(lambda: count() == len(routes), 30, say=lambda: str(count()))
    source.do("disable ours")
    wait_for(lambda: count() == 0, 30, say=lambda: str(count()))


def test_frr_reads_us_as_we_read_it(lab):
    us, them = two_hosts(lab)
    we = Bgpd(us, """
router bgp 65001
 bgp router-id 10.1.0.1
 neighbor 10.1.0.2 remote-as 65001
 address-family ipv4 unicast
  network 192.0.2.0/24 route-map SET
 exit-address-family
route-map SET permit 10
 set local-preference 321
 set community 65001:5 65001:6
 set metric 9
""").start()
    peer = Frr(them, """
router bgp 65001
 bgp router-id 10.1.0.2
 no bgp network import-check
 neighbor 10.1.0.1 remote-as 65001
 address-family ipv4 unicast
  network 203.0.113.0/24 route-map SET
 exit-address-family
route-map SET permit 10
 set local-preference 123
 set large-community 65001:1:2
""").start()
    theirs = peer.wait_route("192.0.2.0/24")[0]
    assert theirs["locPrf"] == 321 and theirs["metric"] == 9
    assert theirs["community"]["string"] == "65001:5 65001:6"
    mine = we.wait_route("203.0.113.0/24")[0]
    assert mine["locPrf"] == 123
    assert mine["largeCommunity"]["string"] == "65001:1:2"
    assert mine["origin"] == "IGP"
    assert peer.state(US) == "Established"
