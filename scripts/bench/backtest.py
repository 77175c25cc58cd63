"""The backtest over generated calls: waterfall, solo, without; Shapley apart; in parts and on clusters."""

from __future__ import annotations

import json
import sys
from typing import Any

from bench.table import Section, cores
from bench.timing import SCRIPTS, Timed, timed

SIMULATE_S, SHAPLEY_S, PEAK_MB = 60.0, 300.0, 8000.0


def last_json(out: str) -> dict[str, Any]:
    """The object on the last line that is one."""
    told: dict[str, Any] = json.loads([line for line in out.splitlines() if line[:1] == "{"][-1])
    return told


def child(what: str, calls: int, more: int = 0) -> tuple[Timed, dict[str, Any]]:
    """A run of `backtest_child`, and what it told; nothing if it failed."""
    command = [sys.executable, "-m", "bench.backtest_child", what, str(calls), str(more)]
    run = timed(command, SCRIPTS)
    return run, {} if run.failed else last_json(run.out)


def simulate(calls: int) -> Section:
    """All layers that need no model, in this process and over all cores."""
    section = Section(
        f"backtest-{calls}", f"Backtest of {calls:,} calls",
        "Waterfall, each layer alone and the policy without it, over a generated trace without text; then\n"
        "all of `costopt simulate` with intervals and Shapley shares (above 100,000 calls on a sample of\n"
        "sessions). Wall, processor time and peak are of everything, the making of the trace included.",
    )  # fmt: skip
    for workers in dict.fromkeys((1, cores())):
        run, told = child("simulate", calls, workers)
        where = "one process" if workers == 1 else f"{workers} processes"
        section.add(f"simulate, {where}", run, calls, "calls")
        if told:
            _judge(section, where, run, told)
    run, told = child("shapley", calls, cores())
    section.add("with intervals and Shapley", run, calls, "calls")
    if told:
        section.goal("the same with intervals and Shapley", SHAPLEY_S, "s", told["simulate_s"])
    return section


def _judge(section: Section, where: str, run: Timed, told: dict[str, Any]) -> None:
    if where == "one process":
        section.say(f"Layers: {', '.join(told['layers'])}.")
        section.say(
            f"{told['calls']:,} calls with {told['uses']:,} blocks; fitting the cache model (once a log) "
            f"took {told['artifacts_s']:.1f} s."
        )
    section.goal(f"after artifacts, {where}", SIMULATE_S, "s", told["simulate_s"])
    section.goal(f"peak memory, {where}", PEAK_MB, "MB", run.peak_mb)


def layers(calls: int) -> Section:
    """What each layer takes alone."""
    section = Section(
        f"layers-{calls}", f"Each layer alone over {calls:,} calls",
        "Seconds to propose the edits and merge them, and to bill the view that follows.",
    )  # fmt: skip
    run, told = child("layers", calls)
    if run.failed:
        section.say(run.failed)
    for name in (n.removeprefix("apply ") for n in told if n.startswith("apply ")):
        section.say(
            f"{name}: {told[f'apply {name}']:.2f} s, billed in {told[f'bill {name}']:.2f} s."
        )
    return section
