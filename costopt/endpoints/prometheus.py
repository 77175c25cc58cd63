"""The text format of a metrics page, read without a library.

Format: https://prometheus.io/docs/instrumenting/exposition_formats/, checked 2026-11-25.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

_LINE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?\s+(\S+)")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Page:
    """Samples by name: (labels, value) of each."""

    samples: dict[str, list[tuple[dict[str, str], float]]] = field(default_factory=dict)

    def total(self, *names: str) -> float | None:
        """The sum over all labels (models, engines) of the first of the names that the page has."""
        found = self._first(names)
        return None if found is None else sum(value for _, value in found)

    def largest(self, *names: str) -> float | None:
        """The largest over all labels."""
        found = self._first(names)
        return None if found is None else max(value for _, value in found)

    def by(self, label: str, name: str) -> dict[str, float]:
        """The sum for each value of a label."""
        out: dict[str, float] = {}
        for labels, value in self.samples.get(name, ()):
            if label in labels:
                out[labels[label]] = out.get(labels[label], 0.0) + value
        return out

    def _first(self, names: tuple[str, ...]) -> list[tuple[dict[str, str], float]] | None:
        return next((self.samples[n] for n in names if self.samples.get(n)), None)


def parse(text: str) -> Page:
    """A page's samples. Lines that are none are passed over, and so are values that are no number."""
    page = Page()
    for line in text.splitlines():
        if not line or line[0] == "#":
            continue
        told = _LINE.match(line)
        if told is None:
            continue
        try:
            value = float(told[3])
        except ValueError:
            continue
        if math.isfinite(value):
            labels = {name: _plain(raw) for name, raw in _LABEL.findall(told[2] or "")}
            page.samples.setdefault(told[1], []).append((labels, value))
    return page


def _plain(raw: str) -> str:
    if "\\" not in raw:
        return raw
    return re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], raw)
