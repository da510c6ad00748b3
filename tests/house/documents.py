#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
# What is written for people is true: samples load, manuals name every row.
"""usage: documents.py TOP BGPD [PLUGINS]

Every etc/**/*.conf that is bgpd's passes `BGPD -C`, and so does what a manifest
of etc/kubernetes/ has as bgpd.conf; every row of the language
that `BGPD --rows` knows, with its default, is in bgpd.conf(5), every line of
a plugin's in bgpd-k8s(7) and bgpd-l2(7); doc/floorplan.md is what the captions say; the
manuals are clean for mandoc, where there is one. PLUGINS is a build's plugins
directory: without it, samples that need a plugin are left out, by name.
"""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import floorplan  # noqa: E402

# Not bgpd's, though they end in .conf.
FOREIGN = ("bird.conf", "nginx.conf")


def read(top, path):
    with open(os.path.join(top, path)) as f:
        return f.read()


def samples(top, bgpd, plugins):
    found = glob.glob(os.path.join(top, "etc", "**", "*.conf"), recursive=True)
    found = [p for p in sorted(found) if os.path.basename(p) not in FOREIGN]
    if len(found) < 6:
        yield f"etc: {len(found)} samples found, there must be six or more"
    for path in found:
        with open(path) as f:
            text = f.read()
        name = os.path.relpath(path, top)
        yield from sample(name, text, bgpd, plugins)
    text = read(top, "etc/kubernetes/20-configmap.yaml")
    block = re.search(r"(?m)^  bgpd\.conf: \|\n((?:(?:    .*)?\n)+)", text)
    if block is None:
        yield "etc/kubernetes/20-configmap.yaml: no bgpd.conf is found"
        return
    yield from sample("etc/kubernetes/20-configmap.yaml",
                      textwrap.dedent(block.group(1)), bgpd, plugins)


def sample(name, text, bgpd, plugins):
    if re.search("(?m)^plugin", text) and plugins is None:
        print(f"documents: {name} left out: its plugin is not built")
        return
    with tempfile.TemporaryDirectory() as there:
        copy = os.path.join(there, "bgpd.conf")
        with open(copy, "w") as f:
            f.write(text.replace("@DIR@", there))
        argv = [bgpd, "-C", "-f", copy]
        argv += ["-L", plugins] if plugins is not None else []
        run = subprocess.run(argv, capture_output=True, text=True)
    if run.returncode != 0 or run.stderr:
        yield f"{name}: bgpd -C says: {run.stderr.strip()}"


def rows(bgpd):
    """(section, syntax, default) of each row that configures."""
    out = subprocess.run([bgpd, "--rows"], capture_output=True, text=True,
                         check=True).stdout
    section = None
    for line in out.splitlines():
        if re.match(r"\[[^\t]*\]$", line):
            section = line[1:-1]
            continue
        fields = line.split("\t") + ["", ""]
        if section == "enable":
            continue
        syntax = re.sub(r"\((errors\|[^)]*)\)", "LEVEL", fields[0])
        if section == "neighbor":
            syntax = "neighbor ADDR " + syntax
        yield section, syntax, fields[2]


def items(text):
    """Syntax to text of each `.It Ic "SYNTAX"`, as a manual has them."""
    parts = re.split(r'(?m)^\.It Ic "([^"]*)"$', text)
    found = {}
    for syntax, body in zip(parts[1::2], parts[2::2]):
        found[syntax] = found.get(syntax, "") + body.split("\n.El")[0]
    return found


def manual_rows(top, bgpd):
    manual = items(read(top, "doc/bgpd.conf.5"))
    known = set()
    for _, syntax, default in rows(bgpd):
        known.add(syntax)
        if syntax == "neighbor ADDR":
            continue
        if syntax not in manual:
            yield f'doc/bgpd.conf.5: no `.It Ic "{syntax}"`'
        elif default and f"Default {default}" not in manual[syntax]:
            yield f'doc/bgpd.conf.5: "{syntax}": no "Default {default}"'
    for syntax in sorted(set(manual) - known):
        yield f'doc/bgpd.conf.5: the language has no row "{syntax}"'


# Where a guest's rows are, as calls of this macro, and where they are told.
GUESTS = (
    ("plugins/k8s/k8s.c", r'LINE\(\s*ROW_\w+,\s*"([^"]+)"',
     "doc/bgpd-k8s.7"),
    ("plugins/l2/knobs.c", r'(?:LINE|RUN)\(\s*ROW_\w+,(?:\s*\d,\s*\d,)?'
     r'\s*"([^"]+)"', "doc/bgpd-l2.7"),
)


def guest_rows(top):
    for source, row, page in GUESTS:
        said = re.findall(row, read(top, source))
        manual = items(read(top, page))
        if not said:
            yield f"{source}: no rows are found"
        for syntax in said:
            if syntax not in manual:
                yield f'{page}: no `.It Ic "{syntax}"`'


def plan(top):
    if read(top, "doc/floorplan.md") != floorplan.plan(top):
        yield ("doc/floorplan.md: is not what the captions say: run "
               "tests/house/floorplan.py > doc/floorplan.md")


def lint(top):
    mandoc = shutil.which("mandoc")
    if mandoc is None:
        print("documents: manuals not checked: there is no mandoc")
        return
    for path in sorted(glob.glob(os.path.join(top, "doc", "*.[1-8]"))):
        out = subprocess.run([mandoc, "-Tlint", "-Wwarning", path],
                             capture_output=True, text=True).stdout
        yield from out.splitlines()


def main():
    top, bgpd = sys.argv[1], sys.argv[2]
    plugins = sys.argv[3] if len(sys.argv) > 3 else None
    faults = [*samples(top, bgpd, plugins), *manual_rows(top, bgpd),
              *guest_rows(top), *plan(top), *lint(top)]
    for fault in faults:
        print(fault)
    print(f"documents: {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
