"""Keep a layer, drop it, or ask more: by how much its answers differ above the noise floor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from costopt.replay.compare.agreement.answers import in_words
from costopt.replay.compare.agreement.base import Pair
from costopt.replay.compare.agreement.table import Floor, Tested
from costopt.replay.compare.chosen import Chosen, How
from costopt.replay.compare.clusters import Share, answers_needed, changed_at_most, excess

KEEP, DROP, MORE, NOT_MEASURED = "keep", "drop", "more", "not_measured"
DROP_CONFIDENCE = 0.90
"""Of the two-sided interval whose lower end lies above 0: 95 % one-sided."""
MUCH_CHANCE = 0.5
"""Share of answers that differ when nothing is changed, from which on the test itself is worth a word."""


@dataclass(frozen=True, slots=True)
class Says:
    """keep, drop, more or not_measured, and why in one sentence."""

    says: str
    why: str
    more_needed: int | None = None


def says(chosen: Chosen[Pair], lines: Sequence[Tested], floor: Floor, tolerance: float) -> Says:
    """`lines`: the layer's tests, the headline first; at least one. `tolerance`: a share."""
    head = lines[0]
    if head.noise is None:
        needed = answers_needed(head.differ, None, tolerance)
        return _without_floor(chosen, head, tolerance, needed, "no noise floor was measured")
    low, _ = excess(head.differ, head.noise, DROP_CONFIDENCE)
    if low > 0:
        return _differs(chosen, head, floor)
    if not floor.is_fair:  # no excess over answers of another kind says nothing of these
        alone = answers_needed(head.differ, None, tolerance)
        return _without_floor(chosen, head, tolerance, alone, _unlike(floor))
    tail = _tail(chosen, floor)
    return _above(chosen, head, head.noise, tail, tolerance, judge_tells(lines))


def judge_tells(lines: Sequence[Tested]) -> str:
    """What a judge has found where the words differ by chance, or that one would tell more."""
    found = next((t.agreement for t in lines if t.agreement.test == "judge"), None)
    if found is None or not found.answers:
        return "a judge tells more"
    said = f"a judge finds {found.agree:,} of {found.answers:,} the same"
    if not found.noise_answers:
        return said
    return f"{said}, {found.noise_agree:,} of {found.noise_answers:,} when nothing is changed"


def _above(
    chosen: Chosen[Pair], head: Tested, noise: Share, tail: str, tolerance: float, judge: str
) -> Says:  # fmt: skip
    """Not significantly above the floor: kept where little enough can have changed."""
    _, high = excess(head.differ, noise)
    most = changed_at_most(head.differ, noise)
    found = f"{_counted(chosen, head)}; at most {100 * max(0.0, high):.1f} points above the noise floor{tail}"
    if noise.rate >= MUCH_CHANCE:
        found += (
            f"; {100 * noise.rate:.0f} % differ when nothing is changed, so that only the others can "
            f"show a change, of which up to {100 * most:.0f} % may have changed ({judge})"
        )
    if most <= tolerance:
        return Says(KEEP, f"{found}.")
    needed = answers_needed(head.differ, noise, tolerance)
    return Says(MORE, f"{found}{_needed(needed)}.", needed)


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
    if not floor.is_fair:
        return Says(MORE, f"{what}; but {_unlike(floor)}.")
    return Says(DROP, f"{what}.")


def _unlike(floor: Floor) -> str:
    return (
        f"{100 * floor.unmatched:.0f} % of them are of a kind of which nothing was sent unchanged"
    )


def _without_floor(
    chosen: Chosen[Pair], head: Tested, tolerance: float, needed: int | None, lacks: str
) -> Says:
    """What differs is at most the layer's doing: enough to keep it, never to drop it."""
    found, high = _counted(chosen, head), head.differ.interval()[1]
    if high <= tolerance:
        return Says(KEEP, f"{found}, at most {100 * high:.1f} % differ; {lacks}.")
    why = f"{found}; {lacks}, so what differs may be the endpoint's own"
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
