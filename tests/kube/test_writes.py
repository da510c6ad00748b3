# SPDX-License-Identifier: ISC
"""What is written to the cluster: statuses and events, once, and no more."""

import json
import re
import time

from lab import wait_for
from world import CONFIG, HALF, SMALL, USER, within

CONDITIONS = {"Allocated": ("True", "IPAllocated"),
              "Conflict": ("False", "NoConflict")}


def states(world, name):
    return {kind: tuple(world.condition(name, kind).get(key)
                        for key in ("status", "reason"))
            for kind in CONDITIONS}


# Statuses ---------------------------------------------------------------------

def test_one_patch_per_service(world):
    """The API server adds ipMode, and MetalLB writes for it on every pass."""
    names = [f"web-{n}" for n in range(5)]
    for name in names:
        world.serve(name)
    for name in names:
        world.wait_address(name)
    assert world.service("web-0")["status"]["loadBalancer"]["ingress"] == [
        {"ip": world.addresses("web-0")[0], "ipMode": "VIP"}]
    world.settled()
    world.label("web-0", a="b")
    world.note("web-1", **{"example.org/note": "x"})
    world.endpoints("web-2", ("prod-01", False, False))
    world.configure(CONFIG + "  avoid-buggy-ips: false\n")
    world.settled()
    world.node.bgpd.kill()
    world.node.bgpd.start()
    world.wait_leader(25)
    world.node.bgpd.kill(15)
    world.node.bgpd.start()
    world.wait_leader()
    world.configure(CONFIG)
    world.settled()
    for name in names:
        assert world.patches(name=name) == 1, name
        assert len(world.events(name)) == 1, world.events(name)


