# SPDX-License-Identifier: ISC
"""What is measured, step by step; each step returns its figures."""

import os
import re
import resource
import shutil
import signal
import statistics
import subprocess
import time

from audit import facts_of
from lab import Bgpd
from world import USER, cpu_of, peak_rss_mb, stamp, tell

INFLIGHT = 12      # as bgpd has them: SLOTS of plugins/k8s/api/writer.c
READS = ("get", "list", "watch")
IDLE = 10          # seconds over which idle CPU is measured
FLIPS, FLIP_RATE = 200, 20
REMOVALS, REMOVAL_RATE = 100, 5
ROUNDS, ROUND_RATE = 200, 5


class Steps:
    def __init__(self, world, build, perf=None):
        self.world = world
        self.size = world.size
        self.build = build
        self.perf = perf
        self.more = 5 if perf else 1  # there are too few samples else
        self.bgpd = None
        self.web_port = None

    # The daemon under test

    def conf(self):
        text = f"""hostname n1
plugin k8s
 source api {self.world.kubeconfig}
 node n1
 state {self.world.state}
"""
        with open(os.path.join(self.build, "bgpd", "bgpd"), "rb") as f:
            has_web = b"web listen ADDR PORT" in f.read()
        if has_web:
            self.web_port = 7472
            text += f"web listen 127.0.0.1 {self.web_port}\n"
        return text

    def exec(self):
        """Starts bgpd; when that was, by the wall clock."""
        if self.bgpd is None:
            self.bgpd = Bgpd(self.world.node, self.conf(), ("-p", "0"))
            self.bgpd.binary = os.path.join(self.build, "bgpd", "bgpd")
        began = time.time()
        self.bgpd.process = self.world.node.start(
            self.bgpd.binary, "-f", self.bgpd.conf, "-s", self.bgpd.socket,
            "-L", os.path.join(self.build, "plugins"), "-p", "0",
            log=self.bgpd.log)
        return began

    def cpu(self):
        return cpu_of(self.bgpd.pid)

    def writes(self, mark):
        """Requests of ours, without the Leases."""
        made = [e for e in self.world.plane.audit.requests(mark)
                if e["user"].get("username") == USER]
        return [(facts_of(e), e) for e in made
                if facts_of(e)["resource"] != "leases"]

    def settle(self, mark, seconds):
        """Until it neither asks the server nor computes, for 2 s; its CPU."""
        end = time.monotonic() + seconds
        audit, cpu = self.world.plane.audit.size(), self.cpu()
        while time.monotonic() < end:
            time.sleep(2)
            audit_now, cpu_now = self.world.plane.audit.size(), self.cpu()
            # Leases and bookmarks go on.
            if audit_now - audit < 4000 and cpu_now - cpu < 0.01:
                return cpu_now
            audit, cpu = audit_now, cpu_now
        tell("  it does not come to rest")
        return self.cpu()

    def memory(self):
        return peak_rss_mb(self.bgpd.pid)

    def longest_turn_ms(self):
        if self.web_port is None:
            return None
        found = self.world.metric(
            self.web_port, "bgpd_loop_longest_turn_seconds")
        return None if found is None else found * 1000

    # Steps

    def fill(self):
        took = self.world.load("create", count=self.size, inflight=16)
        tell(f"  {self.size} Services made in {took['seconds']:.1f} s")
        self.world.quiet()

    def floor(self):
        """The server's own pace; everything is as before, afterwards."""
        copy = os.path.join(self.world.lab.dir, "etcd-copy")
        self.world.plane.etcd_copy(copy)
        with Others(self, "floor") as others:
            took = self.world.load("floor", inflight=INFLIGHT)["seconds"]
        self.world.plane.etcd_restore(copy)
        shutil.rmtree(copy)
        self.world.quiet()
        return {"seconds": took, "others": others.share,
                "per_second": 2 * self.size / took}

    def cold(self):
        self.world.start_bird()
        mark = self.world.plane.audit.mark()
        with Others(self, "cold") as others:
            began = self.exec()
            last = self.world.routes.wait(self.size, 60 + self.size / 8, 0.2)
            routes_cpu = self.cpu()
            cpu = self.settle(mark, 60 + self.size / 8)
        made = self.writes(mark)
        written = [stamp_of(e) for f, e in made if f["verb"] not in READS]
        told = max((stamp_of(e) for f, e in made if f["verb"] == "patch"),
                   default=began)
        early = sum(f["verb"] == "create" and stamp_of(e) < told
                    for f, e in made)
        return {
            "routes_s": last - began,
            "statuses_s": told - began, "events_before": early,
            "ahead": ahead(self.world.routes.news, made),
            "written_s": max(written, default=began) - began,
            "cpu_s": cpu, "cpu_at_routes_s": routes_cpu,
            "rss_mb": self.memory(), "turn_ms": self.longest_turn_ms(),
            "others": others.share, "requests": tally(f for f, _ in made),
            "refused": tally((f for f, _ in made if f["code"] >= 300),
                             "code"),
            "announcements": len(self.world.routes.news),
            "first_write_s": min(written, default=began) - began}

    def restart(self):
        self.bgpd.kill(signal.SIGKILL)
        self.world.routes.wait(0, 60)
        time.sleep(3)  # so that BIRD waits for us again, and has settled
        self.world.quiet(20)
        self.world.routes.forget()
        mark = self.world.plane.audit.mark()
        with Others(self, "restart") as others:
            began = self.exec()
            last = self.world.routes.wait(self.size, 60 + self.size / 20)
        cpu = self.settle(mark, 60)
        time.sleep(5)  # a Lease that was held is had again by then
        made = [f for f, _ in self.writes(mark)]
        return {"routes_s": last - began, "cpu_s": cpu,
                "rss_mb": self.memory(), "turn_ms": self.longest_turn_ms(),
                "others": others.share, "requests": tally(made),
                "writes": sum(f["verb"] not in READS for f in made)}

    def idle(self):
        """CPU in seconds per second."""
        self.settle(0, 30)
        before = self.cpu()
        time.sleep(IDLE)
        return (self.cpu() - before) / IDLE

    def loaded(self, idle, step, count, **options):
        """CPU in ms that one change costs, beyond idling meanwhile."""
        mark = self.world.plane.audit.mark()
        self.world.routes.forget()
        name = step + ("-both" if options.get("both") else "")
        with Others(self, name) as others:
            began, before = time.monotonic(), self.cpu()
            found = self.world.load(step, count=count, **options)
            after = self.settle(mark, 60)
            spent = after - before - idle * (time.monotonic() - began)
        self.world.routes.read()
        made = [f for f, _ in self.writes(mark)]
        return found, {
            "cpu_ms": spent * 1000 / count, "others": others.share,
            "requests": tally(made),
            "refused": tally((f for f in made if f["code"] >= 300), "code"),
            "announcements": len(self.world.routes.news)}

    def flip(self):
        """One of two endpoints, then both of them: then the route goes too."""
        idle = self.idle()
        count = min(FLIPS * self.more, 2 * self.size)
        _, one = self.loaded(idle, "flip", count, rate=FLIP_RATE * self.more)
        _, both = self.loaded(idle, "flip", count, rate=FLIP_RATE * self.more, both=True)
        return {"idle_cpu_ms_per_s": idle * 1000, "one": one, "both": both,
                "cpu_ms": max(one["cpu_ms"], both["cpu_ms"])}

    def remove(self):
        """Deleted, then made again at the same pace."""
        idle = self.idle()
        count = min(REMOVALS * self.more, self.size)
        _, gone = self.loaded(idle, "remove", count, rate=REMOVAL_RATE * self.more)
        assert self.world.routes.read() == self.size - count
        _, back = self.loaded(idle, "create", count, inflight=1)
        self.world.routes.wait(self.size, 30)
        return {"cpu_ms": gone["cpu_ms"], "gone": gone, "back": back,
                "idle_cpu_ms_per_s": idle * 1000}

    def churn(self):
        """Delete + create: from before the request to the route in BIRD."""
        idle = self.idle()
        count = min(ROUNDS * self.more, self.size)
        mark = self.world.plane.audit.mark()
        rounds, found = self.loaded(idle, "churn", count, rate=ROUND_RATE * self.more)
        added = {}
        for when, what, prefix in self.world.routes.news:
            if what in ("added", "replaced"):
                added.setdefault(prefix, []).append(stamp(when))
        told, status = [], []
        for one in rounds:
            posted = one["posted"] / 1e9
            later = [t for t in added.get(one["ip"] + "/32", ())
                     if t > posted]
            told.append(1000 * (min(later) - posted) if later else None)
            status.append(1000 * (one["status"] / 1e9 - posted)
                          if one["status"] else None)
        return {**found, "rounds": count, "route_ms": spread(told),
                "status_ms": spread(status),
                "parts_ms": self.parts(mark, rounds, told)}

    def parts(self, mark, rounds, told):
        """Where the median round's time goes, by the server's own clock."""
        at = {}
        for event in self.world.plane.audit.requests(mark):
            facts = facts_of(event)
            key = (facts["verb"], facts["resource"], facts["name"])
            at[key] = event
        legs = {"post_s_answer": [], "answer_to_patch": [],
                "patch_s_answer": [], "answer_to_route": []}
        for one, ms in zip(rounds, told):
            post = at.get(("create", "services", one["name"]))
            patch = at.get(("patch", "services/status", one["name"]))
            if not (post and patch and ms):
                continue
            posted = one["posted"] / 1e9
            times = [posted, stamp_of(post), stamp_of(patch, "requestReceived"),
                     stamp_of(patch), posted + ms / 1000]
            for leg, a, b in zip(legs.values(), times, times[1:]):
                leg.append(1000 * (b - a))
        return {key: statistics.median(leg) if leg else None
                for key, leg in legs.items()}


