# SPDX-License-Identifier: ISC
"""Figures of many rounds: medians, their spread, ratios to ours, who wins."""

import statistics

# key, label, digits
OF_STEP = [("seconds", "time, s", 3), ("first_s", "first route, s", 3),
           ("median_ms", "a single change, median, ms", 3),
           ("p99_ms", "99 of 100, ms", 3), ("max_ms", "the longest, ms", 3),
           ("cpu_s", "CPU, s", 3), ("tool_cpu_s", "the tool's CPU, s", 3),
           ("peak_mb", "peak RSS, MB", 1),
           ("settled_mb", "settled RSS, MB", 1),
           ("prefixes_per_update", "prefixes per UPDATE", 2),
           ("late_s", "keepalive late by, s", 3)]
OF_START = [("up_s", "start to all up, s", 3), ("cpu_s", "CPU, s", 3),
            ("idle_mb", "RSS, MB", 1)]
START = "start"  # as if it were a step


def of_round(found, step):
    return (found.get("start") if step == START
            else found["steps"].get(step)) or {}


def triple(rounds, step, key):
    """Median, least and most; None where no round has it."""
    every = sorted(f[key] for f in (of_round(r, step) for r in rounds)
                   if f.get(key) is not None)
    return (statistics.median(every), every[0], every[-1]) if every else None


def cell(rounds, of_ours, step, key, digits):
    here, base = triple(rounds, step, key), triple(of_ours, step, key)
    if here is None:
        return "-"
    text = f"{here[0]:,.{digits}f}"
    if here[1] != here[2]:
        text += f" ({here[1]:,.{digits}f}-{here[2]:,.{digits}f})"
    if base and base[0] and rounds is not of_ours:
        text += f" x{here[0] / base[0]:.2f}"
    return text


def row(every, step, key, digits):
    """The cells of all daemons; None where nobody has anything."""
    found = [triple(rounds, step, key) for rounds in every.values()]
    if not any(t and any(t) for t in found):
        return None
    ours = every.get("ours", [])
    return [cell(rounds, ours, step, key, digits)
            for rounds in every.values()]


def steps_of(every):
    """In the order in which they were done."""
    return list(dict.fromkeys(
        step for rounds in every.values() for r in rounds
        for step in r["steps"]))


def failures(every):
    """[(daemon, how many, of how many, why)], of those that have any."""
    found = []
    for name, rounds in every.items():
        bad = [r["why"] for r in rounds if not r["ok"]]
        if bad:
            found.append((name, len(bad), len(rounds), bad[0]))
    return found


def table(title, every):
    """One scenario as text; `every`: rounds by the daemon's name."""
    lines = [[title, *every]]
    for step in [START, *steps_of(every)]:
        lines.append([f"-- {step}"] + [""] * len(every))
        for key, label, digits in OF_START if step == START else OF_STEP:
            cells = row(every, step, key, digits)
            if cells:
                lines.append([label] + cells)
    wide = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    text = ["  ".join(c.ljust(w) for c, w in zip(line, wide)).rstrip()
            for line in lines]
    return "\n".join(text + [
        f"! {name}: {bad} of {count} rounds failed: {why}"
        for name, bad, count, why in failures(every)])
