# SPDX-License-Identifier: ISC
"""Counts what the API server was asked, by user, verb and resource."""

import collections
import json
import os
import time

POLICY = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy",
          "omitStages": ["RequestReceived"],
          "rules": [{"level": "None", "users": ["system:apiserver"]},
                    {"level": "None", "nonResourceURLs": ["/readyz*"]},
                    {"level": "Metadata"}]}


class Audit:
    """What others than the API server itself asked it, from its log."""

    def __init__(self, path):
        self.path = path

    def size(self):
        return os.path.getsize(self.path) if os.path.exists(self.path) else 0

    def text(self, mark):
        """What was written since, as it stands."""
        with open(self.path, errors="replace") as f:
            f.seek(mark)
            return f.read()

    def mark(self):
        """Now, once what was asked before is written down."""
        size, end = self.size(), time.monotonic() + 3
        quiet = time.monotonic() + 0.2
        while (now := time.monotonic()) < min(quiet, end):
            time.sleep(0.02)
            if self.size() != size:
                size, quiet = self.size(), now + 0.2
        return size

    def requests(self, mark=0):
        """One event each; a watch is there from its start."""
        self.mark()
        seen = {}
        if not self.size():
            return []
        with open(self.path, "rb") as f:
            f.seek(mark)
            for line in f:
                event = json.loads(line) if line.endswith(b"\n") else None
                if event and not ends_older(event, seen):
                    seen.setdefault(event["auditID"], event).update(event)
        return list(seen.values())

    def count(self, mark=0, **only):
        """How many; only: user, verb, resource ("services/status"), space,
        name, code."""
        return sum(all(facts[key] == value for key, value in only.items())
                   for facts in map(facts_of, self.requests(mark)))

    def table(self, mark=0, user=None):
        """{(user, verb, resource): how many}."""
        every = map(facts_of, self.requests(mark))
        return collections.Counter(
            (f["user"], f["verb"], f["resource"]) for f in every
            if user in (None, f["user"]))


def ends_older(event, seen):
    """Whether it is the end of a watch that began before the mark."""
    return (event["verb"] == "watch" and event["auditID"] not in seen
            and event["stage"] == "ResponseComplete"
            and event.get("responseStatus", {}).get("code") == 200)


def facts_of(event):
    ref = event.get("objectRef", {})
    words = [w for w in (ref.get("resource"), ref.get("subresource")) if w]
    return {"user": event["user"].get("username"), "verb": event["verb"],
            "resource": "/".join(words) or event["requestURI"].split("?")[0],
            "space": ref.get("namespace"), "name": ref.get("name"),
            "code": event.get("responseStatus", {}).get("code")}
