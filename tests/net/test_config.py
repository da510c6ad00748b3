# SPDX-License-Identifier: ISC
"""bgpd.conf and the command line: read whole or not at all, and named."""

import glob
import json
import os
import re
import signal
import stat
import time

import pytest

from lab import BUILD, TOP, Bgpd, run, wait_for
from test_k8s import World
from test_session import THEM, US, bird, ours, two_hosts

BGPD = os.path.join(BUILD, "bgpd", "bgpd")
PLUGINS = os.path.join(BUILD, "plugins")

GOOD = """hostname us
log monitor debugging
ip prefix-list IN seq 5 permit any
route-map OUT permit 10
 set metric 5
router bgp 65001
 bgp router-id 10.1.0.1
 no bgp ebgp-requires-policy
 neighbor 10.1.0.2 remote-as 65002
 neighbor 10.1.0.2 timers 3 9
 address-family ipv4 unicast
  network 192.0.2.0/24
 exit-address-family
line vty
"""


def check(path):
    return run(BGPD, "-C", "-f", path, "-L", PLUGINS, check=False)


# Checked ------------------------------------------------------------------------

CONFS = [path for path in glob.glob(os.path.join(TOP, "etc", "**", "*.conf"),
                                    recursive=True)
         if os.path.basename(path).startswith("bgpd")]


@pytest.mark.parametrize("path", CONFS,
                         ids=[os.path.relpath(p, TOP) for p in CONFS])
def test_every_file_that_is_delivered_is_good(path):
    done = check(path)
    assert done.returncode == 0, done.stderr


def test_there_is_one_that_is_delivered():
    assert CONFS


def test_check_names_every_fault(tmp_path):
    path = tmp_path / "bgpd.conf"
    path.write_text("hostnam us\n" + GOOD
                    + "router bgp 65001\n neighbor 10.1.0.9 port 70000\n"
                    + " neighbor 10.1.0.9 password hunter2 ok\n"
                    + "plugin absent\nplugin k8s\n surce directory /tmp\n")
    done = check(path)
    assert done.returncode == 1
    said = done.stderr + done.stdout
    lines = [int(n) for n in re.findall(r"bgpd\.conf:(\d+): ", said)]
    assert {1, 17, 19, 21} <= set(lines), said
    assert "hunter2" not in said
    # And it neither listens nor leaves a socket.
    assert os.listdir(tmp_path) == ["bgpd.conf"]


def test_check_names_every_line_of_a_block(tmp_path):
    """Its plugin's own faults, too; of a crowd of them the first twenty."""
    path = tmp_path / "bgpd.conf"
    path.write_text("plugin l2\n pace 1\n node a fe80::1\n port 7000\n"
                    " settling 99999999\n node b 192.0.2.1\n")
    done = check(path)
    assert done.returncode == 1
    said = done.stderr + done.stdout
    lines = re.findall(r"bgpd\.conf:(\d+): plugin l2: ", said)
    assert sorted(lines) == ["2", "3", "5"], said
    path.write_text("plugin l2\n" + "".join(
        f" node n{i} fe80::{i}\n" for i in range(1, 60)))
    done = check(path)
    assert (done.stderr + done.stdout).count("link-local") == 20


def test_a_file_that_is_not_there(tmp_path):
    done = check(tmp_path / "absent.conf")
    assert done.returncode == 1 and "absent.conf" in done.stderr


@pytest.mark.parametrize("args, status, words", [
    (["-x"], 2, "-- 'x'"), (["-p", "65536"], 2, "65536"),
    (["-l", "nowhere"], 2, "nowhere"), (["surplus"], 2, "surplus"),
    (["-v"], 0, "bgpd (fairway)"), (["-h"], 0, "usage: bgpd"),
])
def test_the_command_line(args, status, words):
    done = run(BGPD, *args, check=False)
    assert done.returncode == status
    assert words in done.stdout + done.stderr


# Reloaded --------------------------------------------------------------------------

WRONG = ["hostnam us", "router bgp 0", "router bgp 65001\n neighbour 10.1.0.2 "
         "passive", "router bgp 65001\n neighbor 10.1.0.2 timers 3",
         "ip prefix-list IN permit 10.0.0.0/33", "route-map OUT permit 10\n "
         "set local-preference much", "plugin absent",
         "router bgp 65001\n neighbor 10.1.0.7 description no AS",
         "log syslog loud", "plugin k8s\n source api\n source "
         "directory /nowhere"]


