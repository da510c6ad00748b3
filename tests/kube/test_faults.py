# SPDX-License-Identifier: ISC
"""Everything dies in turn and together; no route flaps, no address is given twice."""

import contextlib
import os
import signal
import time

import pytest

from cluster import make
from lab import wait_for
from world import CONFIG

# Services with addresses that the router holds.
NAMES = ("web-0", "web-1", "web-2")


def fill(world, names=NAMES):
    for name in names:
        world.serve(name)
    given = {name: world.wait_address(name) for name in names}
    for address in given.values():
        world.wait_route(address)
    world.mark = world.settled()
    return given


def assert_as_before(world, given):
    """The same addresses, by the same patches, at the router."""
    assert {name: world.addresses(name)[0] for name in given} == given
    for node in world.nodes:
        assert sorted(a + "/32" for a in given.values()) == world.routes(node)
    for name in given:
        assert world.patches(world.mark, name) == 0, name
    world.assert_none_twice()


@pytest.fixture
def filled(world):
    world.given_before = fill(world)
    return world


# bgpd, the API server, etcd, BIRD -----------------------------------------------

def test_kill_bgpd(filled):
    for _ in range(2):
        filled.node.bgpd.kill()
        filled.node.bgpd.start()
        for address in filled.given_before.values():
            filled.wait_route(address)
        filled.node.wait_synced()
    filled.settled()
    assert_as_before(filled, filled.given_before)
    filled.serve("late")
    filled.wait_address("late", seconds=25)


def test_kill_the_api_server(filled):
    with filled.no_flap():
        filled.plane.apiserver.kill9()
        filled.node.wait_k8s("away")
        time.sleep(1)
        filled.plane.apiserver.start()
        filled.back()
        filled.settled()
    assert_as_before(filled, filled.given_before)
    filled.serve("late")
    filled.wait_address("late", seconds=10)


def test_an_api_server_that_ends_in_order(filled):
    """Watches are ended one by one, connections by GOAWAY."""
    with filled.no_flap():
        filled.plane.apiserver.restart()
        filled.back()
        filled.settled()
    assert_as_before(filled, filled.given_before)


def test_an_api_server_that_hangs(filled):
    with filled.no_flap():
        filled.plane.apiserver.pause()
        time.sleep(3)
        assert filled.node.bgpd.sh("show bgp summary")  # The loop is free.
        filled.plane.apiserver.resume()
        filled.serve("late")
        filled.wait_address("late", seconds=25)
    for name in NAMES:
        assert filled.patches(filled.mark, name) == 0


def test_kill_etcd(filled):
    with filled.no_flap():
        filled.plane.etcd.kill9()
        time.sleep(2)
        filled.plane.etcd.start()
        wait_for(filled.plane.apiserver.answers, 20, say=filled.plane.say)
        filled.serve("late")
        filled.wait_address("late", seconds=25)
    for name in NAMES:
        assert filled.patches(filled.mark, name) == 0


def test_kill_the_router(filled):
    filled.router.process.kill()
    filled.router.process.wait()
    filled.start_router()
    for address in filled.given_before.values():
        filled.wait_route(address, seconds=15)
    assert_as_before(filled, filled.given_before)


def test_kill_all_together(make_world):
    world = make_world(nodes=2)
    world.start()
    given = fill(world)
    for kill in (*(n.bgpd.kill for n in world.nodes),
                 world.plane.apiserver.kill9, world.plane.etcd.kill9,
                 world.router.process.kill):
        kill()
    world.router.process.wait()
    for node in world.nodes:
        node.bgpd.start()
    world.start_router()
    # Nobody but the state files knows it now.
    for node in world.nodes:
        for address in given.values():
            world.wait_route(address, node, seconds=15)
    with world.no_flap():
        world.plane.etcd.start()
        world.plane.apiserver.start()
        with world.never_twice():
            world.back(30)
            world.settled()
    assert_as_before(world, given)
    world.serve("late")
    world.wait_address("late", seconds=25)


# The API server is away ------------------------------------------------------------

def test_restarted_while_the_api_server_is_away(filled):
    filled.plane.apiserver.kill9()
    filled.node.bgpd.kill()
    filled.node.bgpd.start()
    for address in filled.given_before.values():
        filled.wait_route(address)
    assert not filled.node.is_synced()
    with filled.no_flap():
        filled.plane.apiserver.start()
        filled.back()
        filled.settled()
    assert_as_before(filled, filled.given_before)


