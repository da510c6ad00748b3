#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
# Proves that check.py refuses a bad sample of each kind, and a good one not.
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SPDX = "/* SPDX-License-Identifier: ISC */\n"
HEAD = SPDX + "/* A sample that stands for a room. */\n"
HASH = "# SPDX-License-Identifier: ISC\n# A sample list.\n"


def door(guard, body=""):
    return f"{HEAD}#ifndef {guard}\n#define {guard}\n\n{body}\n#endif\n"


def function(lines):
    return "\nint\nf(int a)\n{\n" + "\ta++;\n" * (lines - 1) + \
        "\treturn a;\n}\n"


GOOD = {
    "configure.ac": HASH,
    "Makefile.am": HASH,
    "autogen.sh": "#!/bin/sh\n" + HASH,
    "bgpd/Makefile.am": HASH + "x = util/a.c util/a.h wire/b.c wire/b.h "
        "rib/c.c rib/c.h net/loop.c plugin.h main.c\n",
    "bgpd/plugin.h": door("BGPD_PLUGIN_H", "struct p {\n\tint a;\n};\n"),
    "bgpd/util/a.h": door("UTIL_A_H", "int f(int a);\n"),
    "bgpd/util/a.c": HEAD + '#include "util/a.h"\n' + function(80),
    "bgpd/wire/b.h": door("WIRE_B_H", '#include "util/a.h"\n'),
    "bgpd/wire/b.c": HEAD + '#include "wire/b.h"\n' + function(3) * 30,
    "bgpd/rib/c.h": door("RIB_C_H", '#include "wire/b.h"\n'),
    "bgpd/rib/c.c": HEAD + '#include "rib/c.h"\n' + function(3),
    "bgpd/net/loop.c": HEAD + "#include <event2/event.h>\n" + function(3),
    "bgpd/main.c": HEAD + '#include "rib/c.h"\n' + function(3),
    "bgpsh/Makefile.am": HASH + "x = main.c\n",
    "bgpsh/main.c": HEAD + function(3),
    "plugins/k8s/Makefile.am": HASH + "x = k8s.c k8s.h\n",
    "plugins/k8s/k8s.h": door("K8S_H", '#include "plugin.h"\n'),
    "plugins/k8s/k8s.c": HEAD + '#include "k8s.h"\n' + function(3),
    "tests/unit/Makefile.am": HASH + "x = test_a\n",
    "tests/unit/test_a.c": HEAD + '#include "util/a.h"\n' + function(3),
}

# What is wrong, the file that is wrong, its text, the words that refuse it.
BAD = [
    ("no SPDX line", "bgpd/util/a.c", "/* A room. */\n\nint a;\n",
     "bgpd/util/a.c:1: no SPDX line"),
    ("no caption", "bgpd/util/a.c", SPDX + "\nint a;\n",
     "bgpd/util/a.c:2: no caption"),
    ("a script without a caption", "autogen.sh",
     "#!/bin/sh\n# SPDX-License-Identifier: ISC\n", "autogen.sh:3: no caption"),
    ("a room too long", "bgpd/util/a.c", HEAD + "int a;\n" * 599,
     "bgpd/util/a.c: 601 lines"),
    ("a door too long", "bgpd/util/a.h",
     door("UTIL_A_H", "int f(int a);\n" * 300), "bgpd/util/a.h: 307 lines"),
    ("a function too long", "bgpd/util/a.c", HEAD + function(81),
     "f has 81 lines"),
    ("too many long functions", "bgpd/main.c", HEAD + function(41) * 10,
     "one in ten is longer"),
    ("an upward include", "bgpd/util/a.c",
     HEAD + '#include "wire/b.h"\n', "bgpd/util/a.c:3: upward include"),
    ("an upward include by a door", "bgpd/wire/b.h",
     door("WIRE_B_H", '#include "../rib/c.h"\n'), "upward include of bgpd/rib"),
    ("a plugin that enters the house", "plugins/k8s/k8s.c",
     HEAD + '#include "util/a.h"\n', "a plugin includes bgpd/util/a.h"),
    ("a shell that enters the house", "bgpsh/main.c",
     HEAD + '#include "../bgpd/util/a.h"\n', "the shell includes"),
    ("an include of a test", "bgpd/main.c",
     HEAD + '#include "tests/unit/test_a.c"\n', "of no floor"),
    ("an include of nothing", "bgpd/main.c",
     HEAD + '#include "util/none.h"\n', "util/none.h is nowhere"),
    ("libevent elsewhere", "bgpd/main.c",
     HEAD + "#include <event2/event.h>\n", "bgpd/main.c:3: libevent outside"),
    ("a clock in a pure room", "bgpd/wire/b.c",
     HEAD + "long\nf(void)\n{\n\treturn time(0);\n}\n",
     "time() on a floor that is pure"),
    ("a file in no list", "bgpd/util/new.c", HEAD + function(3),
     "bgpd/util/new.c: named by no Makefile.am"),
    ("a header that leans on others", "bgpd/util/a.h",
     door("UTIL_A_H", "uint8_t f(void);\n"),
     "bgpd/util/a.h: does not compile alone"),
    ("a public header beyond C99", "bgpd/plugin.h",
     door("BGPD_PLUGIN_H", "struct p {\n\tint a[0];\n};\n"),
     "bgpd/plugin.h: does not compile as C99"),
    ("formatting", "bgpd/main.c",
     HEAD + "\nint f(int a) {\n  return a; }\n",
     "bgpd/main.c:4: clang-format would change it"),
]


def build(top, files):
    for path, text in files.items():
        where = os.path.join(top, path)
        os.makedirs(os.path.dirname(where), exist_ok=True)
        with open(where, "w") as f:
            f.write(text)


def check(files, style, more, compiler):
    with tempfile.TemporaryDirectory(prefix="fairway-house-") as top:
        build(top, {**GOOD, **files, ".clang-format": style})
        done = subprocess.run(
            [sys.executable, os.path.join(HERE, "check.py"), top] + more
            + ["--"] + compiler + ["-I" + os.path.join(top, "bgpd")],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def main():
    at = sys.argv.index("--")
    top, more, compiler = sys.argv[1], sys.argv[2:at], sys.argv[at + 1:]
    with open(os.path.join(top, ".clang-format")) as f:
        style = f.read()
    failed = left_out = 0
    status, out = check({}, style, more, compiler)
    if status != 0:
        print("selftest: the good sample is refused:\n" + out)
        failed += 1
    can_format = "left out: formatting" not in out
    for what, path, text, words in BAD:
        if what == "formatting" and not can_format:
            print("selftest: left out: formatting (no clang-format 14)")
            left_out += 1
            continue
        status, out = check({path: text}, style, more, compiler)
        if status != 1 or words not in out:
            print(f"selftest: {what} is not refused ({status}):\n{out}")
            failed += 1
    print(f"selftest: {len(BAD) - left_out} bad samples, {failed} failures")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
