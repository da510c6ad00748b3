# SPDX-License-Identifier: ISC
"""One image for all stories; a lab for each."""

import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "net")]

import image as images  # noqa: E402
from lab import Lab  # noqa: E402
from pod import Pod, manifest  # noqa: E402


def pytest_collection_modifyitems(items):
    if os.geteuid() != 0:
        pytest.exit("an image is built and run as root", returncode=3)


@pytest.fixture(scope="session")
def image(request):
    made = images.make()
    request.addfinalizer(made.close)
    whole, own = made.sizes()
    # Past the capture: the size is to be seen whatever happens.
    with request.config.pluginmanager.getplugin(
            "capturemanager").global_and_fixture_disabled():
        print(f"\nimage: by {type(made).__name__.lower()}, "
              f"{whole / 1e6:.0f} MB, of which {own / 1e6:.0f} MB are not "
              "Debian's base")
    return made


@pytest.fixture
def lab(tmp_path):
    made = Lab(tmp_path)
    yield made
    made.close()


@pytest.fixture
def start(image, lab):
    """start(host): bgpd as a pod there; fill(running) before it starts."""
    made = []

    def go(host, pod=None, fill=None):
        pod = pod or Pod()
        one = image.running(image, host, pod)
        made.append(one)
        with open(os.path.join(one.volumes["/etc/fairway"], "bgpd.conf"),
                  "w") as f:
            f.write(manifest("ConfigMap")["data"]["bgpd.conf"])
        if fill:
            fill(one)
        return one.start(pod)

    yield go
    for one in made:
        one.kill()
