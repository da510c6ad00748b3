# SPDX-License-Identifier: ISC
"""Real clients of real servers behind addresses, and nodes with many addresses."""

import signal
import time

import pytest

from asker import Asker, kube_proxy, web
from lab import wait_for
from segment import VIP, VIP6, endpoints, service
from team import Team

DIES = 0.300  # until new connections are made again
MANY = """apiVersion: v1
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
      - 10.9.0.0-10.9.3.231
"""


@pytest.fixture
def served(lab):
    """Both families, and an nginx behind each node."""
    team = Team(lab).start(services=["web", "six"])
    for member in team.members:
        kube_proxy(member.host, VIP, VIP6)
        web(member.host)
    for addr in (VIP, VIP6):
        team.wait_agreed(addr)
        wait_for(lambda: fetch(team, addr), say=team.say)
    team.wait_seen()
    return team


def fetch(team, addr, seconds=0.1):
    """Who answered a new connection; "" if nobody did."""
    url = f"http://[{addr}]/" if ":" in addr else f"http://{addr}/"
    return team.client("curl", "-sg", "--noproxy", "*", "-m", seconds, url,
                       check=False).stdout.strip()


def until_fetched(team, addr, but):
    return wait_for(lambda: fetch(team, addr) not in ("", but), 5, 0.005,
                    say=team.say)


@pytest.mark.parametrize("addr", [VIP, VIP6])
def test_curl_while_nodes_die(served, addr):
    """Pulled cables, then a process that is killed on a node that goes on."""
    team, owner = served, served.wait_agreed(addr)
    assert fetch(team, addr) == owner.name
    began = time.monotonic()
    owner.cut()
    until_fetched(team, addr, owner.name)
    took = [time.monotonic() - began]
    second = team.wait_owner(addr, among=[
        m for m in team.members if m is not owner])
    assert fetch(team, addr) == second.name
    owner.heal()
    team.wait_seen()
    assert team.wait_agreed(addr) is second
    assert fetch(team, addr) == second.name
    # The kernel goes on without bgpd: who is there is still served.
    began = time.monotonic()
    second.bgpd.kill()
    while time.monotonic() < began + 1:
        assert fetch(team, addr, 1)
    third = team.wait_owner(addr)
    began = time.monotonic()
    third.cut()
    until_fetched(team, addr, third.name)
    took.append(time.monotonic() - began)
    print("new connections after", *[f"{t * 1000:.0f} ms" for t in took])
    assert max(took) < DIES


def test_ipv6_is_followed_as_well(lab):
    """Each family on its own; here one node has both, and dies."""
    team = Team(lab).start(services=["web", "six"])
    owner6 = team.wait_agreed(VIP6)
    if team.wait_agreed() is not owner6:
        team.wait_agreed().bgpd.sh(f"handover address {VIP} {owner6.name}")
        wait_for(lambda: team.wait_agreed() is owner6, say=team.say)
    team.wait_seen()
    with Asker(team) as four, Asker(team, VIP6) as six:
        time.sleep(0.3)
        assert six.macs() == four.macs() == {owner6.mac}
        began = time.monotonic()
        owner6.signal(signal.SIGSTOP)
        time.sleep(1)
        woken = time.monotonic()
        owner6.signal(signal.SIGCONT)
        time.sleep(1)
    for asker in (four, six):
        found = asker.first_after(began, but=owner6.mac)
        print(f"{asker.addr}: {(found[0] - began) * 1000:.0f} ms")
        assert found[0] - began < DIES
        assert asker.both() == 0
        assert len(asker.macs(woken)) == 1
        # Said to all, so that who has it needs not ask.
        assert [mac for at, mac in asker.told
                if at > began and mac == found[1]]


def many(team, count):
    """Services web0000...: what a node may carry all at once."""
    made = []
    for i in range(count):
        made += [service(f"web{i:04}", loadBalancerIP=many_addr(i)),
                 endpoints(f"web{i:04}")]
        made[-1]["endpoints"] = team.slice("x")["endpoints"]
    team.put("many", *made)


def many_addr(i):
    return f"10.9.{i // 256}.{i % 256}"


def cpu_of(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_a_thousand_addresses(lab):
    """All of a node's are taken over, at the default pace, and then it is quiet."""
    team, count = Team(lab, 2), 1000
    for member in team.members:
        member.host.ip("addr", "add", f"10.9.8.{member.address[-2:]}/20",
                       "dev", "eth0")
    many(team, count)
    team.start(MANY, services=())
    one, other = team.members
    wait_for(lambda: sum(a["mine"] for m in team.members for a in m.bgpd.json(
        "show l2")["addresses"].values()) == count, 30, 0.5, say=lambda: "")
    team.wait_seen()
    other.bgpd.sh("handover node")
    wait_for(lambda: all(a["mine"] for a in one.bgpd.json(
        "show l2")["addresses"].values()), 10, 0.2, say=lambda: "")
    time.sleep(2)
    station = team.station(team.client)
    station.drain()
    began = time.monotonic()
    one.bgpd.kill()
    times = {}
    while len(times) < count and time.monotonic() < began + 5:
        for frame in station.collect(0.2, kind="arp", src=other.mac):
            times.setdefault(frame["spa"], frame["at"] - began)
    times = {a: t for a, t in times.items() if a.startswith("10.9.")}
    first, last = min(times.values()), max(times.values())
    print(f"{len(times)} announced, the first after {first * 1000:.0f} ms, "
          f"the last after {last * 1000:.0f} ms")
    assert len(times) == count and first < 0.25 and last < 2
    time.sleep(12)  # repeats are over
    spent, began = cpu_of(other.bgpd.pid), time.monotonic()
    time.sleep(2)
    spent = (cpu_of(other.bgpd.pid) - spent) / (time.monotonic() - began)
    print(f"idle: {spent * 100:.1f} % of a core")
    assert spent < 0.05
