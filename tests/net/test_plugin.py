# SPDX-License-Identifier: ISC
"""Guests of the daemon: built against its plugin.h, an older and a newer one."""

import os
import re

import pytest

from lab import TOP, Bgpd, run, wait_for
from test_session import bird, two_hosts

SOURCE = os.path.join(TOP, "tests", "plugins", "both.c")
with open(os.path.join(TOP, "bgpd", "plugin.h")) as header:
    TODAY = header.read()
ABI = int(re.search(r"BGPD_ABI\s+UINT32_C\((\w+)\)", TODAY).group(1), 16)

CONF = """
hostname us
router bgp 65001
 bgp router-id 10.1.0.1
 no bgp ebgp-requires-policy
 neighbor 10.1.0.2 remote-as 65002
plugin {name}
 address 192.0.2.10
 community 4259840007
"""


def with_abi(text, abi):
    return re.sub(r"(BGPD_ABI\s+UINT32_C\()\w+", rf"\g<1>{abi:#010x}", text)


def struct_of(text, name):
    return re.search(rf"^struct {name} {{\n.*?^}};\n", text, re.S | re.M)


def newer():
    """What a later release may do: every public struct has grown at its end."""
    text = TODAY
    for name in re.findall(r"^struct (\w+) {\n\tuint32_t abi, size", TODAY,
                           re.M):
        found = struct_of(text, name).group(0)
        text = text.replace(found, found[:-3] + "\tuint64_t later[3];\n};\n")
    assert text.count("later[3]") > 8
    return with_abi(text, ABI + 1)


def older():
    """What an earlier one may have lacked: the last members of each."""
    text = TODAY
    for name, member in (
            ("bgpd_plugin", r"\t/\* Hand over[^;]*;\n"),
            ("bgpd_host", r"\tvoid \(\*ready_to_stop\).*(?=};)"),
            ("bgpd_address", r"\tconst char \*const \*interfaces;.*interface_count;\n"),
            ("bgpd_row", r"\tuint8_t many, secret;[^\n]*\n"),
            ("bgpd_route", r"\tconst struct bgpd_addr \*neighbors;.*neighbor_count;\n")):
        found = struct_of(text, name).group(0)
        less, count = re.subn(member, "", found, flags=re.S)
        assert count == 1, name
        text = text.replace(found, less)
    return text


def build(directory, name, text=TODAY, *flags):
    """NAME.so in the directory, out of both.c and that plugin.h."""
    os.makedirs(os.path.join(directory, "include"), exist_ok=True)
    with open(os.path.join(directory, "include", "plugin.h"), "w") as f:
        f.write(text)
    run("gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror",
        "-I" + os.path.join(directory, "include"), f"-DNAME={name}", *flags,
        "-o", os.path.join(directory, name + ".so"), SOURCE)


@pytest.fixture
def place(lab):
    us, them = two_hosts(lab)
    directory = us.path("guests")
    os.mkdir(directory)
    return us, them, directory


HEADERS = {"today": TODAY, "older": older(), "newer": newer()}


@pytest.mark.parametrize("age", HEADERS)
def test_a_guest_of_another_age(place, age):
    us, them, directory = place
    build(directory, "guest", HEADERS[age])
    we = Bgpd(us, CONF.format(name="guest"), ["-L", directory]).start()
    peer = bird(them).start()
    text = peer.wait_route("192.0.2.10/32")
    assert "(65000,7)" in text
    # The second of the array: sizes apart as the guest says.
    assert "community" not in peer.wait_route("192.0.2.0/24")
    shown = we.json("show guest")
    assert shown["abi"] == ABI
    assert (shown["ours"] != ABI) == (age == "newer")
    assert shown["hostIsBigger"] == (age == "older")
    assert shown["hostIsSmaller"] == (age == "newer")
    assert (f"speaks plugin interface {ABI >> 16}.{(ABI & 0xffff) + 1}"
            in we.read_log()) == (age == "newer")
    # Its backend, timer, descriptor and post work as well.
    assert shown["carried"] == shown["heard"] == 1
    wait_for(lambda: we.json("show guest")["read"] == 1, 3)
    assert we.json("show guest")["timed"] == 1
    assert we.json("show guest")["posted"] == 1
    addresses = we.json("show services")["guest/192.0.2.10"]["addresses"]
    assert [a["state"] for a in addresses] == ["announced", "held"]
    # Lines change at once; what is not offered again is gone.
    we.sh("configure terminal", "plugin guest", "address 192.0.2.20")
    peer.wait_route("192.0.2.20/32")
    peer.wait_route("192.0.2.10/32", gone=True)
    assert we.json("show guest")["dropped"] == 1
    we.sh("plugin unload guest")
    peer.wait_route("192.0.2.20/32", gone=True)
    peer.wait_route("192.0.2.0/24", gone=True)
    assert we.json("show services") == {}
    we.sh("plugin load guest")
    peer.wait_route("192.0.2.20/32")


