# SPDX-License-Identifier: ISC
"""The image of the Dockerfile, run as the DaemonSet of etc/kubernetes/ says."""

import base64
import os
import re
import stat
import time

import pytest

import dockerfile
import image as images
from image import TOP, read
from lab import Bird, run, wait_for
from pod import Pod, http, manifest

US, THEM = "10.1.0.1", "10.1.0.2"
MB = 1000 * 1000


@pytest.fixture
def conf(tmp_path):
    path = tmp_path / "conf"
    path.mkdir()
    (path / "bgpd.conf").write_text(manifest("ConfigMap")["data"]["bgpd.conf"])
    return str(path)


def test_the_image_is_what_the_pod_starts(image):
    entry, command = image.config()
    assert entry == ["/usr/sbin/bgpd"]
    assert command == Pod().args
    version = re.search(r"AC_INIT\(\[fairway\], \[([^]]+)\]\)",
                        read("configure.ac")).group(1)
    assert Pod().image == f"fairway:{version}"
    assert version in image.once("bgpd", "-v").stdout


def test_it_is_small_and_has_no_compiler(image):
    assert image.sizes()[1] < 25 * MB
    tools = image.once("sh", "-c", "for name in cc gcc make perl5 autoconf "
                       "curl git; do command -v $name; done; true")
    assert tools.stdout == ""
    ours = image.once("sh", "-c", "ls /usr/lib/fairway /src /out "
                      "/usr/share/doc/fairway 2>&1; true").stdout
    assert {"k8s.so", "l2.so", "copyright"} <= set(ours.split())
    assert not re.search(r"\.la|Makefile", ours)


def test_every_library_is_found_and_none_is_for_nothing(image):
    found = image.once("sh", "-c", "ldd /usr/sbin/bgpd /usr/bin/bgpsh "
                       "/usr/lib/fairway/*.so").stdout
    assert "not found" not in found
    used = image.once(
        "sh", "-c", "dpkg -S $(ldd /usr/sbin/bgpd "
        "/usr/bin/bgpsh /usr/lib/fairway/*.so | sed -n "
        "'s|.*=> \\(/[^ ]*\\).*|\\1 /usr\\1|p' | sort -u) 2>/dev/null; "
        "true").stdout
    used = {line.split(":")[0] for line in used.splitlines()}
    installs, _ = dockerfile.read(read("Dockerfile"))[-1].words("RUN")
    # The plugin loads libcurl when an API server is first asked for.
    asked = set(re.findall(r"\blib[\w.+-]+", installs)) - {"libcurl4"}
    assert len(asked) > 5
    assert asked <= used, f"nothing needs {asked - used}"


def test_its_programs_are_hardened(image, tmp_path):
    copy = tmp_path / "program"
    for path in ("/usr/sbin/bgpd", "/usr/bin/bgpsh",
                 "/usr/lib/fairway/k8s.so"):
        copy.write_bytes(base64.b64decode(image.once("base64", path).stdout))
        elf = run("readelf", "-Whdls", copy).stdout
        assert re.search(r"Type:\s+DYN", elf), path
        for word in ("GNU_RELRO", "BIND_NOW", "__stack_chk_fail"):
            assert word in elf, (path, word)
        assert ".symtab" not in elf, f"{path} is not stripped"