class Others:
    """The share of the machine that others than the benchmark have had."""

    def __init__(self, steps, name):
        self.steps, self.name = steps, name
        self.share = self.perf = None

    def ours(self):
        world = self.steps.world
        pids = [p.pid for p in world.plane.parts() if p.is_running()]
        pids += [p.pid for p in world.lab.processes if p.poll() is None]
        mine = resource.getrusage(resource.RUSAGE_CHILDREN)
        return (sum(map(cpu_of, pids)) + time.process_time()
                + mine.ru_utime + mine.ru_stime)

    def busy(self):
        with open("/proc/stat") as f:
            ticks = list(map(int, f.readline().split()[1:9]))
        used = sum(ticks) - ticks[3] - ticks[4]
        return used / os.sysconf("SC_CLK_TCK")

    def __enter__(self):
        if self.steps.perf:
            self.perf = Perf(os.path.join(
                self.steps.perf, f"{self.steps.size}-{self.name}"))
        self.began = time.monotonic(), self.busy(), self.ours()
        return self

    def __exit__(self, *_):
        began, busy, ours = self.began
        if self.perf:
            self.perf.stop(self.steps.bgpd.pid if self.steps.bgpd else 0)
        took = (time.monotonic() - began) * os.cpu_count()
        more = self.busy() - busy - (self.ours() - ours)
        self.share = max(0, round(more / took, 3))


