# SPDX-License-Identifier: ISC
"""The daemons under load: the same configuration, each in its own words.

A kind makes a daemon of the lab for a scenario. All wait to be dialed, take and
tell everything, and send a KEEPALIVE a second (OpenBGPD, which has no knob for it,
one in three). Where the scenario has a policy, all is told by one that changes
nothing; after the reload it adds a community.
"""

import os
import re
import shlex
import shutil
import time
from dataclasses import dataclass

from lab import TOP, Bgpd, Bird, Frr, Gobgp, Openbgpd, run

AS, FIRST_AS, ROUTER_ID, HOLD = 64512, 65101, "10.9.0.1", 90
DAEMON = {4: "10.9.0.1", 6: "fd09::1"}
LOCAL = {4: "10.9.1.1", 6: "fd09::1:1"}
MARK = (AS, 99)  # the community that a reload adds


@dataclass(frozen=True)
class Peer:
    number: int  # as the load tool counts them
    transport: int
    family: int

    @property
    def asn(self):
        return FIRST_AS + self.number

    @property
    def address(self):
        n = self.number + 1
        if self.transport == 6:
            return f"fd09::1:{n:x}"
        return f"10.9.{1 + n // 256}.{n % 256}"

    @property
    def daemon(self):
        return DAEMON[self.transport]


@dataclass(frozen=True)
class Task:
    """What a daemon is configured for."""
    peers: tuple
    keepalive: int = 1
    policy: bool = False
    marks: bool = False  # by that policy
    own: tuple = ()  # prefixes

    def of_family(self, family):
        return [peer for peer in self.peers if peer.family == family]


def task_of(row, probes, marks=False):
    """The scenario's peers, then the probes, which have the other family."""
    return Task(
        tuple(Peer(i, row.family,
                   row.family if i < row.peers else 10 - row.family)
              for i in range(row.peers + probes)),
        row.keepalive, row.policy, marks,
        tuple(f"198.{18 + (i >> 16)}.{i >> 8 & 255}.{i & 255}/32"
              for i in range(row.own)))


class Kind:
    """A daemon's name, its words, and what it may do to a route."""
    name = program = None
    rules = ()  # options of the load tool
    version_words = ("--version",)
    is_relay = False
    has_own = True  # routes, by its configuration

    def is_there(self):
        return self.program is None or bool(
            shutil.which(self.program) or os.path.exists(self.program))

    def is_able(self, row):
        return self.has_own or not row.own

    def version(self):
        """As it says itself."""
        done = run(self.program, *self.version_words, check=False)
        found = re.search(r"\d+\.[\w.]+", done.stdout + done.stderr)
        return found.group(0) if found else "?"

    def keepalive(self, row):
        """Its interval, in seconds."""
        return row.keepalive

    def make(self, host, task):
        raise NotImplementedError

    def text(self, task):
        """Its configuration."""
        raise NotImplementedError

    def reload(self, daemon, task):
        """A shell's words that make it follow the new policy."""
        new = daemon.host.write("new.conf", self.whole(daemon, task), 0o600)
        return f"cat {new} >{daemon.conf}; {self.reload_words(daemon)}"

    def whole(self, _daemon, task):
        """The file as the lab has written it, for another task."""
        return self.text(task)


def quagga(task):
    """What FRR and ours have in common."""
    lines = [f"router bgp {AS}", f" bgp router-id {ROUTER_ID}",
             " no bgp ebgp-requires-policy", " no bgp network import-check",
             " no bgp default ipv4-unicast"]
    for peer in task.peers:
        lines += [f" neighbor {peer.address} remote-as {peer.asn}",
                  f" neighbor {peer.address} passive",
                  f" neighbor {peer.address} timers {task.keepalive} {HOLD}"]
    for family in (4, 6):
        lines.append(f" address-family ipv{family} unicast")
        for peer in task.of_family(family):
            lines.append(f"  neighbor {peer.address} activate")
            if task.policy:
                lines.append(f"  neighbor {peer.address} route-map OUT out")
        if family == 4:
            lines += [f"  network {prefix}" for prefix in task.own]
        lines.append(" exit-address-family")
    lines.append("exit")
    if task.policy:
        lines.append("route-map OUT permit 10")
        if task.marks:
            lines.append(" set community {}:{} additive".format(*MARK))
        lines.append("exit")
    return "\n".join(lines) + "\n"


class Ours(Kind):
    name = "ours"
    text = staticmethod(quagga)

    def make(self, host, task):
        return Bgpd(host, quagga(task))

    def version(self):
        done = run("git", "-C", TOP, "rev-parse", "--short", "HEAD",
                   check=False)
        return done.stdout.strip() or "?"

    def reload_words(self, daemon):
        return f"kill -HUP {daemon.process.pid}"


class FrrKind(Kind):
    name, program = "frr", "/usr/lib/frr/bgpd"

    def make(self, host, task):
        return Frr(host, quagga(task))

    def reload(self, daemon, task):
        """By its shell, as frr-reload.py does it, and at once."""
        words = ["vtysh", "--vty_socket", daemon.dir, "-d", "bgpd"]
        for line in ("configure terminal", "route-map OUT permit 10",
                     "set community {}:{} additive".format(*MARK), "end",
                     "clear bgp ipv4 unicast * soft out"):
            words += ["-c", line]
        return shlex.join(words)


