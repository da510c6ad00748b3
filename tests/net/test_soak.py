# SPDX-License-Identifier: ISC
"""A clumsy operator: what is removed comes back, what is garbage is harmless."""

import os
import signal
import socket

import pytest

from lab import Bgpd, Lab, wait_for

CONF = """
router bgp 64512
 bgp router-id 10.0.0.1
 neighbor 10.0.0.2 remote-as 64513
"""


@pytest.fixture
def daemon(tmp_path):
    lab = Lab(tmp_path)
    try:
        yield Bgpd(lab.host("a"), CONF).start()
    finally:
        lab.close()


def test_socket_that_was_removed_comes_back_with_reload(daemon):
    os.unlink(daemon.socket)
    daemon.process.send_signal(signal.SIGHUP)
    wait_for(daemon.answers, say=daemon.read_log)
    assert "64512" in daemon.sh("show running-config")
    assert daemon.kill(signal.SIGTERM) == 0
    assert not os.path.exists(daemon.socket)


def test_garbage_on_the_control_socket(daemon):
    before = daemon.sh("show running-config")
    for garbage in (b"\0" * 5000, b"a" * 300000, b"\n" * 100000,
                    b"x show bgp\0summary\n" * 100, b"? \nt \nx \n" * 1000,
                    b"x " + b"neighbor " * 5000 + b"\n"):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(5)
            s.connect(daemon.socket)
            try:
                s.sendall(garbage)
            except OSError:
                pass  # it may hang up
    assert daemon.sh("show running-config") == before
    assert daemon.kill(signal.SIGTERM) == 0


def test_file_that_is_wrong_changes_nothing(daemon):
    before = daemon.sh("show running-config")
    for wrong in ("router bgp 1\n\0x\n", "x " * 50000, "bogus\n" * 1000):
        daemon.reconfigure(CONF + wrong)
        assert daemon.sh("show running-config") == before
    daemon.reconfigure(CONF)
    assert daemon.sh("show running-config") == before
    assert daemon.kill(signal.SIGTERM) == 0
