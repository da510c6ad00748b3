# SPDX-License-Identifier: ISC
"""Addresses of layer 2 among several nodes: who has them, and who takes over."""

import signal
import time

import pytest

from asker import Asker
from lab import wait_for
from team import Team

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
    assert asker.longest_pause() < 0.05


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
          f"both {asker.both() * 1000:.0f} ms")
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
    assert asker.both() == 0


def test_a_healed_node_takes_nothing_back(team):
    team.start()
    owner, new, _ = takeover(team, cut)
    with Asker(team) as asker:
        owner.heal()
        time.sleep(2)
    assert asker.macs() == {new.mac}, team.say()
    assert team.wait_agreed() is new


def test_a_frozen_node_wakes_and_says_nothing(team):
    """Not to one of the hundreds of questions that wait for it."""
    team.start()
    owner, new, _ = takeover(team, freeze)
    with Asker(team) as asker:
        time.sleep(2)
        owner.signal(signal.SIGCONT)
        time.sleep(1.5)
    assert len(asker.asked) > 400
    assert asker.macs() == {new.mac}, team.say()
    assert team.wait_agreed() is new


def test_sigterm_hands_over(team):
    team.start()
    owner = team.wait_agreed()
    with Asker(team) as asker:
        time.sleep(0.3)
        began = time.monotonic()
        owner.signal(signal.SIGTERM)
        owner.bgpd.process.wait(5)
        took = time.monotonic() - began
        time.sleep(0.3)
    assert took < 3
    assert len(asker.macs()) == 2
    print(f"stopped in {took:.2f} s, gap {asker.longest_gap() * 1000:.0f} ms, "
          f"both {asker.both() * 1000:.0f} ms")
    assert asker.unanswered() == 0
    assert asker.longest_pause() < 0.05
    assert asker.both() < 0.05


def test_a_restart_moves_nothing(team):
    team.start()
    owner = team.wait_agreed()
    pid = owner.bgpd.pid
    with Asker(team) as asker:
        time.sleep(0.2)
        assert "restarts" in owner.bgpd.sh("restart")
        time.sleep(2.5)
    assert asker.macs() == {owner.mac}, team.say()
    print(f"restart: gap {asker.longest_gap() * 1000:.0f} ms")
    assert owner.bgpd.pid == pid
    assert team.wait_agreed() is owner


def test_handover_of_a_service(team):
    team.start()
    owner = team.wait_agreed()
    with Asker(team) as asker:
        time.sleep(0.2)
        told = owner.bgpd.sh("handover service default/web")
        assert "1 addresses" in told
        new = team.wait_owner(but=owner)
        time.sleep(0.3)
    assert asker.macs() == {owner.mac, new.mac}
    assert asker.unanswered() == 0
    assert asker.longest_pause() < 0.05
    assert asker.both() < 0.05
    assert team.wait_agreed() is new
