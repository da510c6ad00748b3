# SPDX-License-Identifier: ISC
"""The daemons under load: the same accept-all configuration, each in its words.

A kind makes a daemon of the lab for a list of peers. All wait to be dialed, take
and tell everything, and send a KEEPALIVE a second (OpenBGPD, which has no knob for
it, one in three).
"""

import os
import shutil
import time
from dataclasses import dataclass

from lab import Bgpd, Bird, Frr, Gobgp, Openbgpd

AS, FIRST_AS, ROUTER_ID, HOLD = 64512, 65101, "10.9.0.1", 90
DAEMON = {4: "10.9.0.1", 6: "fd09::1"}
LOCAL = {4: "10.9.1.1", 6: "fd09::1:1"}


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


def peers_of(row, probes):
    """The scenario's, and the probes', which have the other family."""
    return [Peer(i, row.family, row.family if i < row.peers else
                 10 - row.family) for i in range(row.peers + probes)]


def of_family(peers, family):
    return [peer for peer in peers if peer.family == family]


def quagga(peers, each=()):
    """What FRR and ours have in common."""
    lines = [f"router bgp {AS}", f" bgp router-id {ROUTER_ID}",
             " no bgp ebgp-requires-policy", " no bgp network import-check",
             " no bgp default ipv4-unicast"]
    for peer in peers:
        lines += [f" neighbor {peer.address} remote-as {peer.asn}",
                  f" neighbor {peer.address} passive",
                  f" neighbor {peer.address} timers 1 {HOLD}"]
    for family in (4, 6):
        lines.append(f" address-family ipv{family} unicast")
        for peer in of_family(peers, family):
            lines += [f"  neighbor {peer.address} {words}"
                      for words in ("activate", *each)]
        lines.append(" exit-address-family")
    return "\n".join(lines) + "\n"


def ours(host, peers):
    return Bgpd(host, quagga(peers))


def frr(host, peers):
    return Frr(host, quagga(peers))


def bird(host, peers):
    return Bird(host, "".join(
        f"protocol bgp p{p.number} {{ local {p.daemon} as {AS}; "
        f"neighbor {p.address} as {p.asn}; passive on; direct; "
        f"hold time {HOLD}; keepalive time 1; "
        f"ipv{p.family} {{ import all; export all; }}; }}\n"
        for p in peers), router_id=ROUTER_ID)


def openbgpd(host, peers):
    def families(peer):
        return "".join(f"\tannounce IPv{f} "
                       f"{'unicast' if f == peer.family else 'none'}\n"
                       for f in (4, 6))
    return Openbgpd(host, f"AS {AS}\nrouter-id {ROUTER_ID}\nfib-update no\n"
                    "holdtime 9\n" + "".join(
                        f"neighbor {peer.address} {{\n"
                        f"\tremote-as {peer.asn}\n\tpassive\n"
                        f"{families(peer)}}}\n" for peer in peers)
                    + "allow from any\nallow to any\n")


def gobgp(host, peers):
    return Gobgp(host, f'[global.config]\n  as = {AS}\n'
                 f'  router-id = "{ROUTER_ID}"\n' + "".join(
                     "[[neighbors]]\n  [neighbors.config]\n"
                     f'    neighbor-address = "{peer.address}"\n'
                     f"    peer-as = {peer.asn}\n"
                     "  [neighbors.transport.config]\n"
                     "    passive-mode = true\n"
                     "  [neighbors.timers.config]\n"
                     f"    hold-time = {HOLD}\n    keepalive-interval = 1\n"
                     "  [[neighbors.afi-safis]]\n"
                     "    [neighbors.afi-safis.config]\n"
                     f'      afi-safi-name = "ipv{peer.family}-unicast"\n'
                     for peer in peers))


class Relay:
    """The load tool in a daemon's place: what the tool itself costs."""

    def __init__(self, host, tool, family):
        self.host, self.tool, self.process = host, tool, None
        self.address = DAEMON[family]

    def start(self):
        self.process = self.host.start(
            self.tool, "--relay", self.address, "--as", AS)
        time.sleep(0.2)
        return self


@dataclass(frozen=True)
class Kind:
    name: str
    make: object
    program: str = None
    rules: tuple = ()  # what it may do to a route: the load tool's options
    keepalive: int = 1  # its interval, in seconds

    def is_there(self):
        return self.program is None or bool(
            shutil.which(self.program) or os.path.exists(self.program))

    @property
    def is_relay(self):
        return self.name == "relay"


def kinds(tool):
    """Ours is the first, the relay the last."""
    def relay(host, peers):
        return Relay(host, tool, peers[0].transport)

    return [
        Kind("ours", ours),
        Kind("bird", bird, "/usr/sbin/bird"),
        Kind("frr", frr, "/usr/lib/frr/bgpd"),
        Kind("openbgpd", openbgpd, "bgpctl", keepalive=3),
        # It does not mark an attribute that it does not know (RFC 4271 5).
        Kind("gobgp", gobgp, "gobgpd", ("--ignore", "partial")),
        Kind("relay", relay, None,
             ("--transparent", "--no-partial", "--med")),
    ]