def test_another_major_number_is_refused(place):
    us, _, directory = place
    build(directory, "guest", with_abi(TODAY, ABI + 0x10000))
    we = Bgpd(us, CONF.format(name="guest"), ["-L", directory])
    we.start(wait=False)
    assert we.process.wait(5) == 1
    said = f"was built for plugin interface {(ABI >> 16) + 1}"
    assert said in we.read_log() and "bgpd.conf:7:" in we.read_log()
    # At run time it leaves all as it is.
    we = Bgpd(us, "hostname us\n", ["-L", directory]).start()
    done = we.sh("plugin load guest", check=False)
    assert done.returncode == 1 and said in done.stdout + done.stderr
    assert "guest" not in we.json("show plugins")


@pytest.mark.parametrize("what", ["no object", "no symbol", "cut short",
                                  "another's name"])
def test_what_is_no_plugin_is_refused(place, what):
    us, _, directory = place
    so = os.path.join(directory, "guest.so")
    if what == "no object":
        with open(so, "w") as f:
            f.write("hello")
    elif what == "no symbol":
        build(directory, "guest", TODAY, "-Dbgpd_plugin=another_name")
    elif what == "cut short":
        build(directory, "guest", TODAY.replace(
            "(uint32_t)sizeof(type)", "(uint32_t)sizeof(type) / 3"))
    else:
        build(directory, "other")
        os.rename(os.path.join(directory, "other.so"), so)
    we = Bgpd(us, "hostname us\n", ["-L", directory]).start()
    done = we.sh("plugin load guest", check=False)
    assert done.returncode == 1
    assert "plugin guest" in done.stdout + done.stderr
    we.reconfigure("hostname us2\nplugin guest\n")
    wait_for(lambda: "bgpd.conf:2: plugin guest" in we.read_log(), 5,
             say=we.read_log)
    assert we.json("show version")["hostname"] == "us"


def test_a_guests_own_check_names_the_line(place):
    us, them, directory = place
    build(directory, "guest")
    conf = CONF.format(name="guest")
    we = Bgpd(us, conf, ["-L", directory]).start()
    peer = bird(them).start()
    peer.wait_route("192.0.2.10/32")
    we.reconfigure(conf.replace("192.0.2.10", "192.0.2.13"))
    wait_for(lambda: "bgpd.conf:8: plugin guest: this address brings bad luck"
             in we.read_log(), 5, say=we.read_log)
    done = we.sh("configure terminal", "plugin guest", "address 192.0.2.13",
                 check=False)
    assert done.returncode == 1 and "bad luck" in done.stdout + done.stderr
    done = we.sh("configure terminal", "plugin guest", "address here",
                 check=False)
    assert done.returncode == 1 and "here" in done.stdout + done.stderr
    assert peer.route("192.0.2.10/32")
    assert "address 192.0.2.10" in we.sh("show running-config")


def test_two_guests_beside_each_other(place):
    us, them, directory = place
    build(directory, "one")
    build(directory, "two")
    we = Bgpd(us, CONF.format(name="one")
              + "plugin two\n address 198.51.100.1\n",
              ["-L", directory]).start()
    peer = bird(them).start()
    peer.wait_route("192.0.2.10/32")
    peer.wait_route("198.51.100.1/32")
    we.sh("plugin unload one")
    peer.wait_route("192.0.2.10/32", gone=True)
    assert peer.route("198.51.100.1/32")
    assert list(we.json("show services")) == ["two/198.51.100.1"]
