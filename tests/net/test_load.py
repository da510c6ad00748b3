# SPDX-License-Identifier: ISC
"""Under load: faults that fast speakers were seen to have, by the load tool."""

import os
import re
import signal
import subprocess
import sys
import threading

import pytest

import lab
from lab import Bgpd

BENCH = os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), "bench")
sys.path.append(BENCH)

import measure  # noqa: E402
from scenarios import K, Scenario  # noqa: E402
from speakers import Ours, quagga  # noqa: E402

MOST_S = 60


@pytest.fixture(scope="module")
def tool():
    where = os.path.join(lab.BUILD, "tests", "bench")
    subprocess.run(["make", "-s", "-C", where, "check"], check=True,
                   stdout=subprocess.DEVNULL)
    return os.path.join(where, "bgpload")


class Round(measure.Round):
    REST_S = 0.5


def row(senders, receivers, routes, *steps, **more):
    """A scenario of this story alone; a step is named by its own words."""
    return Scenario("story", "", senders, receivers, routes,
                    tuple((words, words) for words in steps), **more)


def play(tool, scenario, kind=None, how=Round):
    """What its steps took, and what the tool said of each receiver."""
    made = how(kind or Ours(), scenario, tool, MOST_S)
    try:
        found = made.run()
        assert found["ok"], found["why"] + made.daemon.read_log()[-2000:]
        return found["steps"], made.said
    finally:
        made.close()


class FrozenAtFirst(Round):
    """All queues are full before the daemon reads anything."""

    def step(self, name):
        process = self.daemon.process
        process.send_signal(signal.SIGSTOP)
        wake = threading.Timer(1, process.send_signal, [signal.SIGCONT])
        wake.start()
        try:
            return super().step(name)
        finally:
            wake.join()


def test_full_queues_drop_no_route(tool):
    steps, _ = play(tool, row(4, 2, 100 * K, "announce"), how=FrozenAtFirst)
    # What waits stays with its sender.
    assert steps["announce"]["peak_mb"] < 60


def test_a_burst_costs_in_proportion(tool):
    """Eight times as many routes come and go at once: not 64 times the CPU."""
    cost = [play(tool, row(1, 1, routes, "announce", "flap=5")
                 )[0]["flap=5"]["cpu_s"] for routes in (20 * K, 160 * K)]
    assert cost[1] < 8 * 2.5 * max(cost[0], 0.05), cost


def test_all_routes_of_a_lost_peer_are_withdrawn(tool):
    """They need some sixty messages; each receiver has none of them left."""
    _, said = play(tool, row(2, 2, 100 * K, "announce", "lose=1"))
    for receiver in said["lose=1"]["receivers"]:
        assert receiver["withdrawn"] == 100 * K - receiver["have"]
        assert receiver["have"] > 40 * K


def test_what_a_slow_reader_misses_comes_once(tool):
    """It is told how routes are when it has room, not all that they were."""
    _, said = play(tool, row(1, 2, 80 * K, "churn=250,4", "catch-up", slow=1,
                             rate=500 * K))
    fast, slow = (receiver["prefixes"] + receiver["withdrawn"]
                  for receiver in said["catch-up"]["receivers"])
    assert said["catch-up"]["receivers"][1]["slow"]
    assert 80 * K <= slow < 0.85 * fast, (slow, fast)


def test_a_reader_that_stops_costs_next_to_nothing(tool):
    """Its full queue is no reason to do anything, once or each second."""
    steps = ("announce", "flap=10", "wait=3")
    alone, _ = play(tool, row(1, 2, 50 * K, *steps))
    beside, _ = play(tool, row(1, 3, 50 * K, *steps, stuck=1))
    for step in steps:
        assert beside[step]["cpu_s"] < 1.5 * alone[step]["cpu_s"] + 0.05
        assert beside[step]["peak_mb"] < alone[step]["peak_mb"] + 8
    assert beside["wait=3"]["cpu_s"] < 0.05


class Sleeper(Round):
    """How often the daemon wakes in a step."""

    def wakes(self):
        with open(f"/proc/{self.daemon.process.pid}/status") as f:
            return int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)$",
                                 f.read(), re.M).group(1))

    def start(self):
        self.at_start = super().start()
        return self.at_start

    def step(self, name):
        before = self.wakes()
        found = super().step(name)
        return {**found, "wakes": self.wakes() - before,
                "idle_mb": self.at_start["idle_mb"]}


def test_memory_goes_back_and_then_it_sleeps(tool):
    """Nothing but keepalives, one in 30 seconds, wakes it after that."""
    found, _ = play(tool, row(
        1, 1, 300 * K, "announce", "withdraw", "wait=3", "wait=9", probes=0,
        keepalive=30), how=Sleeper)
    rest = found["wait=9"]
    assert found["announce"]["settled_mb"] > 12
    assert rest["settled_mb"] < 1.2 * rest["idle_mb"] + 1
    assert rest["wakes"] <= 4


class Watched(Ours):
    """It serves its metrics."""

    def make(self, host, task):
        return Bgpd(host, "web listen 127.0.0.1 9342\n" + quagga(task))


class Turns(Round):
    """After each step: the longest that anything has held the loop."""

    def step(self, name):
        found = super().step(name)
        text = self.host("curl", "-s", "http://127.0.0.1:9342/metrics").stdout
        found["turn_s"] = float(re.search(
            r"^bgpd_loop_longest_turn_seconds (\S+)$", text, re.M).group(1))
        return found


def test_new_peers_do_not_stall_the_others(tool):
    """Ten are told the table at once; nothing else waits for more than a slice."""
    scenario = row(1, 11, 200 * K, "announce", "join", later=10)

    def is_fair():
        join = play(tool, scenario, Watched(), Turns)[0]["join"]
        return join["turn_s"] < 0.035 and join["late_s"] < 0.15

    # What the machine gives to others meanwhile is in it, too.
    assert any(is_fair() for _ in range(3))


def test_keepalives_do_not_wait_behind_updates(tool):
    """Ten are told a large table at once: the probes hear in time."""
    scenario = row(1, 11, 500 * K, "announce", "join", later=10)
    late = []
    while len(late) < 3 and (not late or late[-1] > 0.15):
        late.append(play(tool, scenario)[0]["join"]["late_s"])
    assert late[-1] <= 0.15, late


class OneOdd(Ours):
    """One of its peers has a policy of its own, which changes nothing."""

    def make(self, host, task):
        made = super().make(host, task)
        odd = task.of_family(4)[1]
        made.conf = host.write(
            "bgpd.conf", quagga(task) + f"router bgp 64512\n"
            " address-family ipv4 unicast\n"
            f"  neighbor {odd.address} route-map ODD out\n"
            " exit-address-family\nexit\nroute-map ODD permit 10\nexit\n",
            0o600)
        return made


def test_a_policy_of_one_peer_leaves_the_others_together(tool):
    """Thirty are told what was encoded once, be one of them an odd one."""
    one, thirty, odd = (
        play(tool, row(1, count, 50 * K, "announce"), kind)[0]["announce"]
        ["cpu_s"] for count, kind in ((1, Ours()), (30, Ours()),
                                      (30, OneOdd())))
    assert thirty < 5 * one + 0.05, (one, thirty)
    assert odd < 2 * thirty + 0.05, (thirty, odd)