def test_what_happened_meanwhile(filled):
    """Away for bgpd alone: the cluster goes on without it, nothing is lost."""
    nodes = filled.site.host
    with filled.no_flap():
        nodes.ip("link", "set", "nodes", "down")
        time.sleep(3)
        nodes.ip("link", "set", "nodes", "up")
        filled.back()
        filled.serve("early")
        filled.wait_address("early", seconds=25)
    filled.node.bgpd.kill()
    filled.remove("web-1")
    filled.change("web-2", loadBalancerIP="198.51.100.80")
    filled.serve("new")
    filled.node.bgpd.start()
    filled.wait_address("web-2", "198.51.100.80", seconds=25)
    filled.wait_address("new")
    wait_for(lambda: filled.routes() == sorted(
        a + "/32" for a in filled.given()), 5, say=filled.say)
    filled.assert_none_twice()


def test_no_api_server_at_the_very_first_start(make_world):
    world = make_world()
    world.serve("web")
    world.plane.apiserver.kill9()
    world.start(wait=False)
    world.node.wait_k8s("not reached yet")
    assert not world.routes()
    world.plane.apiserver.start()
    world.wait_route(world.wait_address("web", seconds=20))


@pytest.mark.parametrize("what", ["services", "configmaps", "endpointslices",
                                  "nodes"])
def test_nothing_before_a_full_first_list(make_world, what):
    """One of the lists does not come: nothing is given, nothing withdrawn."""
    world = make_world(proxy=True).start()
    given = fill(world, ("web",))
    world.node.bgpd.kill()
    fault = world.proxy.stall(path=f"/{what}$")
    world.node.bgpd.start()
    world.wait_route(given["web"])
    with world.no_flap():
        fault.wait()
        world.serve("new")
        time.sleep(1)
        assert not world.addresses("new")
        assert not world.has_route("198.51.100.1/32")
        assert not world.node.is_synced()
        fault.remove()
        world.wait_address("new", "198.51.100.1", seconds=25)
    assert world.patches(world.mark, "web") == 0


