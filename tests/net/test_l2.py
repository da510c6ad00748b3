# SPDX-License-Identifier: ISC
"""Addresses of layer 2 among several nodes: who has them, and who takes over."""

import signal
import time

import pytest

from lab import wait_for
from team import Asker, Team, VIP

DETECTION = 0.150
BOUND = 0.300  # of a hard loss, on a machine that others use as well


@pytest.fixture
def team(lab):
    return Team(lab)


def test_one_of_three_owns(team):
    team.start()
    owner = team.wait_agreed()
    with Asker(team) as asker:
        time.sleep(0.3)
    assert asker.macs() == {owner.mac}
    assert asker.longest_gap() < 0.05


def takeover(team, how, bound=BOUND):
    """Something happens to the owner: until a fresh question is answered."""
    owner = team.wait_agreed()
    with Asker(team) as asker:
        time.sleep(0.2)
        began = time.monotonic()
        how(owner)
        found = wait_for(lambda: asker.first_after(began, but=owner.mac), 3,
                         0.01, say=team.say)
        time.sleep(0.3)
    took = found[0] - began
    print(f"{how.__name__}: {took * 1000:.0f} ms, "
          f"both {asker.overlap() * 1000:.0f} ms")
    assert took < bound, took
    new = team.wait_owner(but=owner, among=[
        m for m in team.living() if m is not owner])
    assert found[1] == new.mac
    return owner, new, asker


def kill(owner):
    owner.bgpd.kill()


def freeze(owner):
    owner.signal(signal.SIGSTOP)


def cut(owner):
    owner.cut()


@pytest.mark.parametrize("how", [kill, freeze, cut])
def test_a_lost_owner_is_followed(team, how):
    team.start()
    owner, new, asker = takeover(team, how)
    if how is freeze:
        owner.signal(signal.SIGCONT)
    assert asker.overlap() == 0
