"""One sentence on how much of a projection replays have measured, and one on its prompt-cache model."""

from __future__ import annotations

from collections.abc import Sequence

from costopt.engine.cache_error import CommonError
from costopt.engine.measured_words import replay_words
from costopt.engine.run import Step
from costopt.model.evidence import runs_of


def measured_notes(steps: Sequence[Step], error: CommonError) -> list[str]:
    """Of the layers, then of the cache model. Nothing measured: none."""
    out = layers_measured(steps)
    if error.replayed is not None:
        calls, gaps = error.replayed
        out.append(
            f"The prompt-cache model's error counts what replays measured of cached input: {calls:,} "
            f"calls by {gaps} times between requests."
        )
    return out


def layers_measured(steps: Sequence[Step]) -> list[str]:
    """`3 of 5 layers carry measurements of replay 12 (2026-11-25).`"""
    found = [step.report for step in steps if step.report.measured]
    if not found:
        return []
    told = [report.evidence["replay"] for report in found]
    runs = sorted({run for entry in told for run in runs_of(entry)})
    last = max(str(entry.get("at", "")) for entry in told)
    count = f"{len(found)} of {len(steps)} layer{'' if len(steps) == 1 else 's'}"
    carry = "carries" if len(found) == 1 else "carry"
    return [f"{count} {carry} measurements of {replay_words({'runs': runs, 'at': last})}."]
