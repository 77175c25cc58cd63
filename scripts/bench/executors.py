"""The executors beside each other: the same bytes, and what starting them costs."""

from __future__ import annotations

from bench.backtest import child
from bench.policies import IN_PARTS
from bench.table import Section, cores


def executors(calls: int) -> Section:
    """Layers that allow parts, in this process, in local processes and on a dask cluster of our own."""
    section = Section(
        f"executors-{calls}", f"Executors over {calls:,} calls",
        f"{', '.join(IN_PARTS)}: the waterfall and each alone. Starting holds the\n"
        "writing of the parts as Parquet; the first question, a worker's reading of its part and its\n"
        "model of it.",
    )  # fmt: skip
    run, told = child("executors", calls, max(2, cores()))
    if run.failed:
        section.say(run.failed)
        return section
    section.say(f"In this process: {told['local_s']:.2f} s; {told['parts']} parts for the others.")
    for name in ("processes", "dask"):
        equal = "the same bytes" if told[f"{name}_equal"] else "OTHER BYTES"
        section.say(
            f"{name}: {told[f'{name}_start_s']:.2f} s to start, {told[f'{name}_first_s']:.2f} s for the "
            f"first question, {told[f'{name}_s']:.2f} s for all; {equal}."
        )
    return section
