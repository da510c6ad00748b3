# SPDX-License-Identifier: ISC
"""What is done to each daemon: one row for each scenario.

A row says how many senders and receivers there are, who has which routes, and
the steps in their order, each a name and what the load tool does (bgpload prints
its steps). Figures are told by scenario and step.
"""

from dataclasses import dataclass

M, K = 1_000_000, 1_000

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
    slow: int = 0  # of the receivers, by 64 kB a second
    stuck: int = 0  # of the receivers, that read nothing
    short: bool = False  # is in `make bench`

    @property
    def peers(self):
        return self.senders + self.receivers


SCENARIOS = [
    Scenario("1x1M", "1 sender, 1 receiver, 1M routes", 1, 1, M,
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
    Scenario("1->50x100k", "1 sender, 50 receivers, 100k routes", 1, 50,
             100 * K, CONVERGE + WITHDRAW, relayed=2, short=True),
    Scenario("100x1k", "100 peers, 1k routes each, all to all", 100, 0,
             100 * K, CONVERGE + (("half lost", "lose=50"),), both=True,
             short=True),
    Scenario("1x200k6", "1 sender, 1 receiver, 200k IPv6 routes", 1, 1,
             200 * K, CONVERGE + WITHDRAW, family=6, relayed=2, short=True),
]


def find(name):
    for row in SCENARIOS:
        if row.name == name:
            return row
    raise KeyError(name)
