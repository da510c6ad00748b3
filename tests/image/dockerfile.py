# SPDX-License-Identifier: ISC
"""What a Dockerfile says, as far as ours goes; anything else is an error."""

import collections
import fnmatch
import json
import os
import re

Step = collections.namedtuple("Step", "word flags rest")
WORDS = ("RUN", "COPY", "WORKDIR", "ENTRYPOINT", "CMD")


class Stage:
    def __init__(self, base, name):
        self.base = base
        self.name = name
        self.steps = []

    def words(self, word):
        return [step.rest for step in self.steps if step.word == word]

    def argv(self):
        """ENTRYPOINT and CMD, both in their JSON form."""
        return [json.loads(self.words(word)[-1])
                for word in ("ENTRYPOINT", "CMD")]


def lines(text):
    """Logical lines: no comments, what goes on behind a backslash joined."""
    text = re.sub(r"(?m)^\s*#.*\n", "", text)
    for line in re.sub(r"\\\n", "", text).split("\n"):
        if line.strip():
            yield line.strip()


def read(text):
    """The stages, in order."""
    args, stages = {}, []
    for line in lines(text):
        word, rest = line.split(None, 1)
        if word == "ARG":
            name, value = rest.split("=", 1)
            args[name] = value
        elif word == "FROM":
            found = re.fullmatch(r"(\S+)(?:\s+AS\s+(\S+))?", rest)
            base = re.sub(r"\$\{(\w+)\}", lambda m: args[m.group(1)],
                          found.group(1))
            stages.append(Stage(base, found.group(2)))
        else:
            assert word in WORDS, f"Dockerfile: {word} is new to the tests"
            flags = dict(re.findall(r"--(\w+)=(\S+) ", rest))
            rest = re.sub(r"--\w+=\S+\s+", "", rest) if word == "COPY" else rest
            stages[-1].steps.append(Step(word, flags, rest))
    return stages


class Ignore:
    """.dockerignore: the last pattern that fits a path, or a folder above, decides."""

    def __init__(self, text):
        self.rules = []
        for line in text.split("\n"):
            line = line.strip()
            if line and not line.startswith("#"):
                keep = line.startswith("!")
                self.rules.append((keep, self.regex(line.lstrip("!"))))

    @staticmethod
    def regex(pattern):
        parts = [".*" if part == "**" else fnmatch.translate(part)
                 .replace(".*", "[^/]*").removeprefix("(?s:")
                 .removesuffix(")\\Z") for part in pattern.split("/")]
        text = "/".join(parts).replace(".*/", "(?:.*/)?")
        return re.compile(text + r"(?:/.*)?\Z", re.S)

    def keeps(self, path):
        kept = True
        for keep, regex in self.rules:
            if regex.match(path):
                kept = keep
        return kept

    def files(self, top):
        """Every file of the context, by its path below top."""
        for where, dirs, names in os.walk(top):
            if where == top:
                dirs[:] = [d for d in dirs if d not in (".git", "build")]
            for name in names:
                path = os.path.relpath(os.path.join(where, name), top)
                if self.keeps(path):
                    yield path