class Perf:
    """Where bgpd's CPU goes, by function: a NAME.txt, and perf's own data."""

    def __init__(self, name):
        self.name = name
        self.process = subprocess.Popen(
            ["perf", "record", "-a", "-q", "-g", "-F", "5000", "-o",
             name + ".data"])
        time.sleep(0.5)

    def stop(self, pid):
        self.process.send_signal(signal.SIGINT)
        self.process.wait()
        with open(self.name + ".txt", "w") as f:
            subprocess.run(
                ["perf", "report", "-i", self.name + ".data", "--stdio", "-q",
                 f"--pid={pid}", "--percentage=relative", "--no-children",
                 "-g", "none"],
                stdout=f, stderr=subprocess.DEVNULL)


def stamp_of(event, key="stage"):
    text = event[key + "Timestamp"]
    return stamp(re.sub(r"Z$", "+00:00", text))


def ahead(news, made):
    """By how many BIRD's routes were ahead of the patches that say them.

    A patch counts from when the server had it, so that 0 is no accident.
    """
    moves = [(stamp(when), 1) for when, what, _ in news if what == "added"]
    moves += [(stamp_of(e, "requestReceived"), -1) for f, e in made
              if f["verb"] == "patch"]
    most = now = 0
    for _, step in sorted(moves):
        now += step
        most = max(most, now)
    return most


def tally(facts, key=None):
    """{"patch services/status": 100}, or by another fact."""
    seen = {}
    for f in facts:
        word = f"{f['verb']} {f['resource']}"
        word += f" {f[key]}" if key else ""
        seen[word] = seen.get(word, 0) + 1
    return dict(sorted(seen.items()))


def spread(values):
    """Median, p99 and the largest; what never came counts in `lost`."""
    there = sorted(v for v in values if v is not None)
    if not there:
        return {"median": None, "p99": None, "max": None, "lost": len(values)}
    return {"median": statistics.median(there),
            "p99": there[min(len(there) - 1, int(len(there) * 0.99))],
            "max": there[-1], "lost": len(values) - len(there)}
