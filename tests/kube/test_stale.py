# SPDX-License-Identifier: ISC
"""A bad ConfigMap: the last good one stays, and it is told that it is stale."""

import pytest

from lab import Lab
from world import CONFIG, World

BAD = {
    "an AS that is none": CONFIG.replace("peer-asn: 64512", "peer-asn: lots"),
    "an address that is none": CONFIG.replace("10.0.0.1", "10.0.0.300"),
    "an unknown key": CONFIG + "  auto-asign: true\n",
    "no YAML": CONFIG + "\n\t- [\n",
    "a list in place of a text": CONFIG.replace("main", "[main]"),
    "no protocol that there is": CONFIG.replace("bgp\n", "carrier\n"),
    "a range from high to low": CONFIG.replace(
        "198.51.100.0/24", "198.51.100.9-198.51.100.1"),
    "two pools that overlap": CONFIG + """
- name: twice
  protocol: bgp
  addresses: [198.51.100.0/25]
""",
    "a selector that is none": CONFIG.replace("  my-asn", """  node-selectors:
  - match-expressions: [{key: a, operator: Near, values: [b]}]
  my-asn""", 1),
    "a community that is none": CONFIG + """
  bgp-advertisements:
  - communities: [loud]
""",
    "an address in use taken away": CONFIG.replace("100.0/24", "100.128/25"),
}


@pytest.fixture(scope="module")
def one_world(site, tmp_path_factory):
    """One for all ConfigMaps that are bad."""
    lab = Lab(tmp_path_factory.mktemp("config"))
    try:
        world = World(lab, site).start()
        world.serve("web")
        world.wait_route(world.wait_address("web"))
        yield world
    finally:
        lab.close()


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_configmap_keeps_the_last_good_one(one_world, kind):
    """MetalLB's watch dies of some of them, and all is said to be well."""
    world = one_world
    world.configure(CONFIG)
    world.wait_config(1, 0, seconds=2)
    with world.no_flap():
        world.configure(BAD[kind])
        world.wait_config(1, 1)
        shown = world.node.k8s()
        assert shown["config"] == "stale" and shown["refusal"]
        assert "stale" in world.node.bgpd.sh("show k8s")
        assert "configStale" in world.node.bgpd.read_log()
        # Everything else goes on with the last good one.
        world.serve("late")
        world.wait_address("late", "198.51.100.1")
        world.wait_route("198.51.100.1")
    world.remove("late")
    world.wait_route("198.51.100.1", gone=True)
    with world.no_flap():
        world.configure(CONFIG + "# well again\n")
        world.wait_config(1, 0)
        assert world.node.k8s()["config"] == "loaded"
    assert world.patches(name="web") >= 1
    assert world.node.ups() == 1