def test_a_wrong_line_anywhere_changes_nothing(lab):
    us, them = two_hosts(lab)
    we = Bgpd(us, GOOD).start()
    peer = bird(them).start()
    peer.wait_route("192.0.2.0/24")
    before = we.sh("show running-config")
    changed = GOOD.replace("hostname us", "hostname other").replace(
        "192.0.2.0/24", "198.51.100.0/24")
    for wrong in WRONG:
        for text, at in ((wrong + "\n" + changed, 0),
                         (changed + wrong + "\n", changed.count("\n"))):
            at += wrong.count("\n") + 1
            logged = len(we.read_log())
            we.reconfigure(text)
            wait_for(lambda: re.search(
                rf"bgpd\.conf:({at}|{at - 1}): ", we.read_log()[logged:]), 5,
                say=lambda: wrong + we.read_log()[logged:])
            assert we.sh("show running-config") == before, wrong
    assert peer.route("192.0.2.0/24")
    assert not peer.route("198.51.100.0/24")
    assert we.peer(THEM)["connectionsEstablished"] == 1
    we.reconfigure(changed)
    peer.wait_route("198.51.100.0/24")
    assert we.peer(THEM)["connectionsEstablished"] == 1


def test_there_and_back_leaves_the_session_up(lab):
    us, them = two_hosts(lab)
    a = GOOD
    b = GOOD.replace("router bgp 65001", """ip prefix-list NEW permit any
router bgp 65001
 neighbor 10.1.0.99 remote-as 65099
 neighbor 10.1.0.2 description now with a name""").replace(
        "  network 192.0.2.0/24", """  network 198.51.100.0/24
  neighbor 10.1.0.2 route-map OUT out""") + "hostname us2\n"
    we = Bgpd(us, a).start()
    peer = bird(them).start()
    peer.wait_route("192.0.2.0/24")
    shown = we.sh("show running-config")
    we.reconfigure(b)
    text = peer.wait_route("198.51.100.0/24")
    assert re.search(r"BGP\.med: 5\b", text)
    peer.wait_route("192.0.2.0/24", gone=True)
    assert "now with a name" in we.sh("show bgp neighbors")
    assert we.peer("10.1.0.99")
    we.reconfigure(a)
    text = peer.wait_route("192.0.2.0/24")
    assert "BGP.med: 5" not in text
    wait_for(lambda: not we.peer("10.1.0.99"))
    assert we.sh("show running-config") == shown
    assert we.peer(THEM)["connectionsEstablished"] == 1
    assert peer.is_up("fairway")


@pytest.mark.parametrize("old, new, cure", [
    ("remote-as 65002", "remote-as 65003", 65003),
    ("router bgp 65001", "router bgp 65004", None),
])
def test_a_change_of_as_resets(lab, old, new, cure):
    us, them = two_hosts(lab)
    we = Bgpd(us, GOOD).start()
    peer = bird(them).start()
    we.wait_peer(THEM)
    we.reconfigure(GOOD.replace(old, new))
    wait_for(lambda: not peer.is_up("fairway"), 5)
    if cure:
        peer.process.terminate()
        peer.process.wait()
        bird(them, asn=cure).start()
        we.wait_peer(THEM)


def test_hostname_and_logs(lab):
    us, _ = two_hosts(lab)
    path = us.path("own.log")
    we = Bgpd(us, GOOD + f"log file {path} debugging\nlog json\n").start()
    assert we.json("show version")["hostname"] == "us"
    with open(path) as f:
        lines = f.read().splitlines()
    assert lines
    said = [json.loads(line) for line in lines]
    assert any("runs" in json.dumps(line) for line in said)
    for line in we.read_log().splitlines():
        json.loads(line)
    # Rotated: the name is opened again. And without `log json` it is text.
    os.rename(path, path + ".1")
    we.reconfigure(GOOD.replace("hostname us", "hostname them")
                   + f"log file {path}\nlog stdout errors\n")
    wait_for(lambda: os.path.exists(path), 5)
    wait_for(lambda: we.json("show version")["hostname"] == "them", 5)
    silent = len(we.read_log())
    we.sh("configure terminal", "log file " + path + " debugging")
    we.sh("show version")
    with open(path) as f:
        assert re.search(r"^\S+Z debug shell: ", f.read(), re.M)
    assert len(we.read_log()) == silent
    we.reconfigure(GOOD.replace("hostname us\n", ""))
    wait_for(lambda: we.json("show version")["hostname"]
             == os.uname().nodename, 5)


