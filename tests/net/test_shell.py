# SPDX-License-Identifier: ISC
"""The shell: asked, edited with, watched, left alone by its daemon."""

import json
import os
import pty
import re
import signal
import stat
import subprocess
import time

import pytest

from lab import BUILD, Bgpd, Bird, run, wait_for
from test_k8s import World
from test_session import OURS, THEM, bird, ours, two_hosts


@pytest.fixture
def alone(lab):
    """A daemon with a neighbor that never answers."""
    us, _ = two_hosts(lab)
    return ours(us).start()


class Terminal:
    """A person at bgpsh: types, and reads until something is seen."""

    def __init__(self, we):
        master, slave = pty.openpty()
        self.fd = master
        self.seen = ""
        self.process = we.host.start(we.shell_binary, "-s", we.socket,
                                     stdin=slave, log=f"/proc/self/fd/{slave}",
                                     env={**os.environ, "TERM": "dumb"},
                                     start_new_session=True)
        os.close(slave)
        os.set_blocking(master, False)

    def read(self):
        try:
            self.seen += os.read(self.fd, 65536).decode(errors="replace")
        except (BlockingIOError, OSError):
            pass
        return self.seen

    def until(self, pattern, seconds=5):
        """All up to and with the pattern, which then is past."""
        found = wait_for(lambda: re.search(pattern, self.read(), re.S),
                         seconds, every=0.02, say=lambda: repr(self.seen))
        text, self.seen = self.seen[:found.end()], self.seen[found.end():]
        return text

    def type(self, text):
        os.write(self.fd, text.encode())


# Shows ---------------------------------------------------------------------------

def shows():
    """Every show of the language, with values in the place of words."""
    rows = run(os.path.join(BUILD, "bgpd", "bgpd"), "-R").stdout
    rows = rows.split("[configuration]")[0]
    values = {"ADDR": "10.1.0.2", "PREFIX": "192.0.2.0/24", "NAME": "x"}
    for row in re.findall(r"^show .*?(?=\t)", rows, re.M):
        for optional in ("", r"\1"):
            line = row
            while re.search(r"\[[^][]*\]", line):
                line = re.sub(r"\[([^][]*)\]", optional, line)
            line = re.sub(r"\(([^|)]*)\|[^)]*\)", r"\1", line)
            line = re.sub(r" \{[^}]*\}", "", line)
            words = [values.get(word, word) for word in line.split()]
            yield " ".join(words)
    yield "show bgp ipv6 unicast summary"
    yield "show bgp ipv4 unicast 192.0.2.77"


def test_every_show_speaks_json(lab):
    us, them = two_hosts(lab)
    we = Bgpd(us, """
ip prefix-list x permit any
ipv6 prefix-list x permit any
route-map x permit 10
bfd
 peer 10.1.0.2
""" + OURS.format(more="")).start()
    bird(them).start()
    we.wait_route("203.0.113.0/24")
    lines = sorted(set(shows()))
    assert len(lines) > 15 and "show bgp neighbors" in lines
    for line in lines:
        text = we.sh(line + " json")
        try:
            json.loads(text)
        except json.JSONDecodeError:
            pytest.fail(f"{line} json: {text}")
        assert not we.sh(line).startswith("{"), line


def test_every_show_of_the_plugins_speaks_json(lab):
    world = World(lab, more="plugin l2\n")
    world.serve("web")
    world.start()
    world.wait_address("web")
    for line in ("show k8s", "show l2", "show services", "show services web",
                 "show services default/web", "show plugins"):
        assert json.loads(world.we.sh(line + " json")), line
    assert "default/web" in world.we.json("show services web")
    assert world.we.json("show services nobody") == {}
    plugins = world.we.json("show plugins")
    assert plugins["k8s"]["state"] == plugins["l2"]["state"] == "running"
    assert plugins["k8s"]["source"] and plugins["l2"]["backend"]


# Words ----------------------------------------------------------------------------

def test_unique_beginnings_are_enough(alone):
    assert alone.sh("sh ver") == alone.sh("show version")
    assert "10.1.0.2" in alone.sh("sh ip bgp sum")
    assert "hostname us" in alone.sh("sh run")
    alone.sh("conf t", "router bgp", "nei 10.1.0.2 desc the router upstairs")
    assert "description the router upstairs" in alone.sh("sh run")


