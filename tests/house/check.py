#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
# Refuses what the house does not allow; one line per fault, 1 if there is any.
"""usage: check.py TOP [--format TOOL] [--unbuilt DIR]... [-- CC FLAG...]

TOP is the source tree; CC FLAG... compiles a file of it; the headers of an
unbuilt DIR may lean on libraries that are not there. What cannot be checked
for want of a tool is named, never passed over in silence.
"""
import argparse
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

# From the ground up; floors of one line may see each other.
FLOORS = [["util"], ["wire", "cli", "net"], ["bfd"], ["policy"], ["rib"],
          ["peer", "announce", "fib"], ["web"], ["."]]
RANK = {floor: i for i, story in enumerate(FLOORS) for floor in story}

ROOM_LINES = 600
DOOR_LINES = 300
FUNCTION_LINES = 80
NINE_OF_TEN = 40
FORMAT_VERSION = "14"

LIBEVENT_ROOMS = ("bgpd/net/loop.c", "bgpd/net/http.c")
PURE_FLOORS = ("wire", "policy", "rib", "cli")
IMPURE = re.compile(
    r"(?<![\w.>])(socket|open|openat|fopen|creat|read|write|send|sendto|recv|"
    r"recvfrom|connect|bind|listen|accept|poll|select|epoll_wait|time|"
    r"clock_gettime|gettimeofday|sleep|usleep|nanosleep)\s*\(")


def floor_of(path):
    parts = path.split("/")
    if path == "bgpd/plugin.h":
        return "util"
    if parts[0] == "bgpd":
        return parts[1] if len(parts) > 2 else "."
    return "/".join(parts[:2]) if parts[0] == "plugins" else parts[0]


class Tree:
    """The C files of a source tree, each read once."""

    def __init__(self, top):
        self.top = top
        self.text = {}
        self.scripts = {}
        for room in ("bgpd", "bgpsh", "plugins", "tests"):
            for where, dirs, names in os.walk(os.path.join(top, room)):
                dirs[:] = sorted(d for d in dirs if not d.startswith("."))
                for name in sorted(names):
                    self.add(os.path.relpath(os.path.join(where, name), top))
        for name in ("configure.ac", "Makefile.am", "autogen.sh"):
            if os.path.exists(os.path.join(top, name)):
                self.add(name)

    def add(self, path):
        base = os.path.basename(path)
        if base.startswith("."):
            return
        if path.endswith((".c", ".h")):
            into = self.text
        elif path.endswith((".py", ".sh", ".ac", "Makefile.am")):
            into = self.scripts
        else:
            return
        with open(os.path.join(self.top, path), errors="replace") as f:
            into[path] = f.read().split("\n")

    def rooms(self, suffix=(".c", ".h")):
        """What the daemon, the shell and the plugins are made of."""
        return {p: t for p, t in self.text.items()
                if p.endswith(suffix) and not p.startswith("tests/")}

    def resolve(self, path, name):
        """The file that #include "name" in path means, or None."""
        for cand in (os.path.join(os.path.dirname(path), name),
                     os.path.join("bgpd", name), name):
            cand = os.path.normpath(cand)
            if os.path.exists(os.path.join(self.top, cand)):
                return cand
        return None


def code_of(line):
    """The line without its strings and comments, as far as a line tells."""
    line = re.sub(r'"(\\.|[^"\\])*"', '""', line)
    line = re.sub(r"/\*.*?(\*/|$)", "", line)
    return "" if re.match(r"\s*\*( |/|$)", line) else line


def functions(lines):
    """(name, line, length) of each function: braces alone in column 0."""
    start = None
    for i, line in enumerate(lines):
        if line == "{":
            start = i
        elif line == "}" and start is not None:
            head = " ".join(lines[max(0, start - 6):start])
            names = [n for n in re.findall(r"(\w+)\s*\(", head)
                     if n not in ("__attribute__", "format", "printf")]
            yield names[0] if names else "?", start + 1, i - start - 1
            start = None


# Rules: each takes a Tree and yields faults as text.

