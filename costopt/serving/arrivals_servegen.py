"""ServeGen's client descriptions as arrivals: what it publishes are rates and distributions, not requests.

https://github.com/alibaba/ServeGen, Apache-2.0, read 2026-11-25. A client is two files:
`chunk-N-trace.csv` with a line per window, `start s, requests a second, coefficient of variation,
Gamma|Weibull, shape, scale` of the gaps between its requests, and `chunk-N-dataset.json` with the
distributions of prompt and output lengths per window. Requests are drawn from them with a seed: gaps of
the stated shape, their mean brought to the window's measured rate; lengths independent of each other,
as published. A client without lengths, or in a window without them, is left out and counted.
"""

from __future__ import annotations

import csv
import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from costopt.errors import InputError
from costopt.serving.arrivals import Arrivals, in_order
from costopt.serving.core.terms import Float, Int

_PAIR = re.compile(r"(\d+)\s*:\s*([0-9.eE+-]+)")


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of one client's traffic."""

    start_s: float
    rate_per_s: float
    family: str
    shape: float


Lengths = tuple[Int, Float]
"""Values and their probabilities."""


def servegen(
    folder: Path, start_s: float = 0.0, span_s: float = 86_400.0, seed: int = 0
) -> Arrivals:
    """All clients of a folder over `span_s` seconds from `start_s` on."""
    traces = sorted(folder.glob("chunk-*-trace.csv"))
    if not traces:
        raise InputError(
            "No ServeGen client (chunk-N-trace.csv) in this folder.", where=str(folder)
        )
    rng = np.random.default_rng(seed)
    left_out: Counter[str] = Counter()
    drawn: list[tuple[Float, Int, Int]] = []
    for trace in traces:
        data = trace.with_name(trace.name.replace("-trace.csv", "-dataset.json"))
        lengths = _lengths(data) if data.exists() else []
        for window, length_s in _windows(trace, start_s, start_s + span_s):
            found = _lengths_at(lengths, window.start_s)
            if found is None:
                left_out["no published lengths"] += round(window.rate_per_s * length_s)
                continue
            times = _times(window, length_s, rng)
            prompt, output = (rng.choice(v, len(times), p=p) for v, p in found)
            drawn.append((times - start_s, prompt, output))
    if not any(len(times) for times, _, _ in drawn):
        raise InputError("No requests in this stretch of time.", where=str(folder))
    at_s, prompt, output = (np.concatenate(column) for column in zip(*drawn, strict=True))
    made = in_order(at_s, prompt, output, span_s)
    return Arrivals(
        made.at_s, made.prompt_tokens, made.output_tokens, made.session, span_s,
        left_out=dict(+left_out),
    )  # fmt: skip


def _windows(path: Path, start_s: float, stop_s: float) -> Iterator[tuple[Window, float]]:
    """Windows with traffic that begin in this stretch, and their lengths."""
    rows: list[tuple[float, Window | None]] = []
    with path.open(newline="", encoding="utf-8") as lines:
        for number, row in enumerate(csv.reader(lines), 1):
            rows.append(_window(row, f"{path}:{number}"))
    for (begin, window), (end, _) in zip(rows, rows[1:], strict=False):
        if window and start_s <= begin < stop_s:
            yield window, min(end, stop_s) - begin


def _window(row: list[str], where: str) -> tuple[float, Window | None]:
    try:
        begin, rate = float(row[0]), float(row[1])
        if rate <= 0:
            return begin, None
        family, shape = row[3].strip().lower(), float(row[4])
    except (ValueError, IndexError) as error:
        raise InputError(f"Not a window of a ServeGen client: {error}", where=where) from error
    if family not in ("gamma", "weibull") or shape <= 0:
        raise InputError(f"Gaps of the kind `{row[3]}` are not known.", where=where)
    return begin, Window(begin, rate, family, shape)


def _times(window: Window, length_s: float, rng: np.random.Generator) -> Float:
    """Arrivals of one window: gaps drawn until it is full, the first one a part of a gap."""
    mean = 1.0 / window.rate_per_s
    batch = math.ceil(window.rate_per_s * length_s * 1.2) + 16
    times = -mean * rng.random() + np.cumsum(_gaps(window, mean, batch, rng))
    while times[-1] < length_s:
        times = np.concatenate((times, times[-1] + np.cumsum(_gaps(window, mean, batch, rng))))
    return window.start_s + times[(times >= 0) & (times < length_s)]


def _gaps(window: Window, mean: float, n: int, rng: np.random.Generator) -> Float:
    if window.family == "gamma":
        return rng.gamma(window.shape, mean / window.shape, n)
    return rng.weibull(window.shape, n) * (mean / math.gamma(1 + 1 / window.shape))


def _lengths(path: Path) -> list[tuple[float, Lengths | None, Lengths | None]]:
    """(start of the window, prompt lengths, output lengths) in order of time."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        rows = [
            (float(start), _distribution(one["input_tokens"]), _distribution(one["output_tokens"]))
            for start, one in data.items()
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"Not the lengths of a ServeGen client: {error}", where=str(path)
        ) from error
    return sorted(rows, key=lambda row: row[0])


def _distribution(text: str) -> Lengths | None:
    """`{166: 0.02, 167: 0.98}`: None where it is empty."""
    pairs = _PAIR.findall(text)
    if not pairs:
        return None
    values = np.array([int(value) for value, _ in pairs], np.int64)
    shares = np.array([float(share) for _, share in pairs])
    return values, shares / shares.sum()


def _lengths_at(
    rows: list[tuple[float, Lengths | None, Lengths | None]], moment_s: float
) -> tuple[Lengths, Lengths] | None:
    """Those of the window that this moment lies in."""
    found = None
    for start, prompt, output in rows:
        if start <= moment_s:
            found = (prompt, output) if prompt and output else None
    return found
