# SPDX-License-Identifier: ISC
"""Metrics, health and readiness: scraped, probed, reconfigured, refused a port."""

import os
import re
import shutil
import subprocess

import pytest

from lab import TOP, Bgpd, run, wait_for
from test_k8s import CONFIG, World
from test_session import OURS, THEM, bird, two_hosts

WEB = "web listen 127.0.0.1 9342\n"
URL = "http://127.0.0.1:9342"

# The format, strictly -----------------------------------------------------------

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? "
                    r"(NaN|[+-]Inf|-?[0-9.]+(?:e[+-]?[0-9]+)?)")


def parse(text):
    """{name: (type, {labels: value})}; fails on what Prometheus would refuse."""
    families, helps, name = {}, set(), None
    assert text.endswith("\n") and "\r" not in text
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            name = line.split(" ")[2]
            assert name not in helps, line
            assert not re.search(r"\\[^n\\]", line.replace("\\\\", "")), line
            helps.add(name)
        elif line.startswith("# TYPE "):
            _, _, of, kind = line.split(" ")
            assert of == name and name not in families, line
            assert kind in ("counter", "gauge"), line
            assert (kind == "counter") == name.endswith("_total") or \
                not name.startswith("bgpd_"), line
            families[name] = (kind, {})
        else:
            found = SAMPLE.fullmatch(line)
            assert found and found.group(1) == name, line
            samples = families[name][1]
            assert (found.group(2) or "") not in samples, line
            samples[found.group(2) or ""] = float(found.group(3))
    assert helps == set(families) and all(s for _, s in families.values())
    promtool = shutil.which("promtool")
    if promtool:
        done = subprocess.run([promtool, "check", "metrics"], input=text,
                              text=True, capture_output=True)
        assert done.returncode in (0, 3), done.stderr  # 3: style alone
        assert "error while linting" not in done.stderr, done.stderr
    return families


def get(host, path, *args, url=URL):
    """(status, headers, body) as curl has them."""
    done = host("curl", "-s", "-i", "-m", "5", *args, url + path)
    head, _, body = done.stdout.partition("\n\n")
    return int(head.split()[1]), head.lower(), body


def scrape(host):
    status, head, body = get(host, "/metrics")
    assert status == 200
    assert "content-type: text/plain; version=0.0.4; charset=utf-8" in head
    return parse(body)


def value(families, name, labels=""):
    """Of the one sample that has all of these labels."""
    wanted = set(filter(None, labels.split(",")))
    found = [v for k, v in families[name][1].items()
             if wanted <= set(k.split(","))]
    assert len(found) == 1, (name, labels, families[name])
    return found[0]


# Stories -----------------------------------------------------------------------

def test_a_scrape(lab):
    us, them = two_hosts(lab)
    peer = bird(them).start()
    we = Bgpd(us, WEB + OURS.format(more="")).start()
    we.wait_peer(THEM)
    peer.wait_route("192.0.2.0/24")
    we.wait_route("203.0.113.0/24")
    m = scrape(us)
    one = f'neighbor="{THEM}",remote_as="65002"'
    v4 = one + ',family="ipv4 unicast"'
    assert value(m, "bgpd_neighbor_up", one) == 1
    assert value(m, "bgpd_neighbor_state", one) == 6
    assert 0 <= value(m, "bgpd_neighbor_uptime_seconds", one) < 30
    assert value(m, "bgpd_neighbor_prefixes_received", v4) == 1
    assert value(m, "bgpd_neighbor_prefixes_accepted", v4) == 1
    assert value(m, "bgpd_neighbor_prefixes_sent", v4) >= 1
    assert value(m, "bgpd_neighbor_updates_received_total", one) >= 1
    assert value(m, "bgpd_neighbor_messages_sent_total", one) >= 3
    assert value(m, "bgpd_neighbor_dropped_total", one) == 0
    assert "bgpd_neighbor_last_reset_seconds" not in m
    assert value(m, "bgpd_rib_prefixes", 'family="ipv4 unicast"') == 2
    assert value(m, "bgpd_rib_paths", 'family="ipv6 unicast"') == 0
    assert value(m, "bgpd_loop_turns_total") > 5
    assert 0 < value(m, "bgpd_loop_longest_turn_seconds") < 1
    with open(f"/proc/{we.pid}/status") as f:
        kilobytes = int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))
    assert abs(value(m, "process_resident_memory_bytes") / 1024
               - kilobytes) < 1024
    # With the connection of the scrape itself.
    assert value(m, "process_open_fds") == \
        len(os.listdir(f"/proc/{we.pid}/fd")) + 1
    # The session is lost: counters stay and grow, gauges fall.
    peer.process.kill()
    wait_for(lambda: value(scrape(us), "bgpd_neighbor_up", one) == 0, 5)
    m = scrape(us)
    assert value(m, "bgpd_neighbor_dropped_total", one) == 1
    assert value(m, "bgpd_neighbor_established_total", one) == 1
    assert value(m, "bgpd_neighbor_last_reset_seconds", one) < 10
    assert value(m, "bgpd_neighbor_prefixes_received", v4) == 0


