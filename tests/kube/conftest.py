# SPDX-License-Identifier: ISC
"""A control plane for each module's stories, and a lab for each story."""

import os

import pytest

import cluster  # first: it says where lab is
from lab import Lab


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
