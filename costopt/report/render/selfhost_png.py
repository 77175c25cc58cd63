"""API bill and rent over more traffic as a picture: where they cross, and the teeth of one more replica."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from costopt.model.escape import fit
from costopt.report.render.format import axis_texts, ticks
from costopt.report.render.png import COLORS, DPI
from costopt.report.render.projection_png import plain
from costopt.report.selfhost import Fleet, Point, SelfHosting
from costopt.report.selfhost_words import money, span, times, tokens

API, RENT = COLORS[0], COLORS[5]
SOFT = "#6b6b76"
LEAST_POINTS = 2


def selfhost_png(found: SelfHosting, path: Path) -> bool:
    """Write the picture; the same result gives the same bytes. False: there is nothing to draw."""
    best = found.best
    points = [p for p in found.crossing if p.rent is not None]
    if best is None or len(points) < LEAST_POINTS:
        return False
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.4, 4.6), dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    _curves(found, best, points, axes)
    _marks(found, best, points, axes)
    _axes(points, axes)
    title = f"{fit(found.model, 40)} on {best.gpu}: rent of the smallest fleet against the API bill"
    axes.set_title(plain(title), loc="left", fontsize=11)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Without metadata the same result gives the same bytes.
    figure.savefig(path, format="png", metadata={"Software": None})
    return True


def _curves(found: SelfHosting, best: Fleet, points: list[Point], axes: Any) -> None:
    """The bill as a line, the rent as steps with its band."""
    at = [0.0, *(p.multiple for p in found.crossing)]
    bill = [0.0, *(p.api_usd_per_day for p in found.crossing)]
    layers = " after the other layers" if found.bill.layers else ""
    axes.plot(at, bill, color=API, linewidth=2.2, label=f"API bill{layers}")
    x = [0.0, *(p.multiple for p in points)]
    rents = [p.rent for p in points if p.rent is not None]
    first = rents[0]
    low, middle, high = (
        [getattr(first, name), *(getattr(r, name) for r in rents)]
        for name in ("low", "typical", "high")
    )
    axes.step(
        x, middle, where="pre", color=RENT, linewidth=2.0, linestyle="--",
        label="rent, middle provider",
    )  # fmt: skip
    if low != high:
        axes.fill_between(
            x, low, high, step="pre", color=RENT, alpha=0.16, linewidth=0, hatch="...",
            label=plain(f"rent, cheapest to dearest ({span(best.usd_per_day)} a day now)"),
        )  # fmt: skip


def _marks(found: SelfHosting, best: Fleet, points: list[Point], axes: Any) -> None:
    """Today, and where it begins to pay."""
    today = found.bill.moved_usd_per_day
    axes.plot([1.0], [today], marker="o", color="black", markersize=6, linestyle="", zorder=5)
    even = best.break_even["typical"]
    near = abs((even.multiple or 0.0) - 1.0) < 0.2 * max(p.multiple for p in points)
    beside = (9, -4) if _steep(points) else (8, 10)
    axes.annotate(
        plain(f"today: API {money(today)}"), (1.0, today), xytext=(-10, 8) if near else beside,
        textcoords="offset points", fontsize=8, ha="right" if near else "left",
    )  # fmt: skip
    if even.multiple is None or even.usd_per_day is None:
        axes.text(
            0.02,
            0.72,
            plain(fit(f"never: {even.reason}", 90)),
            transform=axes.transAxes,
            fontsize=8,
        )
        return
    axes.axvline(even.multiple, color=SOFT, linewidth=0.9, linestyle=":")
    axes.plot(
        [even.multiple], [even.usd_per_day], marker="D", color="white", markeredgecolor="black",
        markersize=7, linestyle="", zorder=5,
    )  # fmt: skip
    axes.annotate(
        "\n".join([
            plain(f"pays from {times(even.multiple)} today's:"),
            plain(f"{tokens(even.tokens_per_day or 0)} tokens a day, {money(even.usd_per_day)}"),
        ]),
        (even.multiple, even.usd_per_day), xytext=(10, -30), textcoords="offset points", fontsize=8,
    )  # fmt: skip


def _steep(points: list[Point]) -> bool:
    """The bill's line rises so fast that a label beside it belongs below it."""
    top = max(max(p.api_usd_per_day, p.rent.high if p.rent else 0.0) for p in points)
    return max(p.api_usd_per_day for p in points) > 0.3 * top


def _axes(points: list[Point], axes: Any) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e3e3e8", linewidth=0.8)
    axes.set_axisbelow(True)
    top = max(max(p.api_usd_per_day, p.rent.high if p.rent else 0.0) for p in points)
    marks = ticks(top)
    axes.set_yticks(marks, [plain(t) for t in axis_texts(marks, "usd")], fontsize=8)
    axes.set_ylim(0, marks[-1])
    axes.set_xlim(0, max(p.multiple for p in points))
    axes.tick_params(labelsize=8)
    axes.set_xlabel("multiple of today's traffic, peaks kept", fontsize=9)
    axes.set_ylabel(plain("$ a day"), fontsize=9)
    axes.legend(frameon=False, fontsize=8, loc="upper left")
