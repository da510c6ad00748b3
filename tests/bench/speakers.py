# SPDX-License-Identifier: ISC
"""The daemons under load: the same accept-all configuration, each in its words.

Each is a class of the lab with what it needs to be compared: its processes,
and what it may do to a route without a fault (the load tool's options).
"""

import os
import re
import shutil
import time

from lab import Bgpd, Bird, Frr, Gobgp, Openbgpd, run

AS, FIRST_AS = 64512, 65101
DAEMON, LOCAL = "10.9.0.1", "10.9.1.1"


def address(number):
    """Of peer `number` of the load tool, as it counts them."""
    return f"10.9.{1 + (1 + number) // 256}.{(1 + number) % 256}"


def ours(host, count):
    return Bgpd(host, f"router bgp {AS}\n bgp router-id {DAEMON}\n"
                " no bgp ebgp-requires-policy\n" + "".join(
                    f" neighbor {address(i)} remote-as {FIRST_AS + i}\n"
                    f" neighbor {address(i)} passive\n"
                    for i in range(count)))


def bird(host, count):
    return Bird(host, "".join(
        f"protocol bgp p{i} {{ local {DAEMON} as {AS}; "
        f"neighbor {address(i)} as {FIRST_AS + i}; passive on; direct; "
        "ipv4 { import all; export all; }; }\n"
        for i in range(count)), router_id=DAEMON)


def frr(host, count):
    return Frr(host, f"router bgp {AS}\n bgp router-id {DAEMON}\n"
               " no bgp ebgp-requires-policy\n"
               " no bgp network import-check\n" + "".join(
                   f" neighbor {address(i)} remote-as {FIRST_AS + i}\n"
                   f" neighbor {address(i)} passive\n"
                   for i in range(count)))


def openbgpd(host, count):
    return Openbgpd(host, f"AS {AS}\nrouter-id {DAEMON}\nfib-update no\n"
                    + "".join(
                        f"neighbor {address(i)} {{\n"
                        f"\tremote-as {FIRST_AS + i}\n\tpassive\n"
                        "\tannounce IPv4 unicast\n}\n"
                        for i in range(count))
                    + "allow from any\nallow to any\n")


def gobgp(host, count):
    return Gobgp(host, f'[global.config]\n  as = {AS}\n'
                 f'  router-id = "{DAEMON}"\n' + "".join(
                     "[[neighbors]]\n  [neighbors.config]\n"
                     f'    neighbor-address = "{address(i)}"\n'
                     f"    peer-as = {FIRST_AS + i}\n"
                     "  [neighbors.transport.config]\n"
                     "    passive-mode = true\n" for i in range(count)))


class Relay:
    """The load tool in a daemon's place: what the tool itself costs."""

    def __init__(self, host, tool):
        self.host, self.tool, self.process = host, tool, None

    def start(self):
        self.process = self.host.start(
            self.tool, "--relay", DAEMON, "--as", AS)
        time.sleep(0.2)
        return self


class Kind:
    def __init__(self, name, make, program, rules=()):
        self.name, self.make, self.rules = name, make, rules
        self.program = program

    def is_there(self):
        return self.program is None or bool(
            shutil.which(self.program) or os.path.exists(self.program))


def kinds(tool):
    """Ours is the first."""
    return [
        Kind("ours", ours, None),
        Kind("bird", bird, "/usr/sbin/bird"),
        Kind("frr", frr, "/usr/lib/frr/bgpd"),
        Kind("openbgpd", openbgpd, "bgpctl"),
        # It does not mark an attribute that it does not know (RFC 4271 5).
        Kind("gobgp", gobgp, "gobgpd", ("--ignore", "partial")),
        Kind("relay", lambda host, count: Relay(host, tool), None,
             ("--transparent", "--no-partial", "--med")),
    ]


def family(pid):
    """A process and all that it has started."""
    found = [pid]
    for parent in found:
        done = run("ps", "-o", "pid=", "--ppid", parent, check=False)
        found += [int(word) for word in done.stdout.split()]
    return found


def cpu_s(pids):
    return sum(time.clock_gettime((~pid << 3) | 2) for pid in pids)


def memory_mb(pids, what):
    """The sum of VmRSS or VmHWM."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/status") as f:
            total += int(re.search(rf"{what}:\s+(\d+)", f.read()).group(1))
    return total / 1024