def test_what_is_asked(lab):
    us = lab.host("us")
    we = Bgpd(us, WEB + "hostname us\n").start()
    assert get(us, "/healthz")[0::2] == (200, "ok\n")
    assert get(us, "/readyz")[0::2] == (200, "ok\n")
    status, _, body = get(us, "/nothing")
    assert status == 404 and "/metrics" in body
    status, head, body = get(us, "/metrics", "-I")
    assert status == 200 and body == ""
    assert int(re.search(r"content-length: (\d+)", head).group(1)) > 1000
    status, head, _ = get(us, "/metrics", "-d", "x=1")
    assert status == 405 and "allow: get, head" in head
    assert get(us, "/healthz", "-X", "DELETE")[0] == 405
    assert get(us, "/healthz", "--http1.0")[0] == 200
    # Two on one connection.
    done = us("curl", "-sv", URL + "/healthz", URL + "/readyz")
    assert "Re-using existing connection" in done.stderr
    assert done.stdout == "ok\nok\n"
    shown, = we.json("show web")["listeners"]
    assert shown["state"] == "listening" and shown["requests"] == 9
    used = we.json("show process")
    assert used["residentBytes"] > 10 ** 6
    assert used["loop"]["longestUsec"] > 0
    assert "The longest call" in we.sh("show process")


def test_listeners_come_and_go(lab):
    us = lab.host("us")
    we = Bgpd(us, "hostname us\n").start()
    assert us("curl", "-s", URL + "/healthz", check=False).returncode == 7
    assert we.json("show web") == {"listeners": []}
    we.reconfigure(WEB)
    wait_for(lambda: we.json("show web")["listeners"], 5)
    # One connection that lives through what does not concern its listener.
    held = us.start("curl", "-s", "--rate", "60/m", "-o", us.path("held"),
                    "-w", "%{num_connects} %{http_code}\n", URL + "/healthz",
                    "-o", us.path("held"), URL + "/readyz",
                    log=us.path("held.log"))
    we.reconfigure(WEB + "web listen ::1 9342\nweb listen 127.0.0.1 9343\n")
    wait_for(lambda: len(we.json("show web")["listeners"]) == 3, 5)
    assert held.wait(10) == 0
    with open(us.path("held.log")) as f:
        assert f.read().split() == ["1", "200", "0", "200"]
    assert get(us, "/healthz", url="http://[::1]:9342")[0] == 200
    assert get(us, "/healthz", url="http://127.0.0.1:9343")[0] == 200
    before = we.json("show web")["listeners"]
    we.sh("configure terminal", "no web listen 127.0.0.1 9343")
    after = we.json("show web")["listeners"]
    assert [(s["address"], s["port"]) for s in after] == \
        [("127.0.0.1", 9342), ("::1", 9342)]
    assert after[0]["requests"] == before[0]["requests"] > 0
    lines = we.sh("show running-config").splitlines()
    assert "web listen ::1 9342" in lines
    assert "web listen 127.0.0.1 9343" not in lines
    # From one address to all of them, on the same port.
    we.reconfigure("web listen 0.0.0.0 9342\n")
    wait_for(lambda: [s["address"] for s in we.json("show web")["listeners"]]
             == ["0.0.0.0"], 5)
    assert get(us, "/healthz")[0] == 200
    done = we.sh("configure terminal", "web listen 127.0.0.1 0", check=False)
    assert done.returncode == 1 and "1-65535" in done.stdout + done.stderr


def test_a_port_that_is_taken(lab):
    us = lab.host("us")
    other = us.start("python3", "-c", "import socket, time\n"
                     "s = socket.create_server(('127.0.0.1', 9342))\n"
                     "time.sleep(60)")
    wait_for(lambda: ":9342" in us("ss", "-ltn").stdout, 5)
    we = Bgpd(us, WEB + "web listen 192.0.2.1 9342\n").start()
    here, there = we.json("show web")["listeners"]
    assert here["state"] == there["state"] == "waiting"
    assert "taken by another process" in here["why"]
    assert "no interface of this host" in there["why"]
    assert "taken by another process" in we.sh("show web")
    assert we.read_log().count("cannot listen on 127.0.0.1 port 9342") == 1
    other.kill()
    us.ip("addr", "add", "192.0.2.1/32", "dev", "lo")
    wait_for(lambda: {s["state"] for s in we.json("show web")["listeners"]}
             == {"listening"}, 8, say=we.read_log)
    assert get(us, "/healthz")[0] == 200
    assert get(us, "/healthz", url="http://192.0.2.1:9342")[0] == 200
    assert we.read_log().count("cannot listen on 127.0.0.1 port 9342") == 1
    assert "listens on 127.0.0.1 port 9342" in we.read_log()


