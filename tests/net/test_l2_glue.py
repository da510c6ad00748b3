# SPDX-License-Identifier: ISC
"""What stands between the halves of layer 2 and the daemon: how it begins, ends,
is changed while it runs, and what it costs nobody."""

import os
import re
import signal
import time

import pytest

from asker import Asker
from lab import Bgpd, wait_for
from segment import node_object
from team import Team

KEY = " key one\n"
GAP = 0.25  # of a machine that others use as well; what it is for is a second


@pytest.fixture
def team(lab):
    return Team(lab)


def without_l2(conf):
    """The configuration without the block."""
    head, rest = conf.split("plugin l2\n")
    return head + rest[rest.index("plugin k8s"):]


def other(team, member):
    return next(m for m in team.members if m is not member)


def descriptors(pid):
    where = f"/proc/{pid}/fd"
    return sorted(os.readlink(f"{where}/{fd}").split(":")[0]
                  for fd in os.listdir(where))


def status(pid, key):
    with open(f"/proc/{pid}/status") as f:
        return next(line.split()[1] for line in f if line.startswith(key))


def wait_loaded(member, loaded):
    wait_for(lambda: (member.bgpd.json("show plugins")["l2"]["state"]
                      == "running") == loaded, 5, say=member.bgpd.read_log)


# Its block comes and goes ------------------------------------------------------


@pytest.mark.parametrize("how", ["reload", "unload"])
def test_who_goes_alone_hands_over(team, how):
    team.start()
    owner = team.wait_agreed()
    with Asker(team) as asker:
        time.sleep(0.2)
        if how == "reload":
            owner.bgpd.reconfigure(without_l2(team.conf(owner)))
        else:
            assert "hands over" in owner.bgpd.sh("plugin unload l2")
        wait_loaded(owner, False)
        time.sleep(0.3)
    assert len(asker.macs()) == 2, team.say()
    assert asker.unanswered() == 0
    assert asker.longest_gap() < GAP
    assert asker.both() < GAP
    assert not owner.bgpd.is_dead(), owner.bgpd.read_log()
    rest = [m for m in team.members if m is not owner]
    new = team.wait_owner(among=rest)
    # It comes back, among addresses and nodes that are known already.
    if how == "reload":
        owner.bgpd.reconfigure(team.conf(owner))
    else:
        owner.bgpd.sh("plugin load l2")
    wait_loaded(owner, True)
    assert team.wait_agreed() is new


def test_who_is_wanted_again_while_it_leaves(team):
    team.start()
    owner = team.wait_agreed()
    owner.bgpd.sh("plugin unload l2", "plugin load l2")
    wait_for(lambda: "l2 stopped" in owner.bgpd.read_log(), 5)
    wait_loaded(owner, True)
    assert team.wait_agreed() is not owner
    # The second time is at once.
    assert "hands over" in owner.bgpd.sh("plugin unload l2", "show version")
    owner.bgpd.sh("plugin unload l2", check=False)
    assert owner.bgpd.json("show plugins")["l2"]["state"] == "unloaded"


def test_the_end_does_not_wait_for_who_is_gone(team):
    team.start()
    owner = team.wait_agreed()
    owner.signal(signal.SIGTERM)
    owner.bgpd.sh("plugin unload l2", "plugin unload l2", check=False)
    began = time.monotonic()
    owner.bgpd.process.wait(5)
    assert time.monotonic() - began < 2.5
    assert owner.bgpd.process.returncode == 0
    assert "did not hand over" not in owner.bgpd.read_log()
    team.wait_agreed()


# Nodes --------------------------------------------------------------------------


def rooms(member, port):
    """The receive buffers of the sockets of that port."""
    told = member.host("ss", "-uanmH", "sport", "=", f":{port}").stdout
    return [int(n) for n in re.findall(r"rb(\d+)", told)]


def test_a_node_joins_later(lab):
    team = Team(lab, count=2)
    first, second = team.members
    put = team.put
    # Its Node object is not there yet.
    team.put = lambda name, *objects: put(
        name, *(objects[:1] if name == "nodes" else objects))
    team.members = [first]
    team.start()
    assert team.wait_owner() is first
    assert rooms(first, 7946) == []
    team.members = [first, second]
    put("nodes", *[node_object(m.name, m.address) for m in team.members])
    team.put = put
    team.serve()
    second.start()
    assert team.wait_agreed() is first
    # A burst of all that each node owns must have room.
    assert len(rooms(first, 7946)) == 2
    assert min(rooms(first, 7946)) >= 512 * 1024
    # Another port, while it runs.
    team.knobs = " port 7947\n"
    for member in team.members:
        member.bgpd.reconfigure(team.conf(member))
    wait_for(lambda: rooms(first, 7947) and rooms(second, 7947), 5)
    assert rooms(first, 7946) == []
    before = first.nodes()["node2"]["messagesIn"]
    wait_for(lambda: first.nodes()["node2"]["messagesIn"] > before + 1, 5)
    assert team.wait_agreed() is first


