# SPDX-License-Identifier: ISC
"""One daemon under one scenario, alone in a namespace: what it took, step by step.

The load tool says when a step is done and all routes were right; what the daemon
cost until then, and until it had come to rest, is read from the kernel. A step
whose routes were not right has no figures, and ends the run.
"""

import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time

from lab import Lab
from speakers import AS, DAEMON, FIRST_AS, LOCAL, peers_of
from watch import Processes

MOST_MB, MOST_S = 8 * 1024, 600
FIGURES = ("seconds", "first_s", "prefixes_per_update", "updates", "prefixes",
           "withdrawn")


class Stopped(Exception):
    """The run cannot go on, and why."""


class Tool:
    """The load tool, which waits for a word before each step."""

    def __init__(self, host, words):
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", host.ns, *map(str, words)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        host.lab.processes.append(self.process)
        self.buffer = b""

    def go(self):
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()

    def read(self, key, seconds, check=lambda: None):
        """The next line, which has this key; `check` is called meanwhile."""
        end = time.monotonic() + seconds
        while b"\n" not in self.buffer:
            check()
            left = end - time.monotonic()
            if left < 0:
                raise Stopped(f"more than {seconds:.0f} s")
            ready, _, _ = select.select(
                [self.process.stdout], [], [], min(left, 0.2))
            if not ready:
                continue
            more = os.read(self.process.stdout.fileno(), 1 << 20)
            if not more:
                raise Stopped("the load tool has ended")
            self.buffer += more
        line, self.buffer = self.buffer.split(b"\n", 1)
        said = json.loads(line)
        if key not in said:
            raise Stopped(f"no {key}: {line.decode()[:200]}")
        return said


def tool_words(tool, kind, row, probes):
    words = [tool, "--paced", "--daemon", DAEMON[row.family], "--as", AS,
             "--local", LOCAL[row.family], "--first-as", FIRST_AS,
             "--routes" if row.family == 4 else "--routes6", row.routes,
             "--senders", row.senders, "--receivers", row.receivers,
             "--timeout", MOST_S, "--keepalive", kind.keepalive,
             "--probes", probes, "--next-hop", "either", *kind.rules]
    words += ["--same"] * row.same + ["--both"] * row.both
    if row.slow:
        words += ["--slow", row.slow, "--rate", 65536]
    if row.stuck:
        words += ["--stuck", row.stuck]
    return words


class Round:
    def __init__(self, kind, row, tool):
        self.kind, self.row = kind, row
        self.probes = 0 if kind.is_relay else row.probes
        self.top = tempfile.mkdtemp(prefix="fairway-tables-")
        self.lab = Lab(self.top)
        self.host, client = self.lab.host("daemon"), self.lab.host("load")
        peers = peers_of(row, self.probes)
        bits = 16 if row.family == 4 else 64
        self.lab.cable(
            self.host, client, f"{DAEMON[row.family]}/{bits}",
            " ".join(f"{peer.address}/{bits}" for peer in peers))
        # Whoever asks first for a neighbor's address may wait a second.
        client(sys.executable, "-c", "import socket; socket.create_connection("
               f"('{DAEMON[row.family]}', 179), 5)", check=False)
        self.daemon = kind.make(self.host, peers)
        steps = row.steps[:row.relayed] if kind.is_relay else row.steps
        self.steps = steps
        self.tool = Tool(client, tool_words(tool, kind, row, self.probes)
                         + [words for _, words in steps])
        self.processes = None

    def check(self):
        """A daemon that takes all of the machine is stopped."""
        if self.processes is None:
            return
        if self.processes.memory_mb() > MOST_MB:
            raise Stopped(f"more than {MOST_MB} MB")
        if self.daemon.process.poll() is not None:
            raise Stopped(f"it has ended: {self.daemon.process.returncode}")

    def start(self):
        self.tool.read("ready", 120)
        self.tool.go()
        begin = time.monotonic_ns()
        self.daemon.start()
        self.processes = Processes(self.daemon.process.pid)
        up = self.tool.read("up", MOST_S, self.check)
        self.processes.wait_quiet(1, 30)
        return {"up_s": (up["up_ns"] - begin) / 1e9,
                "cpu_s": self.processes.cpu_s(),
                "idle_mb": self.processes.memory_mb()}

    def step(self):
        self.processes.forget_peak()
        before = self.processes.cpu_s()
        self.tool.go()
        said = self.tool.read("step", MOST_S + 30, self.check)
        if not said["ok"]:
            raise Stopped(f"routes were not right: {wrong_of(said)}")
        found = {key: said[key] for key in FIGURES}
        found["peak_mb"] = self.processes.memory_mb("VmHWM")
        found["quiet"] = self.processes.wait_quiet(1.5, 60)
        found["cpu_s"] = self.processes.cpu_s() - before
        found["settled_mb"] = self.processes.memory_mb()
        self.tool.go()
        late = self.tool.read("after", 30)["late_s"]
        found["late_s"] = late if self.probes else None
        return found

    def run(self):
        found = {"steps": {}}
        name = None
        try:
            found["start"] = self.start()
            for name, _ in self.steps:
                found["steps"][name] = self.step()
            end = self.tool.read("end", 30)
            found["ok"] = end["ok"]
            if not end["ok"]:
                found["steps"] = {}
                found["why"] = f"lost {end['lost']}: {end['why']} " \
                    f"{end['sample']}"
        except (Stopped, AssertionError) as why:
            found.update(ok=False, why=f"{name or 'start'}: {why}")
        return found

    def close(self):
        self.lab.close()
        shutil.rmtree(self.top, ignore_errors=True)


def wrong_of(said):
    return ", ".join(
        f"{key} {sum(r[key] for r in said['receivers'])}"
        for key in ("missing", "extra", "wrong"))


def measure(kind, row, tool):
    """What one round found: {"ok", "why", "start": {}, "steps": {name: {}}}."""
    round_ = Round(kind, row, tool)
    try:
        return round_.run()
    finally:
        round_.close()