def test_a_first_list_of_nothing_at_all(make_world):
    """A torn state file and no API server: nothing is made up."""
    world = make_world().start()
    given = fill(world, ("web",))
    world.node.bgpd.kill()
    path = world.node.state + ".objects"
    with open(path, "r+b") as f:
        f.truncate(os.path.getsize(path) // 2)
    world.node.bgpd.start()
    world.wait_route(given["web"])
    world.node.wait_synced()
    world.settled()
    assert_as_before(world, given)


# Time goes back ---------------------------------------------------------------------

def test_an_older_snapshot_of_etcd(make_world, tmp_path):
    """What the cluster lost is withdrawn, and what it says now counts."""
    world = make_world(nodes=2).start()
    given = fill(world)
    copy = world.plane.etcd_copy(str(tmp_path / "copy"))
    world.serve("lost", loadBalancerIP="198.51.100.90")
    world.wait_route(world.wait_address("lost"))
    world.change("web-2", loadBalancerIP="198.51.100.91")
    world.wait_address("web-2", "198.51.100.91")
    for node in world.nodes:
        world.wait_route("198.51.100.91", node)
    world.settled()
    mark = world.router_mark()
    world.plane.etcd_restore(copy)
    with world.never_twice():
        world.back(30)
        for node in world.nodes:
            world.wait_route("198.51.100.90", node, gone=True, seconds=30)
        world.serve("next")
        given["next"] = world.wait_address("next", seconds=25)
        for node in world.nodes:
            wait_for(lambda n=node: world.routes(n) == sorted(
                a + "/32" for a in given.values()), 10, say=world.say)
    assert {n: world.addresses(n)[0] for n in given} == given
    for node in world.nodes:  # The two that moved on, and nothing else.
        lost = world.lost(mark, node)
        assert len(lost) == 2, lost
        assert all(f"198.51.100.9{n}/32" in str(lost) for n in (0, 1)), lost


def test_an_older_snapshot_without_the_status(make_world, tmp_path):
    """A Service from before it had its address keeps the one it has."""
    world = make_world()
    world.serve("web", loadBalancerIP="198.51.100.9")
    world.serve("rival")
    copy = world.plane.etcd_copy(str(tmp_path / "copy"))
    world.start()
    world.wait_route(world.wait_address("web"))
    world.wait_route(world.wait_address("rival"))
    world.settled()
    with world.no_flap():
        world.plane.etcd_restore(copy)
        world.wait_address("web", "198.51.100.9", seconds=30)
        world.wait_address("rival", "198.51.100.0", seconds=30)


@contextlib.contextmanager
def set_back(world, copy):
    """etcd goes back, and its version is past what it was when bgpd looks."""
    plane, before = world.plane, world.plane.revision()
    world.node.bgpd.process.send_signal(signal.SIGSTOP)
    try:
        plane.apiserver.kill9()
        plane.etcd_restore(copy, apiserver=False)
        assert plane.revision() < before
        plane.apiserver.start()
        yield
        end = time.monotonic() + 5
        while plane.revision() <= before or time.monotonic() < end:
            plane.apply(make("ConfigMap", "other",
                             data={"now": str(time.time())}))
            time.sleep(0.05)
    finally:
        world.node.bgpd.process.send_signal(signal.SIGCONT)


def test_an_older_snapshot_that_is_past_us(filled, tmp_path):
    """Other writes have carried it on: no version tells what is missing."""
    copy = filled.plane.etcd_copy(str(tmp_path / "copy"))
    filled.serve("lost", loadBalancerIP="198.51.100.90")
    filled.wait_route(filled.wait_address("lost"))
    filled.settled()
    with set_back(filled, copy):
        filled.serve("late", loadBalancerIP="198.51.100.95")
    filled.wait_route("198.51.100.90", gone=True, seconds=10)
    filled.wait_route("198.51.100.95", seconds=10)
    filled.wait_address("late", "198.51.100.95")


def test_an_older_snapshot_from_before_a_deletion(filled, tmp_path):
    """What came last and went is as absent from it as from the later one."""
    copy = filled.plane.etcd_copy(str(tmp_path / "copy"))
    address = filled.given_before["web-2"]
    filled.remove("web-2")
    filled.wait_route(address, gone=True)
    filled.serve("brief")
    filled.wait_address("brief")
    filled.remove("brief")
    filled.wait_route(address, gone=True)
    with set_back(filled, copy):
        pass
    filled.wait_route(address, seconds=10)
    assert_as_before(filled, filled.given_before)


def test_the_clock_jumps(make_world, tmp_path):
    """An hour ahead and back again, under libfaketime: the wall clock alone."""
    world = make_world()
    fake = str(tmp_path / "clock")
    with open(fake, "w") as f:
        f.write("+0")
    world.node.bgpd.env.update({
        "LD_PRELOAD": "/usr/$LIB/faketime/libfaketime.so.1",
        "FAKETIME_TIMESTAMP_FILE": fake, "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1"})
    world.start()
    given = fill(world)
    with world.no_flap():
        for n, offset in enumerate(("+3600", "+0", "+7200", "+60")):
            with open(fake + ".new", "w") as f:
                f.write(offset)
            os.rename(fake + ".new", fake)
            world.serve(f"late-{n}")
            world.wait_address(f"late-{n}")
            time.sleep(0.5)
        assert world.node.leads()
    for name in given:
        assert world.patches(world.mark, name) == 0
    world.assert_none_twice()
    jumped = world.condition("late-2", "Allocated")["lastTransitionTime"]
    asked = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time()
                                                            + 3600))
    assert jumped > asked  # It did see the jump.


# Watches ------------------------------------------------------------------------------

@pytest.fixture
def proxied(make_world):
    world = make_world(proxy=True).start()
    world.given_before = fill(world)
    return world


def assert_goes_on(world, name):
    world.serve(name)
    world.wait_route(world.wait_address(name, seconds=10))


@pytest.mark.parametrize("how", ["close", "reset", "end"])
def test_watches_are_cut_in_an_object(proxied, how):
    with proxied.no_flap():
        for after in (1, 300):
            fault = proxied.proxy.cut(after, how, path="/services$",
                                      watch=True)
            proxied.label("web-0", t=str(after))
            fault.wait()
            cut = proxied.proxy.cut(after, how, path="/endpointslices$",
                                    watch=True)
            proxied.endpoints("web-1", ("prod-01", True), ("other", True))
            proxied.endpoints("web-1", ("prod-01", True))
            cut.wait()
            assert_goes_on(proxied, f"late-{after}")
    assert_goes_on(proxied, "last")
    for name in NAMES:
        assert proxied.patches(proxied.mark, name) == 0


def test_watches_end_between_objects_all_the_time(proxied):
    with proxied.no_flap():
        for n in range(5):
            proxied.proxy.cut_now(watch=True, how=("end", "reset")[n % 2])
            assert_goes_on(proxied, f"late-{n}")
    assert proxied.node.ups() == 1


