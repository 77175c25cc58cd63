"""A calibration as JSON and as lines for people."""

from __future__ import annotations

from typing import Any

from costopt.wiring.selfhosting.about import lines
from costopt.wiring.selfhosting.calibrating import Done
from costopt.wiring.selfhosting.counters import acceptance, said

SCHEMA = "costopt.selfhost_calibrate/1"
_UNTOLD = (
    "Not told by counters: the step model's constants. Without --read-only a small load fits them."
)


def body(done: Done) -> dict[str, Any]:
    """The result of the command."""
    found: dict[str, Any] = {"schema": SCHEMA, **done.about, "metrics": dict(done.metrics)}
    found["notes"] = list(done.notes)
    found["profile"] = None if done.path is None else str(done.path)
    if (rate := acceptance(done.metrics)) is not None:
        found["metrics"]["conditional_acceptance"] = rate
    return found


def shown(done: Done) -> list[str]:
    """The screen."""
    if done.fitted is None:
        server = done.metrics.get("server", "")
        return [
            f"What {server} has counted since it started", "",
            *(f"  {line}" for line in said(done.metrics)), "", _UNTOLD,
        ]  # fmt: skip
    notes = [*done.notes, *done.about.get("notes", ())]
    return [*lines(done.fitted, done.metrics), *(["", *notes] if notes else [])]
