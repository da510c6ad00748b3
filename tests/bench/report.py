# SPDX-License-Identifier: ISC
"""The table: figures beside what the issue allows."""

READS = ("list ", "watch ")
BIG, SMALL = 10000, 100


def get(found, *path):
    for key in path:
        if found is None:
            return None
        found = found.get(key)
    return found


def limit(*path, at=None, most):
    """most: a number, or of (figures of this size, of all sizes)."""
    def verdict(size, found, every):
        value = get(found, *path)
        allowed = most(found, every) if callable(most) else most
        if value is None or allowed is None or (at and size != at):
            return None
        return value <= allowed
    return verdict


def against_floor(found, _):
    floor = get(found, "floor", "seconds")
    return floor and 1.3 * floor


def ratio(*path):
    """At the largest size against the smallest."""
    def of(_, __, every):
        small = get(every.get(SMALL), *path)
        big = get(every.get(BIG), *path)
        return small and big and big / small
    return of


def requests_are_least(size, found, _):
    asked = get(found, "cold", "requests")
    if asked is None:
        return None
    rest = {k: v for k, v in asked.items() if not k.startswith(READS)}
    return rest == {"patch services/status": size, "create events": size}


def total(*path):
    return lambda _, found, __: sum((get(found, *path) or {}).values()) or None


def value(*path):
    return lambda _, found, __: get(found, *path)


def writes_none(_, found, __):
    made = get(found, "restart", "writes")
    return None if made is None else made == 0


def only_at(size, check):
    return lambda s, found, every: check(s, found, every) if s == size \
        else None


def ratio_holds(*path):
    def check(size, found, every):
        of = ratio(*path)(size, found, every)
        return None if of is None else of <= 1.5
    return only_at(BIG, check)


def ours_of_churn(_, found, __):
    """From the server's answer to the POST to the route."""
    parts = get(found, "churn", "parts_ms")
    return parts and sum(v or 0 for k, v in parts.items()
                         if k != "post_s_answer")


# label, unit, digits, value(size, found, every), [(what must be, verdict)]
ROWS = [
    ("floor: as many bare writes", "s", 2, value("floor", "seconds"), []),
    ("cold start: all routes", "s", 2, value("cold", "routes_s"), [
        ("<= 90 at 10,000", limit("cold", "routes_s", at=BIG, most=90)),
        ("<= 1.3 x floor there",
         limit("cold", "routes_s", at=BIG, most=against_floor))]),
    ("cold start: all statuses", "s", 2, value("cold", "statuses_s"), []),
    ("  routes ahead of statuses", "", 0, value("cold", "ahead"), [
        ("none", limit("cold", "ahead", most=0))]),
    ("cold start: all events too", "s", 2, value("cold", "written_s"), []),
    ("CPU to settled", "s", 3, value("cold", "cpu_s"), [
        ("<= 5 at 10,000", limit("cold", "cpu_s", at=BIG, most=5))]),
    ("peak RSS", "MB", 1, value("peak_rss_mb"), [
        ("<= 15 at 1,000", limit("peak_rss_mb", at=1000, most=15)),
        ("<= 40 at 10,000", limit("peak_rss_mb", at=BIG, most=40))]),
    ("API requests", "", 0, total("cold", "requests"), [
        ("1 patch + 1 event each", requests_are_least)]),
    ("longest turn of the loop", "ms", 1, value("longest_turn_ms"), [
        ("<= 10", limit("longest_turn_ms", most=10))]),
    ("kill -9, restart: all routes", "s", 2, value("restart", "routes_s"), [
        ("<= 1", limit("restart", "routes_s", most=1))]),
    ("writes of that", "", 0, value("restart", "writes"), [
        ("none", writes_none)]),
    ("endpoint flip: CPU", "ms", 3, value("flip", "cpu_ms"), [
        ("<= 0.5", limit("flip", "cpu_ms", most=0.5)),
        ("ratio <= 1.5", ratio_holds("flip", "cpu_ms"))]),
    ("Service deleted: CPU", "ms", 3, value("remove", "cpu_ms"), [
        ("<= 0.5", limit("remove", "cpu_ms", most=0.5)),
        ("ratio <= 1.5", ratio_holds("remove", "cpu_ms"))]),
    ("create to route, median", "ms", 1, value("churn", "route_ms", "median"),
     [("<= 10", limit("churn", "route_ms", "median", most=10))]),
    ("create to route, p99", "ms", 1, value("churn", "route_ms", "p99"), [
        ("<= 25", limit("churn", "route_ms", "p99", most=25))]),
    ("  the server's own part: POST", "ms", 1,
     value("churn", "parts_ms", "post_s_answer"), []),
    ("  ours and PATCH, median", "ms", 1, ours_of_churn, []),
    ("  without a route", "", 0, value("churn", "route_ms", "lost"), [
        ("none", limit("churn", "route_ms", "lost", most=0))]),
    ("create to status, median", "ms", 1,
     value("churn", "status_ms", "median"), []),
]


def verdicts(every):
    """[(size, label, what must be, held)] of all that can be judged."""
    return [(size, label.strip(), words, held)
            for size, found in every.items()
            for label, _, _, _, limits in ROWS
            for words, check in limits
            if (held := check(size, found, every)) is not None]


def cell(row, size, found, every):
    _, _, digits, figure, limits = row
    number = figure(size, found, every)
    if number is None:
        return "-"
    bad = any(check(size, found, every) is False for _, check in limits)
    return f"{number:,.{digits}f}" + (" !" if bad else "  ")


def table(every):
    """The whole of it, as text; `!` marks what is over its limit."""
    sizes = list(every)
    lines = [["Services"] + [f"{s:,}  " for s in sizes] + ["must be"]]
    for row in ROWS:
        label, unit, _, _, limits = row
        lines.append(
            [f"{label}{', ' + unit if unit else ''}"]
            + [cell(row, s, every[s], every) for s in sizes]
            + [", ".join(words for words, _ in limits)])
    wide = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join(
        "  ".join([line[0].ljust(wide[0])]
                  + [c.rjust(w) for c, w in zip(line[1:-1], wide[1:-1])]
                  + [line[-1]]).rstrip() for line in lines)