# Run -------------------------------------------------------------------------------

def lives(pid):
    """One that nobody waited for yet is dead all the same."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def listeners(host):
    return re.findall(r"(\S+):179\b", host("ss", "-Hltn").stdout)


def test_where_it_listens(lab):
    us, them = two_hosts(lab)
    we = ours(us, args=["-p", "0"]).start()
    bird(them).start()
    we.wait_peer(THEM)  # dialled
    assert listeners(us) == []
    we.kill(signal.SIGTERM)
    we.args = ["-l", US, "-l", "2001:db8:1::1"]
    we.start()
    wait_for(lambda: sorted(listeners(us)) == sorted([US, "[2001:db8:1::1]"]),
             say=lambda: str(listeners(us)))
    we.kill(signal.SIGTERM)
    we.args = ["-p", "1790"]
    we.start()
    assert ":1790" in us("ss", "-Hltn").stdout and not listeners(us)


def test_daemon_with_a_pid_file(lab):
    us, them = two_hosts(lab)
    pid_file = us.path("bgpd.pid")
    we = ours(us, args=["-d", "-i", pid_file])
    peer = bird(them).start()
    began = time.monotonic()
    we.start(wait=False)
    assert we.process.wait(5) == 0  # the one that was started has left
    assert time.monotonic() - began < 3
    with open(pid_file) as f:
        pid = int(f.read())
    try:
        we.wait_peer(THEM)
        assert os.readlink(f"/proc/{pid}/exe").endswith("bgpd")
        assert os.getsid(pid) != os.getsid(0)
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not lives(pid), 1.0, every=0.02)
    finally:
        if lives(pid):
            os.kill(pid, signal.SIGKILL)
    assert not os.path.exists(pid_file) and not os.path.exists(we.socket)
    wait_for(lambda: not peer.is_up("fairway"), 3)


def test_a_fault_is_told_before_it_goes_to_the_background(lab):
    us, _ = two_hosts(lab)
    conf = us.write("bad.conf", "hostnam us\n")
    done = us(BGPD, "-d", "-f", conf, "-s", us.path("x.sock"), check=False)
    assert done.returncode == 1
    assert "bad.conf:1:" in done.stderr


def test_sigterm_is_quick(lab):
    world = World(lab, more="plugin l2\n")
    router = world.router()
    world.serve("web")
    world.start()
    router.wait_route("198.51.100.0/32")
    began = time.monotonic()
    assert world.we.kill(signal.SIGTERM) == 0
    assert time.monotonic() - began < 1.0
    assert "dministrative shutdown" in router.protocol("node") \
        or not router.is_up("node")
    assert not os.path.exists(world.we.socket)


def test_the_socket_of_a_living_daemon_is_not_taken(lab):
    us, _ = two_hosts(lab)
    we = ours(us).start()
    assert stat.S_IMODE(os.stat(we.socket).st_mode) & 0o007 == 0
    other = us.write("other.conf", "hostname other\n", 0o600)
    done = us(BGPD, "-f", other, "-s", we.socket, "-p", "0", check=False,
              timeout=5)
    assert done.returncode == 1 and we.socket in done.stderr
    assert we.json("show version")["hostname"] == "us"
    # One that died leaves its socket: that one is taken.
    we.kill()
    assert os.path.exists(we.socket)
    we.start(wait=False)
    wait_for(lambda: we.sh("show version", check=False).returncode == 0)


def test_as_another_user(lab):
    us, them = two_hosts(lab)
    we = ours(us, args=["-u", "nobody"])
    us.write("bgpd.conf", open(we.conf).read(), 0o644)
    we.start()
    bird(them).start()
    we.wait_peer(THEM)
    with open(f"/proc/{we.pid}/status") as f:
        uids = re.search(r"Uid:\s+(.*)", f.read()).group(1).split()
    assert "0" not in uids
    assert sorted(listeners(us)) != []