@pytest.mark.parametrize("line, word", [
    ("nonsense", "nknown"),
    ("show nonsense", "nknown"),
    ("show", "incomplete"),
    ("show ip", "incomplete"),
    ("show r", "mbiguous"),
    ("show bgp ipv4 unicast 10.0.0.0/33", "10.0.0.0/33"),
    ("show bgp neighbors 10.0.0.300", "10.0.0.300"),
    ("clear bgp nobody", "nobody"),
    ("plugin load ../evil", "../evil"),
    ("plugin load absent", "absent"),
    ("plugin unload absent", "absent"),
])
def test_a_line_that_is_wrong_fails_and_says_so(alone, line, word):
    done = alone.sh(line, check=False)
    assert done.returncode == 1
    assert word in done.stdout + done.stderr


def test_several_commands_and_their_status(alone):
    done = alone.sh("show version", "show plugins", check=False)
    assert done.returncode == 0 and "Fairway" in done.stdout
    # What follows one that fails is not run: it might mean something else.
    done = alone.sh("configure terminal", "router bgp", "nonsense",
                    "no neighbor 10.1.0.2", check=False)
    assert done.returncode == 1
    assert "neighbor 10.1.0.2" in alone.sh("show running-config")
    script = alone.host(alone.shell_binary, "-s", alone.socket, check=False,
                        input="show version\nnonsense\nshow plugins\n")
    assert script.returncode == 1
    assert "line 2 failed" in script.stderr and "Plugin" in script.stdout


# Editing -----------------------------------------------------------------------------

def test_edits_apply_at_once(lab):
    us, them = two_hosts(lab)
    we = ours(us).start()
    peer = bird(them).start()
    peer.wait_route("192.0.2.0/24")
    ups = we.peer(THEM)["connectionsEstablished"]
    we.sh("configure terminal", "router bgp 65001",
          "address-family ipv4 unicast", "network 198.51.100.0/24",
          "no network 192.0.2.0/24")
    peer.wait_route("198.51.100.0/24", seconds=3)
    peer.wait_route("192.0.2.0/24", gone=True, seconds=3)
    assert we.peer(THEM)["connectionsEstablished"] == ups
    we.sh("configure terminal", "router bgp", "neighbor 10.1.0.2 shutdown "
          "message gone fishing")
    wait_for(lambda: "gone fishing" in peer.protocol("fairway")
             or "shutdown" in peer.protocol("fairway"), 5)
    we.sh("configure terminal", "router bgp", "no neighbor 10.1.0.2 shutdown")
    we.wait_peer(THEM)
    we.sh("configure terminal", "router bgp", "no neighbor 10.1.0.2")
    assert not we.peer(THEM)


def test_a_line_that_a_plugin_owns_is_refused(lab):
    world = World(lab)
    router = world.router()
    world.serve("web")
    world.start()
    router.wait_route("198.51.100.0/32")
    before = world.we.sh("show running-config")
    assert "! k8s: neighbor 10.0.0.1 remote-as 64512" in before
    for line in ("no neighbor 10.0.0.1", "no neighbor 10.0.0.1 remote-as",
                 "no neighbor 10.0.0.1 description"):
        done = world.we.sh("configure terminal", "router bgp", line,
                           check=False)
        assert done.returncode == 1, line
        assert "plugin k8s" in done.stderr
    assert router.route("198.51.100.0/32") and world.ups() == 1
    assert "neighbor 10.0.0.1 remote-as 64512" in \
        world.we.sh("show running-config")


def test_an_as_of_our_own_beside_the_plugins_peers(lab):
    """`router bgp` without a number may be given one later."""
    world = World(lab)
    router = world.router()
    world.serve("web")
    world.start()
    router.wait_route("198.51.100.0/32")
    world.we.sh("configure terminal", "router bgp", "timers bgp 5 15")
    world.we.sh("configure terminal", "router bgp 65001",
                "address-family ipv4 unicast", "network 192.0.2.0/24")
    assert "router bgp 65001" in world.we.sh("show running-config")
    wait_for(lambda: world.we.route("192.0.2.0/24"), 3)
    wait_for(lambda: router.route("198.51.100.0/32"), 20)
    # The plugin's neighbor hears of Services alone, and nothing else of this.
    assert not router.route("192.0.2.0/24")
    assert world.we.peer("10.0.0.1")["connectionsEstablished"] == 1