def speaker(us, *flags):
    directory = us.path("guests")
    os.mkdir(directory)
    run("gcc", *flags, "-shared", "-fPIC", "-O1", "-Wall", "-Werror",
        "-I" + os.path.join(TOP, "bgpd"), "-o",
        os.path.join(directory, "speaker.so"),
        os.path.join(TOP, "tests", "plugins", "speaker.c"))
    return ["-L", directory]


def test_guests_speak_of_themselves(lab):
    us = lab.host("us")
    conf = WEB + "router bgp 64512\n neighbor 10.9.9.1 remote-as 64513\n"
    guest = "plugin speaker\n"
    we = Bgpd(us, conf + guest + " unready its source is\n peer 10.9.9.2\n",
              speaker(us)).start()
    status, _, body = get(us, "/readyz")
    assert (status, body) == (503, "plugin speaker: its source is\n")
    assert get(us, "/healthz")[0] == 200
    m = scrape(us)
    assert value(m, "speaker_scrapes_total") == 1
    assert value(scrape(us), "speaker_scrapes_total") == 2
    assert m["speaker_number"] == ("gauge", {
        'what_is="big"': 12345678901234,
        r'what_is="a \"quote\"\\\n?"': 0.25})
    assert "12345678901234\n" in get(us, "/metrics")[2]
    assert value(m, "speaker_neighbors") == 2
    assert value(m, "speaker_mine") == 1790
    assert value(m, "speaker_up") == 0
    we.reconfigure(conf + guest)
    wait_for(lambda: get(us, "/readyz")[0] == 200, 5)
    m = scrape(us)
    assert value(m, "speaker_neighbors") == 1
    assert value(m, "speaker_mine") == 0
    we.sh("configure terminal", "plugin speaker", "unready it is tired")
    assert get(us, "/readyz")[2] == "plugin speaker: it is tired\n"
    # With the guest goes all that it said.
    we.sh("plugin unload speaker")
    assert get(us, "/readyz")[0] == 200
    assert not [name for name in scrape(us) if name.startswith("speaker")]


def test_a_guest_that_does_not_start(lab):
    us = lab.host("us")
    we = Bgpd(us, WEB + "plugin speaker\n", speaker(us, "-DFAIL")).start()
    status, _, body = get(us, "/readyz")
    assert status == 503 and body.startswith("plugin speaker: it did not start")
    we.reconfigure(WEB)
    wait_for(lambda: get(us, "/readyz")[0] == 200, 5)


def test_metallb_metrics(lab):
    """The names and meanings that dashboards of MetalLB 0.7 know."""
    w = World(lab, more=WEB).start()
    w.serve("web")
    w.wait_address("web")
    at = 'peer="10.0.0.1:179"'
    m = scrape(w.node)
    assert value(m, "metallb_bgp_session_up", at) == 0
    assert value(m, "metallb_bgp_announced_prefixes_total", at) == 0
    assert value(m, "metallb_bgp_pending_prefixes_total", at) == 1
    assert value(m, "metallb_k8s_client_config_loaded_bool") == 1
    assert value(m, "metallb_allocator_addresses_in_use_total",
                 'pool="main"') == 1
    assert value(m, "bgpd_services", 'source="k8s",state="announced"') == 1
    w.router().wait_route("198.51.100.0/32")
    wait_for(lambda: value(scrape(w.node),
                           "metallb_bgp_announced_prefixes_total", at) == 1, 5)
    m = scrape(w.node)
    assert value(m, "metallb_bgp_session_up", at) == 1
    assert value(m, "metallb_bgp_pending_prefixes_total", at) == 1
    assert value(m, "metallb_bgp_updates_total", at) >= 1
    assert m["metallb_bgp_updates_total"][0] == "counter"
    # Series come and go with the peers of the ConfigMap.
    w.configure(CONFIG.replace("peer-address: 10.0.0.1",
                               "peer-address: 10.0.0.7"))
    wait_for(lambda: list(scrape(w.node)["metallb_bgp_session_up"][1])
             == ['peer="10.0.0.7:179"'], 5, say=w.we.read_log)


@pytest.mark.parametrize("bytes_", [
    b"\0" * 100, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 900,
    b"GET / HTTP/1.1\r\n" * 4000, b"\r\n" * 30000,
    b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 500])
def test_rubbish_ends_nothing(lab, bytes_):
    us = lab.host("us")
    we = Bgpd(us, WEB).start()
    with open(us.path("rubbish"), "wb") as f:
        f.write(bytes_)
    us("sh", "-c", f"curl -s -m 2 telnet://127.0.0.1:9342 "
       f"<{us.path('rubbish')} >/dev/null", check=False)
    assert get(us, "/healthz")[0] == 200
    assert not we.is_dead()
    assert we.json("show process")["loop"]["slowCalls"] == 0
