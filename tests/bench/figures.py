# SPDX-License-Identifier: ISC
"""Figures of many rounds: medians, their spread, and ratios to ours."""

import statistics

ROWS = [("seconds", "time, s", 3), ("first_s", "first route, s", 3),
        ("cpu_s", "CPU, s", 3), ("peak_mb", "peak RSS, MB", 1),
        ("settled_mb", "settled RSS, MB", 1),
        ("prefixes_per_update", "prefixes per UPDATE", 2),
        ("late_s", "keepalive late by, s", 3)]
START_ROWS = [("up_s", "start to all up, s", 3), ("cpu_s", "CPU, s", 3),
              ("idle_mb", "RSS, MB", 1)]


def values(rounds, step, key):
    """Of the rounds that have it; `step` None: of the start."""
    found = [(r.get("start") if step is None else r["steps"].get(step)) or {}
             for r in rounds]
    return sorted(f[key] for f in found if f.get(key) is not None)


def median(rounds, step, key):
    every = values(rounds, step, key)
    return statistics.median(every) if every else None


def cell(rounds, of_ours, step, key, digits):
    every = values(rounds, step, key)
    if not every:
        return "-"
    here, base = statistics.median(every), median(of_ours, step, key)
    text = f"{here:,.{digits}f}"
    if len(every) > 1:
        text += f" ({every[0]:,.{digits}f}-{every[-1]:,.{digits}f})"
    return text + (f" x{here / base:.2f}" if base and rounds is not of_ours
                   else "")


def lines_of(every, step, rows):
    ours = every.get("ours", [])
    return [[label] + [cell(rounds, ours, step, key, digits)
                       for rounds in every.values()]
            for key, label, digits in rows]


def table(title, steps, every):
    """One scenario as text; `every`: rounds by the daemon's name."""
    lines = [[title, *every]] + lines_of(every, None, START_ROWS)
    for step in steps:
        if any(values(rounds, step, "seconds") for rounds in every.values()):
            lines += [[f"-- {step}"] + [""] * len(every)]
            lines += lines_of(every, step, ROWS)
    lines.append(["rounds that failed"] + [
        f"{sum(not r['ok'] for r in rounds)} of {len(rounds)}"
        for rounds in every.values()])
    wide = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(line, wide)).rstrip()
                     for line in lines)