# The key -----------------------------------------------------------------------


@pytest.mark.parametrize("partition", ["available", "consistent"])
def test_a_key_changes_node_by_node(lab, partition):
    rule = f" partition {partition}\n"
    team = Team(lab, knobs=rule + KEY).start()
    owner = team.wait_agreed()
    with Asker(team) as asker:
        for member in team.members:
            team.knobs = rule + " key two\n"
            member.bgpd.reconfigure(team.conf(member))
            time.sleep(1.5)
            # Some have the one, some the other: nobody is disbelieved.
            for m in team.members:
                assert "key" not in m.bgpd.json("show l2 nodes").get(
                    "lastRefusal", ""), team.say()
    assert asker.macs() == {owner.mac}, team.say()
    assert asker.longest_gap() < GAP
    for member in team.members:
        for name, node in member.nodes().items():
            assert node["otherKey"] is False, (member.name, name)
    # One that starts with it is one of them.
    back = other(team, owner)
    back.bgpd.kill()
    back.start()
    wait_for(lambda: back.show().get("owner") == owner.name, 10,
             say=team.say)


def test_a_key_is_never_shown(lab):
    team = Team(lab, count=2, knobs=" key s3cret\n").start()
    we = team.members[0].bgpd
    for what in ("show running-config", "show l2", "show l2 json",
                 "show l2 nodes", "show l2 nodes json", "show logging"):
        assert "s3cret" not in we.sh(what), what
    assert "s3cret" not in we.read_log()
    assert we.json("show l2")["authenticated"] is True


# Interfaces and addresses ---------------------------------------------------------


def test_an_address_that_comes_late(lab):
    team = Team(lab)
    late = team.members[2]
    late.host.ip("addr", "flush", "dev", "eth0", "scope", "global")
    team.start()
    owner = team.wait_owner(among=team.members[:2])
    time.sleep(3)
    assert not late.show()["mine"]
    assert "link" in late.bgpd.json("show l2")["silent"]
    late.host.ip("addr", "add", late.address + "/24", "dev", "eth0")
    wait_for(lambda: [n["bfd"] for n in late.nodes().values()
                      if "bfd" in n] == ["up", "up"], 5, say=team.say)
    assert {n["interface"] for n in late.nodes().values()
            if "interface" in n} == {"eth0"}
    assert team.wait_agreed() is owner


def test_a_node_speaks_by_the_address_that_is_known(lab):
    """Its first address is one that no Node object has."""
    team = Team(lab, count=2)
    one = team.members[0]
    one.host.ip("-4", "addr", "flush", "dev", "eth0", "scope", "global")
    for address in ("192.168.1.110", one.address):
        one.host.ip("addr", "add", address + "/24", "dev", "eth0")
    one.host.ip("route", "add", "default", "via", "192.168.1.1")
    team.start()
    owner = team.wait_agreed()
    for member in team.members:
        told = next(n for n in member.nodes().values() if "bfd" in n)
        assert told["bfd"] == "up" and told["messagesIn"] > 0
        assert "of no node" not in member.bgpd.json("show l2 nodes").get(
            "lastRefusal", "")
    back = other(team, owner)
    owner.bgpd.kill()
    team.wait_owner(among=[back], seconds=2)


def test_an_interface_that_is_made_anew(lab):
    """Another index behind the same name."""
    team = Team(lab).start()
    owner = team.wait_agreed()
    back = other(team, owner)
    back.host.ip("link", "del", "eth0")
    time.sleep(0.5)
    team.lab.cable(back.host, team.switch, f"{back.address}/24", "", "eth0",
                   back.host.port)
    team.switch.ip("link", "set", back.host.port, "master", "br0")
    wait_for(lambda: [n["bfd"] for n in back.nodes().values()
                      if "bfd" in n] == ["up", "up"], 10, say=team.say)
    # And what is said there is believed: a message a second.
    before = back.nodes()[owner.name]["messagesIn"]
    wait_for(lambda: back.nodes()[owner.name]["messagesIn"] > before + 1, 5,
             say=team.say)
    assert team.wait_agreed() is owner


def test_interfaces_of_pods_are_no_news(lab):
    team = Team(lab, count=2).start()
    team.wait_agreed()
    member = team.members[0]
    before = member.bgpd.read_log().count("interface ")
    for i in range(30):
        member.host.ip("link", "add", f"cali{i}", "type", "veth", "peer",
                       "name", f"veth{i}")
        member.host.ip("link", "del", f"cali{i}")
    time.sleep(0.3)
    after = member.bgpd.read_log().count("interface ")
    assert after == before


