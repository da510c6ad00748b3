# SPDX-License-Identifier: ISC
"""Figures as SVG: a dot for each daemon's median, a line from least to most."""

import html
import math

COLORS = {"ours": "#d62728", "bird": "#1f77b4", "bird3": "#17becf",
          "frr": "#2ca02c", "openbgpd": "#9467bd", "gobgp": "#8c564b",
          "rustbgpd": "#e377c2", "relay": "#7f7f7f"}
LINE, LEFT, WIDTH, GAP, HEAD = 18, 250, 250, 40, 70


def color(name):
    return COLORS.get(name, "#444")


class Axis:
    """Logarithmic, from one power of ten to another."""

    def __init__(self, values, left):
        self.low = math.floor(math.log10(min(values)))
        self.high = max(self.low + 1, math.ceil(math.log10(max(values))))
        self.left = left

    def x(self, value):
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return self.left + WIDTH * min(1, max(0, share))

    def ticks(self):
        return [10 ** n for n in range(self.low, self.high + 1)]


def text(x, y, words, anchor="start", more=""):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {more}>'
            f"{html.escape(words)}</text>")


def line(x1, y1, x2, y2, stroke, more=""):
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
            f'stroke="{stroke}" {more}/>')


def legend(names):
    parts, x = [], LEFT
    for name in names:
        parts += [f'<circle cx="{x}" cy="16" r="4" fill="{color(name)}"/>',
                  text(x + 8, 20, name)]
        x += 24 + 7 * len(name)
    return parts


def panel(title, rows, left):
    """`rows`: {daemon: (median, least, most)} for each line of the plot."""
    floor = 1e-3
    every = [max(v, floor) for row in rows for triple in row.values()
             for v in triple]
    if not every:
        return []
    axis = Axis(every, left)
    bottom = HEAD + LINE * len(rows)
    parts = [text(left + WIDTH / 2, HEAD - 26, title, "middle",
                  'font-weight="bold"')]
    for tick in axis.ticks():
        x = axis.x(tick)
        parts += [line(x, HEAD - 6, x, bottom, "#ddd"),
                  text(x, HEAD - 10, f"{tick:g}", "middle")]
    for i, row in enumerate(rows):
        y = HEAD + LINE * (i + 0.5)
        for name, triple in row.items():
            here, least, most = (axis.x(max(v, floor)) for v in triple)
            parts += [line(least, y, most, y, color(name),
                           'stroke-width="2" stroke-opacity="0.5"'),
                      f'<circle cx="{here:.1f}" cy="{y:.1f}" r="4" '
                      f'fill="{color(name)}" fill-opacity="0.85"/>']
    return parts


def svg(labels, panels):
    """`panels`: [(title, rows)], the rows in the order of `labels`."""
    names = sorted({name for _, rows in panels for row in rows
                    for name in row}, key=list(COLORS).index)
    wide = LEFT + len(panels) * (WIDTH + GAP)
    high = HEAD + LINE * len(labels) + 10
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" '
             f'height="{high}" viewBox="0 0 {wide} {high}" '
             'font-family="sans-serif" font-size="11">',
             "<!-- SPDX-License-Identifier: ISC -->",
             f'<rect width="{wide}" height="{high}" fill="white"/>']
    parts += legend(names)
    for i, label in enumerate(labels):
        y = HEAD + LINE * (i + 0.5)
        parts += [text(LEFT - 12, y + 4, label, "end"),
                  line(LEFT, y, wide - GAP, y, "#f0f0f0")]
    for i, (title, rows) in enumerate(panels):
        parts += panel(title, rows, LEFT + i * (WIDTH + GAP))
    return "\n".join(parts + ["</svg>"]) + "\n"
