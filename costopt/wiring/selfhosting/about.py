"""What fitted a profile and how near it comes, as its file says and as people read it."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from costopt import __version__
from costopt.serving.calibration.fit import Calibrated
from costopt.serving.calibration.observed import Figures, Observed, as_json
from costopt.serving.calibration.replica import Replica
from costopt.serving.efficiency import Efficiencies, shipped
from costopt.wiring.selfhosting.counters import acceptance, said
from costopt.wiring.selfhosting.driving import Grid

FIGURES = ("ttft_ms", "tpot_ms", "tokens_per_s")
WORDS = {"ttft_ms": "TTFT", "tpot_ms": "TPOT", "latency_ms": "latency", "tokens_per_s": "tokens/s"}


def about(
    fitted: Calibrated, replica: Replica, metrics: Mapping[str, Any], host: str, grid: Grid,
    now: dt.datetime,
) -> dict[str, Any]:  # fmt: skip
    """The profile's part beside its constants. Nothing in it is NaN."""
    return {
        "fitted": {
            name: {"value": getattr(fitted.values, name), "shipped": getattr(shipped(), name),
                   "standard_error_log": round(error, 4), "at_bound": name in fitted.at_bound}
            for name, error in fitted.told.fitted.items()
        },
        "left_as_shipped": fitted.told.left,
        "fitted_on": {
            "host": host, "model": grid.model, "at": now.isoformat(timespec="seconds"),
            "requests": sum(len(p.prompt_tokens) for p in fitted.points), "costopt": __version__,
        },
        "residual": {
            "in_sample": errors_of(fitted.points, fitted.predicted),
            "load_left_out": errors_of(fitted.points, fitted.held_out),
        },
        "metrics": {**metrics} | ({"conditional_acceptance": a} if (a := acceptance(metrics)) else {}),
        "points": [
            {"measured": _json(p.figures()), "spread": [_number(s) for s in p.spread()],
             "predicted": _json(f), "load_left_out": None if h is None else _json(h),
             "requests": as_json(p)}
            for p, f, h in zip(fitted.points, fitted.predicted, fitted.held_out, strict=True)
        ],
    }  # fmt: skip


def errors_of(
    points: Sequence[Observed], told: Sequence[Figures | None]
) -> dict[str, float | None]:
    """Figure to the median absolute relative error over the points; None: nothing to compare."""
    out: dict[str, float | None] = {}
    for name in (*FIGURES, "latency_ms"):
        found = [
            abs(error) for p, f in zip(points, told, strict=True)
            if f is not None and (error := relative(p.figures(), f, name)) is not None
        ]  # fmt: skip
        out[name] = round(float(np.median(found)), 4) if found else None
    return out


def relative(measured: Figures, told: Figures, name: str) -> float | None:
    """Predicted over measured, less 1; None: one of them is not known."""
    a, b = getattr(measured, name), getattr(told, name)
    return b / a - 1 if math.isfinite(a) and math.isfinite(b) and a > 0 else None


def _json(figures: Figures) -> dict[str, float | None]:
    return {name: _number(value) for name, value in figures._asdict().items()}


def _number(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None


def lines(fitted: Calibrated, metrics: Mapping[str, Any]) -> list[str]:
    """The calibration on a screen of 80 columns."""
    out = ["Measured, predicted by the fit, and by a fit without that load (medians)", ""]
    out += _table(fitted)
    out += ["", *_residual(fitted), "", "Constants"]
    for name, error in fitted.told.fitted.items():
        value, before = getattr(fitted.values, name), getattr(shipped(), name)
        out.append(f"  {name:<14} {value:>10.4g}  +-{error:.0%}  shipped {before:.4g}")
    for name in Efficiencies.names():
        if name in fitted.told.left:
            out.append(f"  {name:<14} left as shipped: {fitted.told.left[name]}")
    if told := said(metrics):
        out += ["", "The server's own counters meanwhile", *(f"  {line}" for line in told)]
    return out


def _table(fitted: Calibrated) -> Iterable[str]:
    streamed = any(p.streamed for p in fitted.points)
    names = FIGURES if streamed else ("latency_ms", "tokens_per_s")
    head = "".join(f"{WORDS[n]:>9} {'pred.':>6} {'left out':>8}" for n in names)
    yield f"{'prompt':>6} {'load':>4}{head}"
    for p, f, h in zip(fitted.points, fitted.predicted, fitted.held_out, strict=True):
        row = f"{p.asked_tokens:>6} {p.concurrency:>4}"
        for name in names:
            measured = getattr(p.figures(), name)
            row += f"{measured:>9.4g} {_percent(relative(p.figures(), f, name)):>6}"
            row += f" {_percent(None if h is None else relative(p.figures(), h, name)):>8}"
        yield row


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:+.0%}"


def _residual(fitted: Calibrated) -> Iterable[str]:
    for words, told in (("fitted loads", fitted.predicted), ("load left out", fitted.held_out)):
        found = errors_of(fitted.points, told)
        parts = [f"{WORDS[n]} {v:.1%}" for n, v in found.items() if v is not None]
        yield f"Median absolute error, {words}: {', '.join(parts) or 'one load only: not known'}"
