# SPDX-License-Identifier: ISC
"""One lab per story, taken down after it whatever happened."""

import os

import pytest

from lab import Lab


def pytest_collection_modifyitems(items):
    if os.geteuid() != 0:
        pytest.exit("these stories make network namespaces: run them as root",
                    returncode=3)


@pytest.fixture
def lab(tmp_path):
    made = Lab(tmp_path)
    yield made
    made.close()
