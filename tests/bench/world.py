# SPDX-License-Identifier: ISC
"""The benchmark's cluster: a control plane, a node with bgpd, BIRD above it.

The control plane and bgpd share the node's namespace, as on a node of a small
cluster; BIRD is a cable away. BIRD only waits for sessions and logs each route
with the microsecond, so that nothing has to ask it.
"""

import datetime
import hashlib
import json
import os
import re
import subprocess
import sys
import time

import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
KUBE = os.environ.get("FAIRWAY_KUBE") or os.path.join(
    os.path.dirname(HERE), "kube")
sys.path[:0] = [KUBE, os.path.join(os.path.dirname(HERE), "net")]

from lab import TOP, Bird, wait_for  # noqa: E402

import client as raw  # noqa: E402
from cluster import ControlPlane, make, make_node  # noqa: E402

NODE, ROUTER = "10.0.0.2", "10.0.0.1"
SPACE, ACCOUNT = "metallb-system", "fairway"  # etc/kubernetes/'s
USER = f"system:serviceaccount:{SPACE}:{ACCOUNT}"
PASSWORD = "yourPassword"

CONFIG = f"""
peers:
- peer-address: {ROUTER}
  peer-asn: 64512
  my-asn: 64512
  hold-time: 120s
  password: "{PASSWORD}"
address-pools:
- name: main
  protocol: bgp
  addresses:
  - 198.18.0.0/16
  bgp-advertisements:
  - aggregation-length: 32
    localpref: 100
    communities:
    - 64512:1
    - no-export
bgp-communities:
  no-export: 65535:65281
"""

BIRD_CONF = f"""
timeformat log iso long us;
protocol bgp node {{
	local {ROUTER} as 64512;
	neighbor {NODE} as 64512;
	direct; passive on;
	password "{PASSWORD}";
	hold time 120;
	error wait time 1, 1;
	debug {{ routes, states }};
	ipv4 {{ import all; export none; }};
}}
"""

def tell(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def load_tool():
    """The path of load/, built; kept outside the tree. None: no Go here."""
    source = os.path.join(HERE, "load")
    text = b"".join(open(os.path.join(source, name), "rb").read()
                    for name in sorted(os.listdir(source)))
    cache = os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"),
        "fairway-tests")
    tool = os.path.join(
        cache, "load-" + hashlib.sha256(text).hexdigest()[:16])
    if os.path.exists(tool):
        return tool
    os.makedirs(cache, exist_ok=True)
    new = f"{tool}.{os.getpid()}"
    try:
        subprocess.run(
            ["go", "build", "-trimpath", "-buildvcs=false", "-o", new, "."],
            cwd=source, check=True, stdout=sys.stderr,
            env={**os.environ, "GOTOOLCHAIN": "local", "CGO_ENABLED": "0",
                 "GOPROXY": "off", "GOFLAGS": ""})
    except FileNotFoundError:
        return None
    os.rename(new, tool)
    return tool


class Routes:
    """What BIRD says in its log of the routes that it is told."""

    LINE = re.compile(
        r"^(\S+ \S+) <TRACE> node\.ipv4 [<>] (added|replaced|removed|withdrawn)"
        r".*? (\d+\.\d+\.\d+\.\d+/\d+) ", re.M)

    def __init__(self, bird):
        self.bird = bird
        self.at = 0
        self.held = set()
        self.news = []  # (time, "added", prefix), oldest first

    def read(self):
        with open(self.bird.log, "rb") as f:
            f.seek(self.at)
            text = f.read()
        text = text[:text.rfind(b"\n") + 1]
        self.at += len(text)
        for when, what, prefix in self.LINE.findall(text.decode()):
            self.news.append((when, what, prefix))
            if what in ("added", "replaced"):
                self.held.add(prefix)
            else:
                self.held.discard(prefix)
        return len(self.held)

    def forget(self):
        self.read()
        self.news = []

    def wait(self, count, seconds, every=0.05):
        """Until BIRD holds so many; when the last one came."""
        wait_for(lambda: self.read() == count, seconds, every,
                 say=lambda: f"BIRD has {len(self.held)} of {count} routes")
        return max(stamp(when) for when, _, _ in self.news)


def stamp(text):
    """Seconds since 1970, of a time in BIRD's log."""
    return datetime.datetime.fromisoformat(text).timestamp()


class World:
    """All of it, for so many Services; what runs ends with close()."""

    def __init__(self, lab, size, assets, tool):
        self.lab, self.size, self.tool = lab, size, tool
        self.node = lab.host("node")
        self.above = lab.host("router")
        lab.cable(self.node, self.above, f"{NODE}/24", f"{ROUTER}/24")
        self.plane = ControlPlane(
            lab.dir, netns=self.node.ns, assets=assets, manager=False)
        self.state = self.node.path("k8s.state")
        self.bird = self.routes = None

    def start(self):
        self.plane.start()
        for name in ("00-namespace.yaml", "10-account.yaml"):
            with open(os.path.join(TOP, "etc", "kubernetes", name)) as f:
                for made in yaml.safe_load_all(f):
                    self.plane.apply(made)
        for name in ("n1", "n2"):
            self.plane.create(make_node(name, {
                "kubernetes.io/hostname": name, "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64"}, [NODE]))
        self.plane.create(make("ConfigMap", "config", SPACE,
                               data={"config": CONFIG}))
        self.kubeconfig = self.plane.kubeconfig(
            self.plane.token(ACCOUNT, SPACE, 24 * 3600),
            self.node.path("kubeconfig"))
        self.token = self.node.write("admin.token", "admin-token", 0o600)
        return self

    def start_bird(self):
        self.bird = Bird(self.above, BIRD_CONF, router_id=ROUTER).start()
        self.routes = Routes(self.bird)

    def load(self, step, **options):
        """One step of the load tool; what it found."""
        words = [self.tool, step, "-server", self.plane.server,
                 "-ca", self.plane.pki.ca, "-token", self.token]
        for key, value in options.items():
            words.append(f"-{key}={value}")
        done = self.node(*words, check=False)
        assert done.returncode == 0, done.stderr + self.plane.say()
        return json.loads(done.stdout)

    def quiet(self, seconds=120):
        """Until the control plane has nothing more to do by itself."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            before = self.plane_cpu()
            time.sleep(2)
            if self.plane_cpu() - before < 0.12:
                return
        tell("the control plane does not come to rest")

    def plane_cpu(self):
        return sum(cpu_of(part.pid) for part in self.plane.parts()
                   if part.is_running())

    def metric(self, port, name):
        """A figure of bgpd's /metrics; None where it has none."""
        try:
            sock = raw.socket_in(self.node.ns, "127.0.0.1")
            with sock:
                sock.settimeout(5)
                sock.connect(("127.0.0.1", port))
                sock.sendall(b"GET /metrics HTTP/1.0\r\n"
                             b"Host: localhost\r\n\r\n")
                text = b"".join(iter(lambda: sock.recv(65536), b"")).decode()
        except OSError:
            return None
        found = re.search(rf"^{name}(?:{{.*?}})? (\S+)$", text, re.M)
        return float(found.group(1)) if found else None

    def close(self):
        self.plane.stop()
        self.lab.close()


def cpu_of(pid):
    """Seconds of CPU of a process so far, of all its threads, ended or not."""
    return time.clock_gettime((~pid << 3) | 2)


def peak_rss_mb(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"VmHWM:\s+(\d+)", f.read()).group(1)) / 1024
