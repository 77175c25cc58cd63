"""Sweeps beside one simulate: what a hundred thresholds and twenty windows cost."""

from __future__ import annotations

from typing import Any

from bench.backtest import child
from bench.table import Section

THRESHOLDS, WINDOWS = 100, 20
TIMES_COLD, TIMES_WARM = 3.0, 20.0


def sweeps(calls: int) -> Section:
    """A threshold sweep against a cold simulate, a window sweep against a warm one."""
    section = Section(
        f"sweeps-{calls}", f"Sweeps over {calls:,} calls",
        "A semantic cache with the built-in embedder over single questions, many asked again in other\n"
        "words: the cold simulate fits the cache model, embeds and builds the neighbour graph. The window\n"
        "runs over the generated agents; its warm simulate finds everything fitted.",
    )  # fmt: skip
    run, told = child("threshold", calls, THRESHOLDS)
    if run.failed:
        section.say(run.failed)
    else:
        section.say(
            f"One cold simulate: {told['one_s']:.2f} s; {THRESHOLDS} thresholds: {told['sweep_s']:.2f} s."
        )
        section.goal("thresholds against a cold simulate", TIMES_COLD, "x", *_times(told))
    run, told = child("window", calls, WINDOWS)
    if run.failed:
        section.say(run.failed)
    else:
        section.say(
            f"One warm simulate: {told['one_s']:.2f} s; {WINDOWS} windows: {told['sweep_s']:.2f} s."
        )
        section.goal("windows against a warm simulate", TIMES_WARM, "x", *_times(told))
    return section


def _times(told: dict[str, Any]) -> tuple[float, float]:
    """How many simulates the sweep takes, by the clock and by processor time."""
    return told["sweep_s"] / told["one_s"], told["sweep_s_cpu"] / told["one_s_cpu"]
