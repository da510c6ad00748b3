# SPDX-License-Identifier: ISC
"""One control plane for all stories of bgpd; a lab and a world for each."""

import os

import pytest

import cluster  # first: it says where lab is
from lab import Lab
from world import Site, World


def pytest_collection_modifyitems(items):
    if os.geteuid() != 0:
        pytest.exit("these stories make network namespaces: run them as root",
                    returncode=3)


@pytest.fixture(scope="session")
def assets():
    """The directory of the binaries; the first time this takes minutes."""
    try:
        return cluster.assets()
    except cluster.Missing as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="module")
def plane(assets, tmp_path_factory):
    """A control plane in a namespace of its own."""
    lab = Lab(tmp_path_factory.mktemp("kube"))
    try:
        host = lab.host("plane")
        with cluster.ControlPlane(host.dir, netns=host.ns,
                                  assets=assets) as made:
            yield made
    finally:
        lab.close()


@pytest.fixture
def lab(tmp_path):
    made = Lab(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="session")
def site(assets, tmp_path_factory):
    """The control plane that all worlds are made on, one after the other."""
    lab = Lab(tmp_path_factory.mktemp("site"))
    made = Site(lab, assets)
    try:
        yield made.start()
    finally:
        made.plane.stop()
        lab.close()


@pytest.fixture
def make_world(lab, site):
    """Makes a World; what a story needs, it says."""
    made = []

    def make(**how):
        made.append(World(lab, site, **how))
        return made[-1]
    yield make
    for world in made:
        world.close()


@pytest.fixture
def world(make_world):
    """One node, one pool, everything started."""
    return make_world().start()