def test_write_saves_what_reads_back_the_same(lab):
    us, them = two_hosts(lab)
    we = Bgpd(us, """
hostname us
ip prefix-list IN seq 5 permit 203.0.113.0/24 le 28
bgp community-list standard MARK seq 5 permit 65002:77
route-map OUT permit 10
 match community MARK
 set community 65001:1 no-export additive
 set as-path prepend 65001
router bgp 65001
 bgp router-id 10.1.0.1
 no bgp ebgp-requires-policy
 neighbor 10.1.0.2 remote-as 65002
 neighbor 10.1.0.2 password s3cret of ours
 neighbor 10.1.0.2 timers 3 9
 address-family ipv4 unicast
  network 192.0.2.0/24
  aggregate-address 198.51.0.0/16 summary-only
  neighbor 10.1.0.2 prefix-list IN in
 exit-address-family
line vty
""").start()
    peer = bird(them, 'password "s3cret of ours";').start()
    peer.wait_route("192.0.2.0/24")
    we.sh("configure terminal", "router bgp",
          "neighbor 10.1.0.2 description said | in the shell")
    shown = we.sh("show running-config")
    assert "s3cret" not in shown and "said | in the shell" in shown
    assert "saved" in we.sh("write")
    assert stat.S_IMODE(os.stat(we.conf).st_mode) == 0o600
    with open(we.conf) as f:
        written = f.read()
    assert "password s3cret of ours" in written
    we.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "read again" in we.read_log())
    assert we.sh("show running-config") == shown
    assert we.peer(THEM)["connectionsEstablished"] == 1
    we.sh("write")
    with open(we.conf) as f:
        assert f.read() == written
    # A daemon that starts from it shows the same.
    we.kill(signal.SIGTERM)
    we.start()
    assert we.sh("show running-config") == shown


def test_write_leaves_out_what_a_plugin_owns(lab):
    world = World(lab)
    router = world.router()
    world.serve("web")
    world.start()
    router.wait_route("198.51.100.0/32")
    shown = world.we.sh("show running-config")
    world.we.sh("write")
    with open(world.we.conf) as f:
        text = f.read()
    assert "plugin k8s" in text and "10.0.0.1" not in text
    world.we.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "read again" in world.we.read_log())
    assert world.we.sh("show running-config") == shown
    assert world.ups() == 1


def test_two_shells_edit_at_once(alone):
    one, two = Terminal(alone), Terminal(alone)
    for shell in (one, two):
        shell.until("us# ")
        shell.type("configure terminal\n")
        shell.until(r"us\(config\)# ")
        shell.type("router bgp\n")
        shell.until(r"us\(config-router\)# ")
    one.type("neighbor 10.1.0.2 description one\n")
    one.until(r"\(config-router\)# ")
    two.type("neighbor 10.1.0.9 remote-as 65009\n")
    two.until(r"\(config-router\)# ")
    one.type("no neighbor 10.1.0.9\n")
    one.until(r"\(config-router\)# ")
    two.type("neighbor 10.1.0.9 description gone by now\n")
    assert "has no AS" in two.until(r"\(config-router\)# ")
    two.type("neighbor 10.1.0.2 port 1790\n")
    two.until(r"\(config-router\)# ")
    text = alone.sh("show running-config")
    assert "description one" in text and "port 1790" in text
    assert "10.1.0.9" not in text


def test_the_mode_that_another_shell_removes(alone):
    one = Terminal(alone)
    one.until("us# ")
    one.type("configure terminal\nrouter bgp\n")
    one.until(r"us\(config-router\)# ")
    alone.sh("configure terminal", "no router bgp")
    one.type("timers bgp 3 9\n")
    one.until(r"us\(config[^)]*\)# ")
    assert alone.sh("show version")
    assert "timers bgp" not in alone.sh("show running-config")


# At the terminal ------------------------------------------------------------------------

def test_a_person_at_the_terminal(alone):
    t = Terminal(alone)
    t.until("us# ")
    t.type("show ver\t\n")
    assert "Fairway" in t.until(r"Fairway.*us# ")
    t.type("show ?")
    text = t.until("us# .*")
    assert "running-config" in text and "services" in text
    t.type("\x15show running-config | include neigh\n")
    text = t.until(r"remote-as 65002.*us# ")
    assert "network" not in text
    t.type("configure terminal\n")
    t.until(r"us\(config\)# ")
    t.type("end\n")
    t.until(r"us# ")
    t.type("exit\n")
    assert wait_for(lambda: t.process.poll() is not None, 3) \
        and t.process.returncode == 0


def test_terminal_monitor_shows_the_log_as_it_is_said(lab):
    us, them = two_hosts(lab)
    we = ours(us).start()
    t = Terminal(we)
    t.until("us# ")
    t.type("terminal monitor\n")
    t.until("us# ")
    bird(them).start()
    assert THEM in t.until(r"10\.1\.0\.2[^\n]*: up", 15)
    t.type("terminal no monitor\n")
    t.until("us# ")
    we.sh("clear bgp *")
    time.sleep(0.5)
    assert "10.1.0.2" not in t.read()


