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
import tempfile
import time

from lab import Lab
from scenarios import RELOAD
from speakers import AS, DAEMON, FIRST_AS, LOCAL, MARK, task_of
from watch import Processes

MOST_MB = 8 * 1024
LAGS = ("median_ms", "p99_ms", "max_ms")
FIGURES = ("seconds", "first_s", "prefixes_per_update", "updates", "prefixes",
           "withdrawn")


class Failed(Exception):
    """The run cannot go on, and why."""


class Stopped(Failed):
    """Because it takes more than a daemon may."""


class Tool:
    """The load tool, which waits for a word before each step."""

    def __init__(self, host, words):
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", host.ns, *map(str, words)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        host.lab.processes.append(self.process)
        self.buffer = b""

    def cpu_s(self):
        return Processes.cpu_of(self.process.pid)

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
                raise Failed("the load tool has ended")
            self.buffer += more
        line, self.buffer = self.buffer.split(b"\n", 1)
        said = json.loads(line)
        if key not in said:
            raise Failed(f"no {key}: {line.decode()[:200]}")
        return said


def tool_words(tool, kind, row, probes, most_s):
    words = [tool, "--paced", "--daemon", DAEMON[row.family], "--as", AS,
             "--local", LOCAL[row.family], "--first-as", FIRST_AS,
             "--routes" if row.family == 4 else "--routes6", row.routes,
             "--senders", row.senders, "--receivers", row.receivers,
             "--timeout", most_s, "--keepalive", kind.keepalive(row),
             "--probes", probes, "--next-hop", "either", *kind.rules]
    if row.own:
        words += ["--own", row.own]
    if row.policy:
        words += ["--mark", MARK[0] << 16 | MARK[1]]
    words += ["--same"] * row.same + ["--both"] * row.both
    if row.slow:
        words += ["--slow", row.slow, "--rate", row.rate]
    if row.later:
        words += ["--later", row.later]
    if row.stuck:
        words += ["--stuck", row.stuck]
    return words


def acquaint(host, name, other, at, addresses):
    """Nobody asks for a MAC: that takes time, and the kernel keeps so few."""
    mac = other("cat", f"/sys/class/net/{at}/address").stdout.strip()
    host("ip", "-batch", "-", input="".join(
        f"neigh replace {address} lladdr {mac} dev {name} nud permanent\n"
        for address in addresses))


class Round:
    REST_S = 1.5  # at least, after each step

    def __init__(self, kind, row, tool, most_s):
        self.kind, self.row, self.most_s = kind, row, most_s
        self.probes = 0 if kind.is_relay else row.probes
        self.top = tempfile.mkdtemp(prefix="fairway-tables-")
        self.lab = Lab(self.top)
        self.host, client = self.lab.host("daemon"), self.lab.host("load")
        task = task_of(row, self.probes)
        bits = 16 if row.family == 4 else 64
        peers = [peer.address for peer in task.peers]
        near, far = self.lab.cable(
            self.host, client, f"{DAEMON[row.family]}/{bits}",
            " ".join(f"{peer}/{bits}" for peer in peers))
        acquaint(self.host, near, client, far, peers)
        acquaint(client, far, self.host, near, [DAEMON[row.family]])
        self.daemon = kind.make(self.host, task)
        steps = row.steps[:row.relayed] if kind.is_relay else row.steps
        self.steps = steps
        self.tool = Tool(client, tool_words(
            tool, kind, row, self.probes, most_s)
                         + [self.step_words(words) for _, words in steps])
        self.processes = None
        self.said = {}  # by step, as the tool said it

    def step_words(self, words):
        """A reload's command is not known before the daemon is there."""
        return f"reload=sh {self.host.path('reload.sh')}" \
            if words == RELOAD else words

    def check(self):
        """A daemon that takes all of the machine is stopped."""
        if self.processes is None:
            return
        if self.processes.memory_mb() > MOST_MB:
            raise Stopped(f"more than {MOST_MB} MB")
        if self.daemon.process.poll() is not None:
            raise Failed(f"it has ended: {self.daemon.process.returncode}")

    def start(self):
        self.tool.read("ready", 120)
        self.tool.go()
        begin = time.monotonic_ns()
        self.daemon.start()
        self.processes = Processes(self.daemon.process.pid)
        if self.row.policy and not self.kind.is_relay:
            self.host.write("reload.sh", "exec >/dev/null\n" + self.kind.reload(
                self.daemon, task_of(self.row, self.probes, True)))
        up = self.tool.read("up", self.most_s, self.check)
        self.processes.wait_quiet(self.REST_S, 30)
        return {"up_s": (up["up_ns"] - begin) / 1e9,
                "cpu_s": self.processes.cpu_s(),
                "idle_mb": self.processes.memory_mb()}

    def step(self, name):
        before = 0
        if not self.row.own:  # which were told since the start
            self.processes.forget_peak()
            before = self.processes.cpu_s()
        tool = self.tool.cpu_s()
        self.tool.go()
        # By the tool's own clock it tells what is missing, if all is not there.
        said = self.tool.read("step", self.most_s + 30, self.check)
        self.said[name] = said
        if not said["ok"]:
            late = wrong_of(said)["wrong"] == 0 and is_over(said, self.most_s)
            raise (Stopped if late else Failed)(
                f"{f'more than {self.most_s} s; ' if late else ''}"
                + ", ".join(f"{key} {n}"
                            for key, n in wrong_of(said).items()))
        found = {key: said[key] for key in FIGURES}
        if LAGS[0] in said:  # the step's own pace is no figure
            found.update({key: said[key] for key in LAGS}, seconds=None,
                         first_s=None)
        found["tool_cpu_s"] = self.tool.cpu_s() - tool
        found["peak_mb"] = self.processes.memory_mb("VmHWM")
        found["quiet"] = self.processes.wait_quiet(self.REST_S, 60)
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
                found["steps"][name] = self.step(name)
            end = self.tool.read("end", 30)
            found["ok"] = end["ok"]
            if not end["ok"]:
                found["steps"] = {}
                found["why"] = f"lost {end['lost']}: {end['why']} " \
                    f"{end['sample']}"
        except (Failed, AssertionError) as why:
            found.update(ok=False, why=f"{name or 'start'}: {why}",
                         stopped=isinstance(why, Stopped))
        return found

    def close(self):
        self.lab.close()
        shutil.rmtree(self.top, ignore_errors=True)


def wrong_of(said):
    return {key: sum(r[key] for r in said["receivers"])
            for key in ("missing", "extra", "wrong")}


def is_over(said, most_s):
    return time.monotonic_ns() - said["start_ns"] >= 1e9 * most_s


def measure(kind, row, tool, most_s=600):
    """What one round found: {"ok", "why", "start": {}, "steps": {name: {}}}."""
    round_ = Round(kind, row, tool, most_s)
    try:
        return round_.run()
    finally:
        round_.close()
