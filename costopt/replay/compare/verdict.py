"""Keep a layer, drop it, or ask more: by how much its answers differ above the noise floor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from costopt.replay.compare.agreement.answers import in_words
from costopt.replay.compare.agreement.base import Pair
from costopt.replay.compare.agreement.table import Floor, Tested
from costopt.replay.compare.chosen import Chosen, How
from costopt.replay.compare.clusters import answers_needed, excess

KEEP, DROP, MORE, NOT_MEASURED = "keep", "drop", "more", "not_measured"
MOST_UNMATCHED = 0.2
"""Share of pairs without a floor of their kind above which a difference is not held against the layer."""
DROP_CONFIDENCE = 0.90
"""Of the two-sided interval whose lower end lies above 0: 95 % one-sided."""


@dataclass(frozen=True, slots=True)
class Says:
    """keep, drop, more or not_measured, and why in one sentence."""

    says: str
    why: str
    more_needed: int | None = None


def says(chosen: Chosen[Pair], lines: Sequence[Tested], floor: Floor, tolerance: float) -> Says:
    """`lines`: the layer's tests, the headline first; at least one. `tolerance`: a share."""
    head = lines[0]
    needed = answers_needed(head.differ, head.noise, tolerance)
    if head.noise is None:
        return _without_floor(chosen, head, tolerance, needed)
    low, _ = excess(head.differ, head.noise, DROP_CONFIDENCE)
    _, high = excess(head.differ, head.noise)
    if low > 0:
        return _differs(chosen, head, floor)
    found, tail = _counted(chosen, head), _tail(chosen, floor)
    if high <= tolerance:
        return Says(KEEP, f"{found}; at most {100 * high:.1f} points above the noise floor{tail}.")
    more = f"that leaves up to {100 * high:.1f} points above the noise floor{tail}"
    return Says(MORE, f"{found}; {more}{_needed(needed)}.", needed)


def _differs(chosen: Chosen[Pair], head: Tested, floor: Floor) -> Says:
    """Significantly above the floor: dropped, unless the difference may be another's."""
    assert head.agreement.excess_pp is not None and head.agreement.excess_ci95_pp is not None
    low, high = head.agreement.excess_ci95_pp
    what = (
        f"{_counted(chosen, head)}: {head.agreement.excess_pp:.1f} points more differ than when nothing "
        f"is changed (95 % interval {low:.1f} to {high:.1f}{_tail(chosen, floor)})"
    )
    if chosen.how == How.MIXED:
        alone = "a request under this layer alone would tell whose it is"
        return Says(MORE, f"{what}; {alone}.")
    if floor.unmatched > MOST_UNMATCHED:
        lacks = f"{100 * floor.unmatched:.0f} % of them are of a kind of which nothing was sent unchanged"
        return Says(MORE, f"{what}; but {lacks}.")
    return Says(DROP, f"{what}.")


def _without_floor(
    chosen: Chosen[Pair], head: Tested, tolerance: float, needed: int | None
) -> Says:
    """What differs is at most the layer's doing: enough to keep it, never to drop it."""
    found, high = _counted(chosen, head), head.differ.interval()[1]
    if high <= tolerance:
        return Says(
            KEEP, f"{found}, at most {100 * high:.1f} % differ; no noise floor was measured."
        )
    why = f"{found}; no noise floor was measured, so what differs may be the endpoint's own"
    return Says(MORE, f"{why}{_needed(needed)}.", needed)


def _counted(chosen: Chosen[Pair], head: Tested) -> str:
    a = head.agreement
    return f"{a.agree:,} of {a.answers:,} answers agree ({in_words(chosen.found)})"


def _tail(chosen: Chosen[Pair], floor: Floor) -> str:
    parts = []
    if not floor.own:
        parts.append("measured on other calls")
    if chosen.how == How.MIXED:
        parts.append(f"together with {', '.join(chosen.others)}")
    return f", {', '.join(parts)}" if parts else ""


def _needed(more: int | None) -> str:
    return f"; about {more:,} more answers would settle it" if more else ""
