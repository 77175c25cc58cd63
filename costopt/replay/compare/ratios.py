"""Length ratios as evidence: of a layer against the unchanged call, and of a model against the projection."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from costopt.model.leaf import OUTPUT
from costopt.replay.compare.known import Known
from costopt.replay.compare.measured import Row
from costopt.replay.compare.pairs import is_mapped
from costopt.replay.compare.quantities.base import median
from costopt.replay.compare.ratio import Ratio, Sizes, ratio_of
from costopt.replay.compare.totals import calibration
from costopt.replay.items import Arm

UNCHANGED = (Arm.BASELINE, Arm.NOISE)


def length_ratio(
    rows: Sequence[Row], unchanged: Mapping[int, Row], known: Known
) -> tuple[Ratio | None, int]:
    """(measured output over that of the unchanged call, calls that have both).

    The unchanged call is the one that this endpoint answered; where it speaks for the logged model itself,
    the log's.
    """
    found = [
        (before, after, r.item.cluster) for r in rows
        if (after := r.output_tokens) is not None
        and (before := output_before(r, unchanged, known)) is not None
    ]  # fmt: skip
    if not found:
        return None, 0
    sizes = Sizes.of([f[0] for f in found], [f[1] for f in found], [f[2] for f in found])
    return ratio_of(sizes), len(found)


def output_before(row: Row, unchanged: Mapping[int, Row], known: Known) -> int | None:
    """Output tokens of the unchanged call; None: not known."""
    logged = None if is_mapped(row.item) else known.of(row.item.row)
    if logged is not None:
        return sum(logged.leaves[OUTPUT])
    other = unchanged.get(row.item.row)
    return None if other is None else other.output_tokens


def models_of(rows: Sequence[Row], known: Known) -> dict[str, Any]:
    """Model that the projection prices to what answered in its place, and by how much its counts differ.

    Output is judged by unchanged requests where there are any: a policy's may be shorter by its own doing.
    """
    out = {}
    for name in dict.fromkeys(r.item.logged_model for r in rows):
        mine = [r for r in rows if r.item.logged_model == name]
        same = [r for r in mine if r.item.arm in UNCHANGED] or mine
        into = calibration(mine, "input_tokens", known)
        written = calibration(same, "output_tokens", known)
        served = [r.completion.answer.model or r.item.request.model for r in mine]
        out[name] = {
            "served": max(sorted(set(served)), key=served.count),
            "input_ratio": None if into is None else into.value,
            "output_ratio": None if written is None else written.value, "n": len(mine),
        }  # fmt: skip
    return out


def median_of(rows: Sequence[Row], value: Callable[[Row], float | None]) -> float | None:
    """Of the rows that have one."""
    return median([v for r in rows if (v := value(r)) is not None])