def rule_captions(tree):
    for path, lines in sorted({**tree.text, **tree.scripts}.items()):
        at = 1 if lines[0].startswith("#!") else 0
        if at >= len(lines) or "SPDX-License-Identifier:" not in lines[at]:
            yield f"{path}:{at + 1}: no SPDX line"
        elif len(lines) < at + 2 or not re.match(
                r"(/\*|#|dnl|\"\"\").*[A-Za-z]{2}", lines[at + 1]):
            yield f"{path}:{at + 2}: no caption"


def rule_sizes(tree):
    for path, lines in sorted(tree.text.items()):
        # What tests share is no door.
        door = path.endswith(".h") and not path.startswith("tests/")
        limit = DOOR_LINES if door else ROOM_LINES
        count = len(lines) - (lines[-1] == "")
        if count > limit:
            yield f"{path}: {count} lines, more than {limit}"


def rule_functions(tree):
    lengths = []
    for path, lines in sorted(tree.text.items()):
        for name, at, length in functions(lines):
            if not path.startswith("tests/"):
                lengths.append(length)
            if length > FUNCTION_LINES:
                yield (f"{path}:{at}: {name} has {length} lines, more than "
                       f"{FUNCTION_LINES}")
    lengths.sort()
    if lengths and lengths[int(.9 * len(lengths))] > NINE_OF_TEN:
        yield (f"functions: one in ten is longer than {NINE_OF_TEN} lines "
               f"({lengths[int(.9 * len(lengths))]})")


def fault_of_include(here, there, target):
    """Why a file of floor `here` may not include this, or None."""
    if here.startswith("plugins/"):
        if there != here and target != "bgpd/plugin.h":
            return f"a plugin includes {target}"
    elif here == "bgpsh":
        if there != "bgpsh":
            return f"the shell includes {target}"
    elif RANK.get(there, -1) == -1 or here not in RANK:
        return f"{target}: of no floor of the daemon"
    elif RANK[there] > RANK[here]:
        return f"upward include of {target}"
    return None


def rule_includes(tree):
    for path, lines in sorted(tree.rooms().items()):
        here = floor_of(path)
        for n, line in enumerate(lines, 1):
            if re.match(r"\s*#\s*include\s*[<\"]event2/", line) and \
                    path not in LIBEVENT_ROOMS:
                yield (f"{path}:{n}: libevent outside net/loop.c and "
                       "net/http.c")
                continue
            m = re.match(r'\s*#\s*include\s*"([^"]+)"', line)
            if not m:
                continue
            target = tree.resolve(path, m.group(1))
            fault = f"{m.group(1)} is nowhere" if target is None else \
                fault_of_include(here, floor_of(target), target)
            if fault:
                yield f"{path}:{n}: {fault}"


def rule_pure(tree):
    for path, lines in sorted(tree.rooms().items()):
        if not path.startswith("bgpd/") or floor_of(path) not in PURE_FLOORS:
            continue
        for n, line in enumerate(lines, 1):
            m = IMPURE.search(code_of(line))
            if m:
                yield f"{path}:{n}: {m.group(1)}() on a floor that is pure"


def rule_lists(tree):
    """A file that no Makefile.am names is not built or not released."""
    names = {}
    for path, lines in tree.scripts.items():
        if path.endswith("Makefile.am"):
            live = [x for x in lines if not x.lstrip().startswith("#")]
            names[os.path.dirname(path)] = set(
                re.findall(r"[\w./-]+", "\n".join(live)))
    for path in sorted(tree.text):
        where = os.path.dirname(path)
        while where and where not in names:
            where = os.path.dirname(where)
        name = os.path.relpath(path, where or ".")
        listed = names.get(where, set())
        if name not in listed and not (
                name.endswith(".c") and name[:-2] in listed):
            yield f"{path}: named by no Makefile.am"


def run(args, **more):
    return subprocess.run(args, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True,
                          errors="replace", **more)


