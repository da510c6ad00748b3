# SPDX-License-Identifier: ISC
"""Five hundred Services with slices: all served, each written once, in little memory."""

import os
import re
import time
from concurrent.futures import ThreadPoolExecutor

from lab import wait_for
from world import CONFIG, USER

COUNT = 500
POOL = CONFIG.replace("198.51.100.0/24", "10.100.0.0/21")


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mb(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"VmHWM:\s+(\d+)", f.read()).group(1)) / 1024


def wait_all(world, names, seconds):
    wait_for(lambda: len(world.given()) == len(names)
             and len(world.routes()) == len(names), seconds, every=0.25,
             say=lambda: f"{len(world.given())} addresses, "
             f"{len(world.routes())} routes" + world.node.bgpd.sh("show k8s"))
    world.assert_none_twice()


def test_five_hundred_services(make_world):
    world = make_world(config=POOL, nodes=2)
    names = [f"web-{n:03}" for n in range(COUNT)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(world.serve, names))
    mark = world.plane.audit.mark()
    began = time.monotonic()
    world.start()
    wait_all(world, names, 30)
    took = time.monotonic() - began
    leader = world.wait_leader()
    given = world.given()
    world.settled()
    # Written once each, told once each.
    audit = world.plane.audit
    assert audit.count(mark, user=USER, verb="patch",
                       resource="services/status") == COUNT
    assert audit.count(mark, user=USER, verb="patch",
                       resource="services/status", code=200) == COUNT
    assert audit.count(mark, user=USER, resource="events") == COUNT
    process = leader.bgpd.process.pid
    print(f"{COUNT} Services: {took:.1f} s, {cpu_seconds(process):.2f} s of "
          f"CPU, {peak_mb(process):.1f} MB at most")
    assert peak_mb(process) < 15
    assert cpu_seconds(process) < 2.5
    # A restart of each: nothing is written, nothing moves.
    mark = audit.mark()
    for node in world.nodes:
        node.bgpd.kill()
        node.bgpd.start()
        wait_for(lambda n=node: len(world.routes(n)) == COUNT, 20,
                 say=node.say)
        node.wait_synced()
    world.wait_leader(25)
    world.settled()
    assert world.given() == given and world.patches(mark) == 0
    # The API server forgets; a full list brings no change.
    with world.no_flap():
        world.plane.forget()
        world.back(30)
        world.serve("late")
        world.wait_address("late", seconds=30)
    assert world.patches(mark) == 1
    # Half of them go at once, and as many come.
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(world.remove, [*names[::2], "late"]))
        list(pool.map(world.serve, [name + "-b" for name in names[::2]]))
    wait_all(world, names, 30)
    for name in names[1::2]:
        before = [a for a, who in given.items() if "default/" + name in who]
        assert world.addresses(name) == before
