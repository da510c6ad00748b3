# SPDX-License-Identifier: ISC
"""What is done to each daemon: one row for each scenario.

A row says how many senders and receivers there are, who has which routes, and
the steps in their order, each a name and what the load tool does (bgpload prints
its steps). Figures are told by scenario and step.
"""

from dataclasses import dataclass

M, K = 1_000_000, 1_000

RELOAD = "reload"
IDLE = (("idle 10 s", "wait=10"),)
CONVERGE = (("converge", "announce"),)
WITHDRAW = (("withdraw", "withdraw"),)


@dataclass(frozen=True)
class Scenario:
    name: str
    title: str
    senders: int
    receivers: int
    routes: int  # in all, or with `same` of each sender
    steps: tuple
    family: int = 4
    same: bool = False  # each sender has all of them
    both: bool = False  # senders receive, too
    probes: int = 8
    relayed: int = 1  # so many of the steps a relay can do
    own: int = 0  # routes of the daemon's own, without senders
    policy: bool = False  # all is told by a policy, which `reload` changes
    keepalive: int = 1  # seconds
    slow: int = 0  # of the receivers, that read `rate` bytes a second
    rate: int = 1_000_000
    stuck: int = 0  # of the receivers, that read nothing
    later: int = 0  # of the receivers, that come in the step join
    short: bool = False  # is in `make bench`

    @property
    def peers(self):
        return self.senders + self.receivers


SCENARIOS = [
    Scenario("1x1M", "1 sender, 1 receiver, 1M routes", 1, 1, M,
             CONVERGE + (("churn 10 %", "change=10"),) + WITHDRAW + (
                 ("again", "announce"), ("all lost", "lose=1")),
             relayed=4),
    Scenario("1x100k", "1 sender, 1 receiver, 100k routes", 1, 1, 100 * K,
             CONVERGE + (("churn 10 %", "change=10"),) + WITHDRAW + (
                 ("again", "announce"), ("all lost", "lose=1")),
             relayed=4, short=True),
    Scenario("2x500k", "2 senders, 500k routes each", 2, 1, M,
             CONVERGE + (("all lost", "lose=2"),)),
    Scenario("2x1M", "2 senders, the same 1M routes", 2, 1, M,
             CONVERGE + (("all lost", "lose=2"),), same=True),
    Scenario("one-lost", "2 senders, the same 1M routes; the better is lost",
             2, 1, M, (("first", "announce=1"), ("second", "announce"),
                       ("one lost", "lose=1")), same=True),
    Scenario("10x1.05M", "10 full feeds, the same 1.05M routes", 10, 1,
             1_050_000, CONVERGE + (("all lost", "lose=10"),), same=True),
    Scenario("10x100k", "10 senders, 100k routes each", 10, 1, M,
             CONVERGE + WITHDRAW, relayed=2),
    Scenario("flap", "1 sender, 2 receivers, 100k routes go and come", 1, 2,
             100 * K, CONVERGE + (("10 times", "flap=10"),), relayed=2),
    Scenario("1->50x100k", "1 sender, 50 receivers, 100k routes", 1, 50,
             100 * K, CONVERGE + WITHDRAW, relayed=2, short=True),
    Scenario("100x1k", "100 peers, 1k routes each, all to all", 100, 0,
             100 * K, CONVERGE + (("half lost", "lose=50"),), both=True),
    Scenario("1x200k6", "1 sender, 1 receiver, 200k IPv6 routes", 1, 1,
             200 * K, CONVERGE + WITHDRAW, family=6, relayed=2, short=True),
    Scenario("rs", "700 peers, 39,900 routes, all to all", 700, 0, 39_900,
             CONVERGE + (("50 lost", "lose=50"),), both=True),
    Scenario("reload", "1 sender, 1 receiver, 1M routes, another policy", 1, 1,
             M, CONVERGE + (("reload", RELOAD),), policy=True),
    Scenario("latency", "1 sender, 1 receiver, 100k routes; single ones change",
             1, 1, 100 * K, CONVERGE + (("single", "single=1000,200"),),
             relayed=2),
    Scenario("latency-50", "the same with 50 receivers", 1, 50, 100 * K,
             CONVERGE + (("single", "single=1000,200"),), relayed=2),
    Scenario("1->2x500k", "1 sender, 2 receivers, 500k routes", 1, 2, 500 * K,
             CONVERGE, probes=2),
    Scenario("slow", "the same, and a slow one, and one that reads nothing", 1,
             4, 500 * K, CONVERGE + (("slow one", "catch-up"),), probes=2,
             relayed=0, slow=1, stuck=1),
    Scenario("join", "1 sender, 500k routes; 10 receivers come later", 1, 11,
             500 * K, CONVERGE + (("join", "join"),), later=10),
    Scenario("idle-1", "1 idle peer", 1, 0, 0, IDLE, probes=0, relayed=0,
             keepalive=30),
    Scenario("idle-1000", "1,000 idle peers", 1000, 0, 0, IDLE, probes=0,
             relayed=0, keepalive=30),
    Scenario("services", "10,000 routes of its own, 4 peers", 0, 4, 0,
             (("hear", "hear"),), own=10 * K, relayed=0, short=True),
    Scenario("node", "1,000 routes of its own, 10 peers", 0, 10, 0,
             (("hear", "hear"),), own=K, relayed=0),
]


def find(name):
    for row in SCENARIOS:
        if row.name == name:
            return row
    raise KeyError(name)