def test_the_daemon_dies_while_a_shell_is_open(alone):
    t = Terminal(alone)
    t.until("us# ")
    alone.kill()
    t.type("show version\n")
    wait_for(lambda: "gone" in t.read() or "Connection" in t.read()
             or t.process.poll() is not None, 5)
    done = alone.sh("show version", check=False)
    assert done.returncode == 3 and "is bgpd running" in done.stderr
    # The socket that was left behind is in nobody's way.
    alone.start(wait=False)
    wait_for(lambda: alone.sh("show version", check=False).returncode == 0)


def test_a_slow_reader_holds_nobody(lab):
    us, them = two_hosts(lab)
    we = ours(us, "neighbor 10.1.0.2 timers 1 3").start()
    routes = " ".join(f"route 10.{i}.{j}.0/24 blackhole;"
                      for i in range(20, 28) for j in range(250))
    peer = bird(them)
    with open(peer.conf) as f:
        text = f.read()
    with open(peer.conf, "w") as f:
        f.write(text.replace("protocol static ours { ipv4;",
                             "protocol static ours { ipv4; " + routes))
    peer.start()
    # BIRD keeps the last UPDATE back for some seconds.
    wait_for(lambda: we.peer(THEM).get("pfxRcd", 0) > 2000, 20)
    slow = subprocess.Popen(
        ["ip", "netns", "exec", us.ns, we.shell_binary, "-s", we.socket,
         "-c", "show bgp json"], stdout=subprocess.PIPE)
    lab.processes.append(slow)
    time.sleep(4)  # nobody reads, the hold time passes
    assert we.peer(THEM)["connectionsEstablished"] == 1
    assert len(json.loads(slow.communicate(timeout=20)[0])["routes"]) > 2000


# Verbs --------------------------------------------------------------------------------

def test_clear_resets_the_one_that_is_named(lab):
    us, them = two_hosts(lab)
    other = lab.host("other")
    lab.cable(us, other, "10.2.0.1/24", "10.2.0.2/24")
    we = ours(us, "neighbor 10.2.0.2 remote-as 65003").start()
    bird(them).start()
    Bird(other, """
protocol bgp fairway {
	local 10.2.0.2 as 65003; neighbor 10.2.0.1 as 65001;
	connect delay time 1; connect retry time 1; error wait time 1, 2;
	ipv4 { import all; export none; };
}
""", router_id="10.2.0.2").start()
    we.wait_peer(THEM)
    we.wait_peer("10.2.0.2")
    we.sh(f"clear bgp {THEM}")
    wait_for(lambda: we.peer(THEM).get("connectionsEstablished") == 2, 20)
    assert we.peer("10.2.0.2")["connectionsEstablished"] == 1
    assert we.sh("clear bgp 10.9.9.9", check=False).returncode == 1


def test_unload_retracts_and_load_brings_back(lab):
    world = World(lab)
    router = world.router()
    world.serve("web")
    world.start()
    router.wait_route("198.51.100.0/32")
    world.we.sh("plugin unload k8s")
    router.wait_route("198.51.100.0/32", gone=True)
    wait_for(lambda: not router.is_up("node"))
    assert world.we.json("show services") == {}
    assert "10.0.0.1" not in world.we.sh("show running-config")
    assert "plugin k8s" in world.we.sh("show running-config")
    with open(f"/proc/{world.we.pid}/maps") as f:
        assert "k8s.so" not in f.read()
    assert world.we.sh("show k8s", check=False).returncode == 1
    # What changes meanwhile is seen afterwards.
    world.serve("next", born="2020-01-01T00:00:00Z")
    world.we.sh("plugin load k8s")
    router.wait_route("198.51.100.0/32")
    router.wait_route("198.51.100.1/32")
    assert world.address("web") == "198.51.100.0"
    for _ in range(5):
        world.we.sh("plugin unload k8s", "plugin load k8s")
    router.wait_route("198.51.100.1/32")


def test_no_plugin_in_the_configuration_ends_it(lab):
    world = World(lab)
    router = world.router()
    world.serve("web")
    world.start()
    router.wait_route("198.51.100.0/32")
    world.we.sh("configure terminal", "no plugin k8s")
    router.wait_route("198.51.100.0/32", gone=True)
    directory = world.node.path("manifests")
    world.we.sh("configure terminal", "plugin k8s", "node prod-01",
                f"state {world.state}", f"source directory {directory}")
    router.wait_route("198.51.100.0/32")