class BirdKind(Kind):
    name, program = "bird", "/usr/sbin/bird"

    def make(self, host, task):
        return Bird(host, self.text(task), router_id=ROUTER_ID,
                    program=self.program)

    def whole(self, daemon, task):
        return Bird(daemon.host, self.text(task), "new",
                    ROUTER_ID).read_conf()

    def text(self, task):
        export = "all"
        if task.policy:
            marks = "bgp_community.add(({},{})); ".format(*MARK)
            export = f"filter {{ {marks * task.marks}accept; }}"
        static = ""
        if task.own:
            static = "protocol static { ipv4;\n" + "".join(
                f"route {prefix} blackhole;\n" for prefix in task.own) + "}\n"
        return static + "".join(
            f"protocol bgp p{p.number} {{ local {p.daemon} as {AS}; "
            f"neighbor {p.address} as {p.asn}; passive on; direct; "
            f"hold time {HOLD}; keepalive time {task.keepalive}; "
            f"ipv{p.family} {{ import all; export {export}; }}; }}\n"
            for p in task.peers)

    def reload_words(self, daemon):
        return f"birdc -s {daemon.socket} configure"


class Bird3Kind(BirdKind):
    """Beside BIRD 2, under a name of its own."""
    name, program = "bird3", "bird3"


class OpenbgpdKind(Kind):
    name, program = "openbgpd", "/usr/sbin/bgpctl"
    version_words = ("-V",)

    def keepalive(self, row):
        return max(3, row.keepalive)  # a third of the hold time

    def make(self, host, task):
        return Openbgpd(host, self.text(task))

    def whole(self, daemon, task):
        return f'socket "{daemon.socket}"\n' + self.text(task)

    def text(self, task):
        hold = 9 if task.keepalive < 3 else 3 * task.keepalive
        families = {own: "".join(
            f"\tannounce IPv{f} {'unicast' if f == own else 'none'}\n"
            for f in (4, 6)) for own in (4, 6)}
        return (f"AS {AS}\nrouter-id {ROUTER_ID}\nfib-update no\n"
                f"holdtime {hold}\n"
                + "".join(f"network {prefix}\n" for prefix in task.own)
                + "".join(
                    f"neighbor {peer.address} {{\n"
                    f"\tremote-as {peer.asn}\n\tpassive\n"
                    f"{families[peer.family]}}}\n" for peer in task.peers)
                + "allow from any\nallow to any\n"
                + "match to any set community {}:{}\n".format(*MARK)
                * task.marks)

    def reload_words(self, daemon):
        return f"bgpctl -s {daemon.socket} reload"


class GobgpKind(Kind):
    name, program = "gobgp", "gobgpd"
    # It does not mark an attribute that it does not know (RFC 4271 5).
    rules = ("--ignore", "partial")
    has_own = False  # but by calls of its API, one by one

    def make(self, host, task):
        return Gobgp(host, self.text(task))

    def text(self, task):
        text = f'[global.config]\n  as = {AS}\n  router-id = "{ROUTER_ID}"\n'
        if task.policy:
            text += ('[global.apply-policy.config]\n'
                     '  export-policy-list = ["out"]\n'
                     '  default-export-policy = "accept-route"\n'
                     '[[policy-definitions]]\n  name = "out"\n'
                     '  [[policy-definitions.statements]]\n    name = "all"\n'
                     '    [policy-definitions.statements.actions]\n'
                     '      route-disposition = "accept-route"\n')
        if task.marks:
            where = "policy-definitions.statements.actions.bgp-actions"
            text += (f'    [{where}.set-community]\n      options = "add"\n'
                     f'      [{where}.set-community.set-community-method]\n'
                     '        communities-list = ["{}:{}"]\n'.format(*MARK))
        return text + "".join(
            "[[neighbors]]\n  [neighbors.config]\n"
            f'    neighbor-address = "{peer.address}"\n'
            f"    peer-as = {peer.asn}\n"
            "  [neighbors.transport.config]\n"
            "    passive-mode = true\n"
            "  [neighbors.timers.config]\n"
            f"    hold-time = {HOLD}\n"
            f"    keepalive-interval = {task.keepalive}\n"
            "  [[neighbors.afi-safis]]\n"
            "    [neighbors.afi-safis.config]\n"
            f'      afi-safi-name = "ipv{peer.family}-unicast"\n'
            for peer in task.peers)

    def reload_words(self, daemon):
        cli = f"ip netns exec {daemon.host.ns} gobgp -p {daemon.port}"
        return (f"kill -HUP {daemon.process.pid}; sleep 0.1; "
                f"{cli} neighbor all softresetout")


class Relay:
    """The load tool in a daemon's place."""

    def __init__(self, host, tool, address):
        self.host, self.tool, self.process = host, tool, None
        self.address = address
        self.more = ()

    def start(self):
        self.process = self.host.start(
            self.tool, "--relay", self.address, "--as", AS, *self.more)
        time.sleep(0.2)
        return self


class RelayKind(Kind):
    """What the tool itself costs."""
    name, is_relay = "relay", True
    rules = ("--transparent", "--no-partial", "--med")

    def __init__(self, tool):
        self.tool = tool

    def make(self, host, task):
        return Relay(host, self.tool, task.peers[0].daemon)

    def is_able(self, row):
        return row.relayed > 0


def kinds(tool):
    """Ours is the first, the relay the last."""
    return [Ours(), BirdKind(), Bird3Kind(), FrrKind(), OpenbgpdKind(),
            GobgpKind(), RelayKind(tool)]