def rule_headers(tree, compiler, unbuilt):
    """Every header compiles alone; plugin.h in C99, and in C++ too."""
    jobs = []
    public = os.path.join(tree.top, "bgpd/plugin.h")
    for where in unbuilt:
        print(f"house: left out: headers of {where} (it is not built)")
    for path in sorted(tree.text):
        if path.endswith(".h") and os.path.dirname(path) not in unbuilt:
            jobs.append((path, "alone", compiler + [
                "-Werror", "-fsyntax-only", "-x", "c", "-"]))
    if os.path.exists(public):
        bare = ["-Wall", "-Wextra", "-Werror", "-fsyntax-only"]
        jobs.append(("bgpd/plugin.h", "as C99", compiler[:1] + bare + [
            "-std=c99", "-pedantic-errors", "-x", "c", "-"]))
        cxx = os.environ.get("CXX", "c++")
        if run(["sh", "-c", 'command -v "$1"', "sh", cxx]).returncode == 0:
            jobs.append(("bgpd/plugin.h", "as C++", [cxx] + bare + [
                "-std=c++11", "-x", "c++", "-"]))
        else:
            print("house: left out: plugin.h as C++ (there is no c++; Debian "
                  "package g++)")

    # Included, not compiled itself: then no inline function is "unused".
    def compile_one(job):
        name = os.path.abspath(os.path.join(tree.top, job[0]))
        return run(job[2], input=f'#include "{name}"\n')

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        done = list(pool.map(compile_one, jobs))
    for (path, how, _), result in zip(jobs, done):
        if result.returncode != 0:
            yield (f"{path}: does not compile {how}\n"
                   + result.stdout.rstrip())


def rule_format(tree, tool):
    files = [os.path.join(tree.top, p) for p in sorted(tree.text)]
    done = run([tool, "--dry-run", "-Werror", "-style=file"] + files)
    seen = set()
    for line in done.stdout.split("\n"):
        m = re.match(r"(.*?):(\d+):\d+: error: code should be", line)
        if m and m.group(1) not in seen:
            seen.add(m.group(1))
            yield (f"{os.path.relpath(m.group(1), tree.top)}:{m.group(2)}: "
                   f"clang-format would change it")
    if done.returncode != 0 and not seen:
        yield "clang-format failed\n" + done.stdout.rstrip()


def find_format(asked):
    """The clang-format of the house's version, or None and why not."""
    why = "there is no clang-format"
    for tool in ([asked] if asked else []) + [
            "clang-format-" + FORMAT_VERSION, "clang-format"]:
        try:
            version = run([tool, "--version"]).stdout
        except OSError:
            continue
        m = re.search(r"version (\d+)", version)
        if m and m.group(1) == FORMAT_VERSION:
            return tool, None
        why = f"{tool} is version {m.group(1) if m else '?'}"
    return None, why


PLAIN_RULES = [rule_captions, rule_sizes, rule_functions, rule_includes,
               rule_pure, rule_lists]


def check(top, asked, unbuilt, compiler):
    tree = Tree(top)
    faults = [f for rule in PLAIN_RULES for f in rule(tree)]
    if compiler:
        faults += rule_headers(tree, compiler, unbuilt)
    else:
        print("house: left out: headers alone (no compiler was given)")
    tool, why = find_format(asked)
    if tool:
        faults += rule_format(tree, tool)
    else:
        print(f"house: left out: formatting ({why}; the house's is "
              f"{FORMAT_VERSION}, Debian package clang-format)")
    for fault in faults:
        print("house: " + fault)
    lengths = sorted(n for p, t in tree.rooms().items()
                     for _, _, n in functions(t)) or [0]
    print(f"house: {len(tree.text)} files, {len(lengths)} functions, median "
          f"{lengths[len(lengths) // 2]} lines; {len(faults)} faults")
    return 1 if faults else 0


def main():
    args, compiler = sys.argv[1:], []
    if "--" in args:
        at = args.index("--")
        args, compiler = args[:at], args[at + 1:]
    words = argparse.ArgumentParser(usage=__doc__)
    words.add_argument("top")
    words.add_argument("--format", default="")
    words.add_argument("--unbuilt", action="append", default=[])
    said = words.parse_args(args)
    return check(said.top, said.format, said.unbuilt, compiler)


if __name__ == "__main__":
    sys.exit(main())
