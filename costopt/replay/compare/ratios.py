"""Ratios as evidence: of a layer against the unchanged call, and of a model against the projection."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from costopt.replay.compare.known import Known
from costopt.replay.compare.lengths import lengths
from costopt.replay.compare.measured import Row
from costopt.replay.compare.quantities.base import median
from costopt.replay.compare.ratio import Ratio, Sizes, ratio_of
from costopt.replay.compare.totals import calibration
from costopt.replay.items import Arm

UNCHANGED = (Arm.BASELINE, Arm.NOISE)


def length_ratio(
    rows: Sequence[Row], unchanged: Mapping[int, Row], known: Known
) -> tuple[Ratio | None, int]:
    """(measured output over that of the unchanged call, calls that have both)."""
    found = lengths(rows, unchanged, known)
    clusters = [t.row.item.cluster for t in found]
    sizes = Sizes.of([t.before for t in found], [t.after for t in found], clusters)
    return ratio_of(sizes) if found else None, len(found)


def models_of(rows: Sequence[Row], known: Known) -> dict[str, Any]:
    """Model that the projection prices to what answered in its place, and by how much its counts differ.

    Ratios are of unchanged requests alone: what a layer cut is counted otherwise, and an answer to it may
    be shorter by the layer's own doing. Null: too few were sent.
    """
    out = {}
    for name in dict.fromkeys(r.item.logged_model for r in rows):
        mine = [r for r in rows if r.item.logged_model == name]
        same = [r for r in mine if r.item.arm in UNCHANGED]
        into = calibration(same, "input_tokens", known)
        written = calibration([r for r in same if not r.cut_by_replay], "output_tokens", known)
        served = [r.completion.answer.model or r.item.request.model for r in mine]
        out[name] = {
            "served": max(sorted(set(served)), key=served.count),
            "input_ratio": None if into is None else into.value,
            "input_ratio_ci95": None if into is None or into.ci95 is None else list(into.ci95),
            "output_ratio": None if written is None else written.value,
            "output_ratio_ci95": None if written is None or written.ci95 is None else list(written.ci95),
            "n": len(same), "answers": len(mine),
        }  # fmt: skip
    return out


def median_of(rows: Sequence[Row], value: Callable[[Row], float | None]) -> float | None:
    """Of the rows that have one."""
    return median([v for r in rows if (v := value(r)) is not None])
