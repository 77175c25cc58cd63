"""A sweep as a picture: savings over the first setting, and savings against risk with the Pareto front."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from costopt.engine.sweep import SweepPoint
from costopt.model.escape import fit
from costopt.money import usd_float
from costopt.report.render.png import COLORS, DPI
from costopt.report.render.sweep import Swept, value_text

MAX_LINES = 6
"""Colours that can be told apart."""
MARKERS = ("o", "s", "^", "D", "v", "P")
"""Colour never carries meaning alone."""
MAX_TICKS = 10


def sweep_png(found: Swept, path: Path) -> Path:
    """Write the picture; the same sweep gives the same bytes. OSError: the disk refuses."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.0, 4.2), dpi=DPI, layout="constrained")
    over, against = figure.subplots(1, 2)
    _over_setting(found, over)
    _against_risk(found, against)
    for axes in (over, against):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="#e3e3e8", linewidth=0.8)
        axes.set_axisbelow(True)
    title = (
        f"{fit(found.policy, 60)}: bill without it ${usd_float(found.result.baseline_pusd):,.2f}"
    )
    figure.suptitle(_plain(title), fontsize=11, x=0.01, ha="left")
    path.parent.mkdir(parents=True, exist_ok=True)
    # Without metadata the same result gives the same bytes.
    figure.savefig(path, format="png", metadata={"Software": None})
    return path


def _over_setting(found: Swept, axes: Any) -> None:
    """Savings over the first setting; a line for each combination of the others."""
    first, *others = found.names
    groups: dict[str, list[SweepPoint]] = {}
    for point in found.result.points:
        key = ", ".join(f"{_short(n)} {value_text(point.settings[n])}" for n in others)
        groups.setdefault(key, []).append(point)
    for i, (label, points) in enumerate(_fewest(groups)):
        values = [p.settings[first] for p in points]
        places, ticks = _places(values)
        axes.plot(
            places, [usd_float(p.savings_pusd) for p in points], color=COLORS[i], marker=MARKERS[i],
            markersize=4, linewidth=1.8, label=_plain(fit(label, 40)) or None,
        )  # fmt: skip
        if ticks:
            axes.set_xticks(places[:: _every(places)], ticks[:: _every(places)], fontsize=8)
    axes.axhline(0, color="#6b6b76", linewidth=0.8)
    axes.set_xlabel(_plain(first), fontsize=9)
    axes.set_ylabel(_plain("saved, $ (below 0: costs more)"), fontsize=9)
    axes.tick_params(labelsize=8)
    if others:
        axes.legend(frameon=False, fontsize=8)


def _fewest(groups: dict[str, list[SweepPoint]]) -> list[tuple[str, list[SweepPoint]]]:
    """The groups that save most, in their own order."""
    best = sorted(groups, key=lambda k: -max(p.savings_pusd for p in groups[k]))[:MAX_LINES]
    return [(k, points) for k, points in groups.items() if k in best]


def _places(values: Sequence[Any]) -> tuple[list[float], list[str]]:
    """Numbers at their place; anything else one after the other, with its name."""
    if all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values):
        return [float(v) for v in values], []
    return [float(i) for i in range(len(values))], [_plain(fit(value_text(v), 14)) for v in values]


def _every(places: Sequence[float]) -> int:
    return max(1, -(-len(places) // MAX_TICKS))


def _against_risk(found: Swept, axes: Any) -> None:
    """Every point; the front as a line with the settings of its ends."""
    points = found.result.points
    axes.set_xlabel("answers at risk, % of calls (upper bound)", fontsize=9)
    axes.set_ylabel(_plain("saved, $"), fontsize=9)
    axes.tick_params(labelsize=8)
    rest = [p for i, p in enumerate(points) if i not in found.front]
    axes.scatter(*_at(rest), s=18, color="#9a9aa5", marker="x", label="other settings")
    front = sorted((points[i] for i in found.front), key=lambda p: (p.risk, p.savings_pusd))
    axes.plot(
        *_at(front), color=COLORS[0], marker="o", markersize=5, linewidth=1.6, label="Pareto front"
    )
    for point in front[:1] + front[1:][-1:]:
        _label(point, axes)
    axes.legend(frameon=False, fontsize=8, loc="best")


def _at(points: Sequence[SweepPoint]) -> tuple[list[float], list[float]]:
    return [100 * p.risk for p in points], [usd_float(p.savings_pusd) for p in points]


def _label(point: SweepPoint, axes: Any) -> None:
    text = ", ".join(f"{_short(n)} {value_text(v)}" for n, v in point.settings.items())
    at = 100 * point.risk, usd_float(point.savings_pusd)
    axes.annotate(_plain(fit(text, 40)), at, xytext=(7, -3), textcoords="offset points", fontsize=7)


def _short(name: str) -> str:
    return name.rpartition(".")[2]


def _plain(text: str) -> str:
    """No mathtext: a `$` is a dollar sign."""
    return text.replace("\\", "/").replace("$", r"\$")
