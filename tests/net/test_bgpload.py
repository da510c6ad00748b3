# SPDX-License-Identifier: ISC
"""The load tool itself: what is wrong is seen, and then there is no figure."""

import pytest

from test_load import FrozenAtFirst, Round, row, tool  # noqa: F401  (a fixture)
from scenarios import K
from speakers import RelayKind

MOST_S = 3


class Liar(RelayKind):
    """A relay with a fault."""

    def __init__(self, path, fault):
        super().__init__(path)
        self.fault = fault

    def make(self, host, task):
        made = super().make(host, task)
        made.more = ("--fault", self.fault)
        return made


def find(kind, scenario, path, how=Round):
    made = how(kind, scenario, path, MOST_S)
    try:
        return made.run(), made.said
    finally:
        made.close()


def sums(said):
    return {key: sum(receiver[key] for receiver in said["receivers"])
            for key in ("missing", "extra", "wrong")}


ALL = ("announce", "withdraw")


def test_an_honest_relay_has_figures(tool):  # noqa: F811
    found, _ = find(RelayKind(tool), row(1, 2, 50 * K, *ALL, relayed=2), tool)
    assert found["ok"], found["why"]
    assert found["steps"]["announce"]["prefixes"] == 2 * 50 * K
    assert found["steps"]["withdraw"]["withdrawn"] == 2 * 50 * K


def test_a_single_prefix_is_no_end_of_rib(tool):  # noqa: F811
    found, _ = find(RelayKind(tool), row(1, 1, 1, *ALL, relayed=2), tool)
    assert found["ok"], found["why"]
    for step in ALL:
        assert found["steps"][step]["seconds"] > 0
        assert found["steps"][step]["updates"] == 1


class FrozenInSingles(FrozenAtFirst):
    """For the first second of the single changes."""

    def step(self, name):
        return (super() if "single" in name else super(FrozenAtFirst, self)) \
            .step(name)


def test_a_single_change_that_waits_is_seen(tool):  # noqa: F811
    scenario = row(1, 2, 5 * K, "announce", "single=40,200", relayed=2)
    found, _ = find(RelayKind(tool), scenario, tool, FrozenInSingles)
    assert found["ok"], found["why"]
    took = found["steps"]["single=40,200"]
    assert took["prefixes"] == took["withdrawn"] == 2 * 20
    assert took["seconds"] is None  # its pace is no figure
    assert 0 < took["median_ms"] < 100
    assert 500 < took["p99_ms"] <= took["max_ms"] < 1500


@pytest.mark.parametrize("fault,step,what", [
    ("drop", "announce", "missing"),
    ("twist", "announce", "wrong"),
    ("linger", "withdraw", "extra")])
def test_a_liar_has_none(tool, fault, step, what):  # noqa: F811
    found, said = find(Liar(tool, fault), row(1, 2, 50 * K, *ALL, relayed=2),
                       tool)
    assert not found["ok"] and step not in found["steps"]
    assert sums(said[step])[what] > 0


def test_a_route_of_a_lost_sender_is_wrong(tool):  # noqa: F811
    """A relay does not know that a sender is gone, and says no more."""
    found, said = find(RelayKind(tool), row(
        2, 1, 5 * K, "announce=1", "lose=1", same=True, relayed=2), tool)
    assert not found["ok"] and "lose=1" not in found["steps"]
    assert sums(said["lose=1"])["extra"] == 5 * K
    # What the other said later is what the receiver has.
    found, _ = find(RelayKind(tool), row(
        2, 1, 5 * K, "announce=1", "announce", "lose=1", same=True,
        relayed=3), tool)
    assert found["ok"], found["why"]