# Beginning anew ------------------------------------------------------------------


def restart(bgpd, how=None):
    before = bgpd.read_log().count(" runs, process ")
    if how is None:
        bgpd.sh("restart")
    else:
        how()
    wait_for(lambda: bgpd.read_log().count(" runs, process ") > before, 8,
             say=bgpd.read_log)
    wait_for(bgpd.answers, 5)


def test_restarts_leave_nothing_behind(team):
    team.start()
    owner = team.wait_agreed()
    pid = owner.bgpd.pid
    with open(f"/proc/{pid}/environ", "rb") as f:
        assert b"BGPD_RESTARTED" not in f.read()
    first = descriptors(pid)
    for _ in range(4):
        restart(owner.bgpd)
        assert team.wait_agreed() is owner
        # Held over the exec, and let go.
        wait_for(lambda: int(status(pid, "SigBlk"), 16) == 0, 2)
    wait_for(lambda: descriptors(pid) == first, 5,
             say=lambda: f"{first}\n{descriptors(pid)}")
    assert owner.bgpd.pid == pid and not owner.bgpd.is_dead()
    owner.signal(signal.SIGTERM)
    assert owner.bgpd.process.wait(5) == 0


def test_signals_while_it_begins_anew(team):
    team.start()
    owner = team.wait_agreed()

    def many():
        owner.signal(signal.SIGUSR2)
        for _ in range(500):  # one at least between two lives
            owner.signal(signal.SIGHUP)
            time.sleep(0.002)
    restart(owner.bgpd, many)
    time.sleep(0.5)
    assert not owner.bgpd.is_dead(), owner.bgpd.read_log()
    assert team.wait_agreed() is owner
    # What is stopping does not begin anew, and does not end in a hurry.
    with Asker(team) as asker:
        time.sleep(0.2)
        owner.signal(signal.SIGTERM)
        time.sleep(0.03)  # or the one of the lower number is first
        owner.signal(signal.SIGUSR2)
        assert owner.bgpd.process.wait(5) == 0
        time.sleep(0.3)
    assert asker.unanswered() == 0
    assert asker.longest_gap() < GAP
    assert owner.bgpd.read_log().count("stopping") > 0
    assert "ending at once" not in owner.bgpd.read_log()


def test_sigterm_ends_what_begins_anew(team):
    team.start()
    owner = team.wait_agreed()
    owner.signal(signal.SIGUSR2)
    time.sleep(0.02)
    owner.signal(signal.SIGTERM)
    # Early: it ends instead. Late: the new life does.
    assert owner.bgpd.process.wait(8) == 0
    assert not os.path.exists(owner.bgpd.socket)
    new = team.wait_owner(among=[m for m in team.members if m is not owner],
                          seconds=4)
    assert new is not owner


def test_restart_in_the_background(lab):
    host = lab.host("we")
    pid_file = host.path("bgpd.pid")
    we = Bgpd(host, f"log file {host.path('ours.log')}\nplugin l2\n",
              ["-d", "-i", pid_file])
    we.start(wait=False)
    assert we.process.wait(5) == 0
    with open(pid_file) as f:
        pid = int(f.read())
    try:
        we.sh("show version")  # the first connection opens a reserve
        time.sleep(0.5)
        before = descriptors(pid)
        we.sh("restart")
        time.sleep(1.5)
        wait_for(we.answers, 5)
        with open(pid_file) as f:
            assert int(f.read()) == pid
        wait_for(lambda: descriptors(pid) == before, 5,
                 say=lambda: f"{before}\n{descriptors(pid)}")
    finally:
        os.kill(pid, signal.SIGTERM)
    wait_for(lambda: not os.path.exists(f"/proc/{pid}"), 5)
    assert not os.path.exists(pid_file)


def test_restart_runs_what_is_installed(lab):
    """An upgrade puts another file in its place."""
    host = lab.host("we")
    we = Bgpd(host, "hostname we\nplugin l2\n")
    real = os.path.join(os.path.dirname(we.binary), ".libs", "bgpd")
    if not os.path.exists(real):
        real = we.binary
    mine = host.path("bgpd-installed")
    host("cp", real, mine)
    we.binary = mine
    we.start()
    old = os.stat(mine).st_ino
    host("cp", mine, mine + ".new")
    os.rename(mine + ".new", mine)
    assert os.stat(mine).st_ino != old
    restart(we)
    assert os.stat(f"/proc/{we.pid}/exe").st_ino == os.stat(mine).st_ino