def test_nothing_is_lost_while_a_watch_is_away(proxied):
    """Deleted and changed between one watch and the next."""
    refuse = proxied.proxy.answer(503, path="/services$")
    proxied.proxy.cut_now("/services$")
    proxied.remove("web-0")
    proxied.change("web-1", loadBalancerIP="198.51.100.60")
    refuse.wait()
    refuse.remove()
    proxied.wait_address("web-1", "198.51.100.60", seconds=15)
    proxied.wait_route(proxied.given_before["web-0"], gone=True)
    proxied.wait_route("198.51.100.60")


def test_410_gone(proxied):
    """Told so in the watch, and by a server that has really forgotten."""
    with proxied.no_flap():
        mark = proxied.proxy.mark()
        assert proxied.proxy.gone() >= 4
        wait_for(lambda: any(
            "sendInitialEvents" in s.query or not s.watch
            for s in proxied.proxy.requests(mark, "/services$")), 10,
            say=proxied.say)
        assert_goes_on(proxied, "late")
        refuse = proxied.proxy.answer(503, watch=True)
        proxied.proxy.cut_now(watch=True)
        proxied.plane.forget()
        proxied.label("web-0", a="b")
        refuse.remove()
        proxied.back(30)
        proxied.serve("later")
        proxied.wait_address("later", seconds=20)
    proxied.settled()
    for name in NAMES:
        assert proxied.patches(proxied.mark, name) == 0


GARBAGE = [
    b'{"type":"ADDED","object":\n', b"\x00\xff{]\n", b"[]\n", b"null\n",
    b'{"type":"ADDED","object":[1]}\n', b'{"type":7}\n',
    b'{"type":"SOMETHING","object":{}}\n',
    b'{"type":"ERROR","object":{"kind":"Status","code":500}}\n',
    b"[" * 5000 + b"\n"]


def test_garbage_in_a_watch(proxied):
    """The one kind is read anew, and the others never notice."""
    paths = ("/services$", "/endpointslices$", "/configmaps$", "/nodes$")
    with proxied.no_flap():
        for n, garbage in enumerate(GARBAGE):
            path = paths[n % len(paths)]
            wait_for(lambda p=path, g=garbage: proxied.proxy.inject(g, p), 20)
            # An object that is left open takes the next one with it.
            proxied.label("web-0", t=str(n))
            proxied.endpoints("web-0", ("prod-01", True), ("other", n % 2 > 0))
            proxied.label_node("prod-01", t=str(n))
            proxied.configure(CONFIG + f"# {n}\n")
            proxied.serve(f"late-{n}")
            proxied.wait_address(f"late-{n}", seconds=20)
        proxied.wait_route(proxied.addresses(f"late-{n}")[0])
    assert not proxied.node.bgpd.is_dead()
    for name in NAMES:
        assert proxied.patches(proxied.mark, name) == 0


def test_a_storm_of_refusals(proxied):
    """Lists and watches are refused for a while, by 429 and 503 in turn."""
    with proxied.no_flap():
        for status in (429, 503):
            mark = proxied.proxy.mark()
            fault = proxied.proxy.answer(status, retry_after=1)
            proxied.proxy.cut_now(watch=True)
            time.sleep(2.5)
            fault.remove()
            asked = proxied.proxy.count(mark, status=status)
            assert 3 <= asked <= 50, asked
            proxied.back(30)
        assert_goes_on(proxied, "late")


def test_a_list_that_ends_in_the_middle(proxied):
    """Half a list is no list: what is not in it is not gone."""
    proxied.node.bgpd.kill()
    cuts = [proxied.proxy.cut(1500, "close", times=1, path=path)
            for path in ("/services$", "/endpointslices$")]
    proxied.node.bgpd.start()
    for address in proxied.given_before.values():
        proxied.wait_route(address)
    with proxied.no_flap():
        for cut in cuts:
            cut.wait()
        proxied.back(30)
        proxied.serve("late")
        proxied.wait_address("late", seconds=20)
    for name in NAMES:
        assert proxied.patches(proxied.mark, name) == 0


def test_the_proxy_itself_goes_away(proxied):
    with proxied.no_flap():
        proxied.proxy.down()
        proxied.node.wait_k8s("away", seconds=10)
        proxied.proxy.up()
        proxied.back(30)
        proxied.serve("late")
        proxied.wait_address("late", seconds=20)
