#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
# Prints the floor plan: every room by floor, with the caption of its line 2.
"""usage: floorplan.py [TOP] > doc/floorplan.md"""
import os
import re
import sys

# From the roof to the ground, then the houses beside.
FLOORS = [
    ("bgpd", "the roof: starts the house, and knows all floors"),
    ("bgpd/web", "metrics and pages"),
    ("bgpd/peer", "neighbors"),
    ("bgpd/announce", "who offers an address, and who carries it"),
    ("bgpd/fib", "the kernel's routes"),
    ("bgpd/rib", "routes: received, best, told"),
    ("bgpd/policy", "prefix and community lists, route maps"),
    ("bgpd/bfd", "liveness"),
    ("bgpd/wire", "BGP's bytes"),
    ("bgpd/cli", "rows of the language to words and back"),
    ("bgpd/net", "loop, timers, sockets"),
    ("bgpd/util", "the toolbox: knows nothing of BGP"),
    ("bgpsh", "the terminal: apart, speaks text"),
    ("plugins/k8s", "Services of Kubernetes"),
    ("plugins/l2", "addresses carried on layer 2"),
]
HEAD = """\
<!-- SPDX-License-Identifier: ISC -->
<!-- Every room with its caption; made by tests/house/floorplan.py. -->
# Floor plan

From the roof to the ground: a room includes headers of its own floor and of
floors below it. The captions are the second line of each file.
"""


def caption(path):
    """The second line of a file, without the marks of a comment."""
    with open(path, errors="replace") as f:
        line = (f.readline(), f.readline())[1]
    return re.sub(r"^/\*\s*|\s*\*/$", "", line.strip())


def plan(top):
    text = HEAD
    for floor, about in FLOORS:
        there = os.path.join(top, floor)
        names = sorted(os.listdir(there)) if os.path.isdir(there) else []
        names = [n for n in names
                 if n.endswith((".c", ".h")) and not n.startswith(".")]
        if names:
            text += f"\n## {floor}/: {about}\n\n"
        for name in names:
            text += f"- `{name}`: {caption(os.path.join(there, name))}\n"
    return text


if __name__ == "__main__":
    here = os.path.dirname(os.path.abspath(__file__))
    sys.stdout.write(plan(sys.argv[1] if len(sys.argv) > 1
                          else os.path.join(here, "..", "..")))