def test_the_patch_itself(make_world):
    """A merge patch on /status, which carries the version it was decided on."""
    world = make_world(proxy=True).start()
    mark = world.proxy.mark()
    world.serve("web")
    address = world.wait_address("web")
    world.settled()
    (seen,) = world.proxy.requests(mark, "/services/", method="PATCH")
    assert seen.path.endswith("/namespaces/default/services/web/status")
    body = json.loads(seen.body)
    assert body["status"]["loadBalancer"] == {"ingress": [{"ip": address}]}
    assert body["metadata"] == {"resourceVersion": body["metadata"][
        "resourceVersion"]}
    assert {c["type"] for c in body["status"]["conditions"]} == {
        "bgpd.io/Allocated", "bgpd.io/Conflict"}
    assert states(world, "web") == CONDITIONS
    (manager,) = [m for m in world.service("web")["metadata"]["managedFields"]
                  if m["manager"] == "fairway"]
    assert manager["subresource"] == "status"
    when = world.condition("web", "Allocated")["lastTransitionTime"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", when)


def test_told_within_half_a_second(world):
    world.serve("first")
    world.wait_address("first")
    with within(HALF):
        world.serve("web")
        world.wait_address("web")
    with within(HALF):
        world.serve("stray", loadBalancerIP="203.0.113.9")
        world.wait_event("stray", "AllocationFailed", "not allowed")
    with within(HALF):
        world.change("web", loadBalancerIP="198.51.100.88")
        world.wait_address("web", "198.51.100.88")
    with within(HALF):
        world.change("web", type="ClusterIP", loadBalancerIP=None)
        world.wait_no_address("web")


def test_who_clears_a_status_gets_it_back(world):
    world.serve("web")
    address = world.wait_address("web")
    world.wait_route(address)
    mark = world.settled()
    with world.no_flap():
        world.plane.patch("Service", "web",
                          {"status": {"loadBalancer": None}}, sub="status")
        world.wait_address("web", address)
        world.settled()
    assert world.patches(mark) == 1
    # So does one that says what is in no pool.
    world.plane.patch("Service", "web", {"status": {"loadBalancer": {
        "ingress": [{"ip": "192.0.2.1"}]}}}, sub="status")
    wait_for(lambda: "192.0.2.1" not in world.addresses("web"), 5)
    world.wait_address("web")
    world.assert_none_twice()


def test_conditions_of_others_stay(world):
    other = {"type": "example.org/Other", "status": "Unknown", "reason": "R",
             "message": 'with "quotes" and \u00fcmlauts',
             "lastTransitionTime": "2026-01-01T00:00:00Z"}
    world.serve("web", loadBalancerIP="203.0.113.9")
    world.wait_failure("web", "not allowed")
    world.plane.patch("Service", "web", {"status": {"conditions": [
        *world.service("web")["status"]["conditions"], other]}},
        sub="status")
    world.change("web", loadBalancerIP=None)
    world.wait_address("web")
    assert other in world.service("web")["status"]["conditions"]
    assert states(world, "web") == CONDITIONS


def test_a_refused_version_is_decided_again(make_world):
    """409: somebody changed the Service between the decision and the patch."""
    world = make_world(proxy=True).start()
    fault = world.proxy.answer(409, method="PATCH", path="/status$", times=1)
    world.serve("web")
    fault.wait()
    world.label("web", changed="yes")
    world.wait_address("web")
    # The real one: its watch is late, so the version it knows is an old one.
    world.serve("late")
    world.wait_address("late")
    world.settled()
    stall = world.proxy.stall(path="/services$", watch=True)
    world.change("late", loadBalancerIP="198.51.100.66")
    stall.wait()
    world.plane.patch("Service", "late", {"status": {"loadBalancer": None}},
                      sub="status")
    stall.remove()
    world.wait_address("late", "198.51.100.66")
    world.settled()
    world.assert_none_twice()


def test_gone_before_it_is_written(make_world):
    world = make_world(proxy=True).start()
    world.serve("stays")
    world.wait_address("stays")
    fault = world.proxy.stall(method="PATCH", path="/services/")
    world.serve("web")
    fault.wait()
    world.remove("web")
    world.serve("web", loadBalancerIP="198.51.100.70")
    fault.remove()
    world.wait_address("web", "198.51.100.70")
    assert world.addresses("stays") == ["198.51.100.0"]
    world.remove("web")
    world.settled()
    assert "default/web" not in str(world.given())


def test_writes_that_are_refused_are_told_with_the_cure(world):
    """403: the rule is missing. It is mended, and all is written."""
    world.site.changed = True
    world.serve("before")
    world.wait_address("before")
    world.plane.kubectl("patch", "clusterrole", "fairway", "--type=json", "-p",
                        json.dumps([{"op": "replace", "path": "/rules", "value":
                                     [r for r in rules(world)
                                      if r["resources"] != [
                                          "services/status"]]}]))
    time.sleep(0.5)
    world.serve("web")
    wait_for(lambda: "verb patch on services/status"
             in world.node.bgpd.read_log(), 5, say=world.say)
    assert not world.addresses("web")
    assert not world.has_route("198.51.100.1/32")  # Not known, not announced.
    assert world.has_route("198.51.100.0/32")
    world.site.apply_manifests()
    time.sleep(0.5)
    world.label("web", again="now")
    world.wait_address("web", "198.51.100.1")
    world.wait_route("198.51.100.1")


def rules(world):
    return world.plane.get("ClusterRole", "fairway")["rules"]


def test_a_storm_of_429(make_world):
    """Retry-After is kept to, and nothing is asked in between."""
    world = make_world(proxy=True).start()
    world.serve("first")
    world.wait_route(world.wait_address("first"))
    mark = world.proxy.mark()
    world.proxy.answer(429, writes=True, retry_after=2, seconds=5)
    began = time.monotonic()
    names = [f"web-{n}" for n in range(20)]
    with world.no_flap():
        for name in names:
            world.serve(name)
        for name in names:
            world.wait_address(name, seconds=20)
    assert time.monotonic() - began > 4
    tried = [s for s in world.proxy.requests(mark, status=429)]
    assert 1 <= len(tried) <= 60, len(tried)
    times = sorted(s.time for s in tried if "/status" in s.path)
    pauses = [b - a for a, b in zip(times, times[1:]) if b - a > 0.5]
    assert pauses and all(pause > 1.5 for pause in pauses), times
    world.assert_none_twice()


def test_a_server_that_fails_now_and_then(make_world):
    world = make_world(proxy=True).start()
    for status in (500, 503, 504):
        world.proxy.answer(status, writes=True, times=2)
        world.serve(f"web-{status}")
        world.wait_address(f"web-{status}", seconds=20)
    world.assert_none_twice()


# Events -----------------------------------------------------------------------

def test_the_event_of_an_address(world):
    world.serve("web")
    address = world.wait_address("web")
    event = world.wait_event("web", "IPAllocated")
    assert event["type"] == "Normal" and event["action"] == "Allocate"
    assert event["note"] == f'Assigned IP "{address}"'
    assert event["reportingController"] == "metallb-controller"
    assert event["reportingInstance"] == "prod-01"
    regarding = event["regarding"]
    assert regarding["kind"] == "Service" and regarding["apiVersion"] == "v1"
    assert regarding["uid"] == world.service("web")["metadata"]["uid"]
    assert "IPAllocated" in world.plane.kubectl("describe", "service", "web")
    world.settled()
    assert world.count_events("web", "IPAllocated") == 1
    # Another address is another transition.
    world.change("web", loadBalancerIP="198.51.100.9")
    world.wait_event("web", "IPAllocated", "198.51.100.9")


def test_a_failure_is_told_once_per_transition(make_world):
    world = make_world(config=SMALL).start()
    world.serve("first")
    world.wait_address("first")
    world.serve("web")
    world.wait_failure("web", "no available")
    assert world.condition("web", "Allocated")["reason"] == "AllocationFailed"
    mark = world.settled()
    for n in range(3):  # Nothing of this changes why it waits.
        world.label("web", round=str(n))
        world.endpoints("web", ("prod-01", n == 1))
        world.configure(SMALL + f"# {n}\n")
        time.sleep(0.3)
    world.settled()
    assert world.patches(mark) == 0
    assert world.count_events("web", "AllocationFailed") == 1
    world.remove("first")
    world.wait_address("web", "198.51.100.5")
    assert states(world, "web") == CONDITIONS
    world.wait_event("web", "IPAllocated")
    # It is lost again, and that is told again.
    world.change("web", loadBalancerIP="203.0.113.1")
    world.wait_failure("web", "not allowed")
    wait_for(lambda: world.count_events("web", "AllocationFailed") == 2, 5,
             say=lambda: str(world.events("web")))
    world.wait_no_address("web")


def test_repeats_are_a_series(make_world):
    """The same of the same Service again: one object, which counts."""
    world = make_world(config=SMALL).start()
    world.serve("first")
    world.wait_address("first", "198.51.100.5")
    world.serve("web")
    world.wait_failure("web", "no available")
    world.remove("first")
    world.wait_address("web", "198.51.100.5")
    world.change("web", type="ClusterIP")
    world.wait_no_address("web")
    world.serve("first")
    world.wait_address("first", "198.51.100.5")
    world.change("web", type="LoadBalancer")
    wait_for(lambda: world.condition("web", "Allocated").get("status")
             == "False", 5, say=world.say)
    # As client-go has it, a series is told when it begins, then now and then.
    wait_for(lambda: world.count_events("web", "AllocationFailed") == 2, 5,
             say=lambda: str(world.events("web")))
    (event,) = world.events("web", "AllocationFailed")
    assert event["series"]["count"] == 2


def test_events_that_may_not_be_written_hold_nothing_up(make_world):
    world = make_world(proxy=True).start()
    world.proxy.answer(403, path="/events", writes=True)
    with within(2):
        for n in range(5):
            world.serve(f"web-{n}")
        for n in range(5):
            world.wait_address(f"web-{n}")
    world.wait_route("198.51.100.4")


def test_events_wait_for_the_right_to_write_them(make_world):
    """As a server that has just started says 403, or roles that come late."""
    world = make_world(proxy=True).start()
    fault = world.proxy.answer(403, path="/events", writes=True)
    for n in range(5):
        world.serve(f"web-{n}")
    for n in range(5):
        world.wait_address(f"web-{n}")
    time.sleep(1)
    assert not world.events("web-0", "IPAllocated")
    fault.remove()
    for n in range(5):
        world.wait_event(f"web-{n}", "IPAllocated", seconds=5)
        assert world.count_events(f"web-{n}", "IPAllocated") == 1


def test_only_what_is_allowed_is_asked(make_world):
    """No request but what the RBAC of the manifests is for."""
    world = make_world()
    mark = world.plane.audit.mark()
    world.start()
    world.serve("web")
    world.wait_address("web")
    world.change("web", type="ClusterIP")
    world.wait_no_address("web")
    world.settled()
    audit = world.plane.audit
    assert audit.count(mark, user=USER, code=403) == 0
    asked = {(verb, what) for _, verb, what in audit.table(mark, USER)}
    # Lists are streamed: they are watches.
    assert {("watch", "services"), ("patch", "services/status"),
            ("create", "events"), ("create", "leases")} <= asked
    assert asked <= {
        *((verb, what) for verb in ("list", "watch") for what in (
            "services", "nodes", "endpointslices", "configmaps", "secrets",
            "leases")),
        ("patch", "services/status"), ("create", "events"),
        ("get", "leases"), ("create", "leases")}, asked
    assert audit.count(mark, user=USER, space="kube-system") == 0