def test_the_pods_configuration_is_good(image, conf):
    done = image.once("bgpd", "-C", "-f", "/etc/fairway/bgpd.conf",
                      files={"/etc/fairway": conf}, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_fault_in_it_would_be_told(image, conf):
    with open(os.path.join(conf, "bgpd.conf"), "a") as f:
        f.write("no such line\n")
    done = image.once("bgpd", "-C", "-f", "/etc/fairway/bgpd.conf",
                      files={"/etc/fairway": conf}, check=False)
    assert done.returncode == 1
    assert "bgpd.conf" in done.stderr


def test_it_runs_with_three_capabilities_and_a_sealed_root(start, lab):
    host = lab.host("n1")
    pod = start(host)
    status = pod.status()
    bits = (1 << 10) | (1 << 12) | (1 << 13)  # BIND_SERVICE, ADMIN, RAW
    for name in ("CapPrm", "CapEff", "CapBnd"):
        assert int(status[name], 16) == bits, name
    assert status["NoNewPrivs"] == "1"
    assert Pod().drop == ["ALL"]
    for path, allowed in (("/usr/x", False), ("/tmp/x", False),
                          ("/etc/fairway/x", False), ("/run/fairway/x", True),
                          ("/var/lib/fairway/x", True)):
        done = pod.exec("touch", path, check=False)
        assert (done.returncode == 0) == allowed, (path, done.stderr)


def test_it_answers_and_both_plugins_run(start, lab):
    pod = start(lab.host("n1"))
    assert "Fairway" in pod.sh("show version").stdout
    plugins = pod.sh("show plugins").stdout
    for name in ("k8s", "l2"):
        line, = re.findall(rf"(?m)^\s*{name}\b.*", plugins)
        assert "fail" not in line, plugins
    assert "n1" in pod.sh("show k8s").stdout


def test_it_reads_its_file_again_as_the_document_says(start, lab):
    words = re.search(r"exec POD -- (sh -c '(.*)')", read("doc", "kubernetes.md"))
    pod = start(lab.host("n1"))
    conf = os.path.join(pod.volumes["/etc/fairway"], "bgpd.conf")
    with open(conf, "a") as f:
        f.write("hostname again\n")
    pod.exec("sh", "-c", words.group(2))
    wait_for(lambda: "hostname again" in pod.sh("show running-config").stdout,
             say=pod.read_log)


def test_it_answers_the_probes_and_listens_on_no_port_of_bgp(start, lab):
    host = lab.host("n1")
    start(host)
    pod = Pod()
    assert pod.probes == {"/healthz", "/readyz"}
    wait_for(lambda: http(host, pod, "/healthz") == 200)
    assert http(host, pod, "/metrics") == 200
    # There is no API server: alive, and not ready.
    assert http(host, pod, "/readyz") == 503
    listening = host("ss", "-Hltn").stdout
    assert f":{pod.port} " in listening
    assert not re.search(r":179\s", listening)


def test_a_session_with_a_key_needs_no_more_capabilities(start, lab):
    us, them = lab.host("us"), lab.host("them")
    lab.cable(us, them, f"{US}/24", f"{THEM}/24")
    Bird(them, f"""
protocol bgp fairway {{
	local {THEM} as 65002;
	neighbor {US} as 65001;
	passive on; password "sesame";
	ipv4 {{ import all; export none; }};
}}
""", router_id=THEM).start()
    pod = start(us)
    pod.exec("bgpsh", *(word for line in (
        "configure terminal", "router bgp 65001", f"bgp router-id {US}",
        f"neighbor {THEM} remote-as 65002",
        f"neighbor {THEM} password sesame") for word in ("-c", line)))
    wait_for(lambda: "Established" in pod.sh("show bgp neighbors").stdout,
             20, say=lambda: pod.sh("show bgp neighbors").stdout
             + pod.read_log())


def test_it_ends_within_the_pods_grace(start, lab):
    pod = start(lab.host("n1"))
    grace = Pod().spec["terminationGracePeriodSeconds"]
    begun = time.monotonic()
    assert pod.stop(grace) == 0
    assert time.monotonic() - begun < grace / 2


def test_what_it_is_started_by_is_not_writable(image):
    modes = image.once("stat", "-c", "%a %u %n", "/usr/sbin/bgpd",
                       "/usr/bin/bgpsh", "/usr/lib/fairway/k8s.so").stdout
    for line in modes.splitlines():
        mode, owner, name = line.split()
        assert owner == "0", name
        assert not int(mode, 8) & (stat.S_IWGRP | stat.S_IWOTH), name


def test_by_hand_nothing_is_written_outside_of_the_tree():
    made = images.Hand()
    try:
        made.tree = os.path.join(made.dir, "1")
        os.mkdir(made.tree)
        assert made.inside("", "/usr/sbin/bgpd") == f"{made.tree}/usr/sbin/bgpd"
        os.symlink("/usr", os.path.join(made.tree, "out"))
        for path in ("../../x", "out/x"):
            with pytest.raises(AssertionError):
                made.inside("/", path)
    finally:
        made.close()


def test_the_context_is_the_sources_alone():
    kept = set(dockerfile.Ignore(read(".dockerignore")).files(TOP))
    assert {"autogen.sh", "bgpd/main.c", "plugins/k8s/api/api.h",
            "tests/unit/Makefile.am", "doc/bgpd.8", "LICENSE"} <= kept
    for path in kept:
        assert not re.search(r"\.(o|la|py)$|(^|/)(Makefile|\.deps|\.git)$"
                             r"|^tests/.*\.c$", path), path
