"""How long answers are beside those of the unchanged call.

The unchanged call is the one that this endpoint answered, else, where it speaks for the logged model itself
and to the same prompt, the log's. The log's answer counts up to the limit of the request that is sent: an
answer cannot be longer, and would seem shortened by a layer that did nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from costopt.model.leaf import OUTPUT, Leaf
from costopt.replay.compare.known import Known
from costopt.replay.compare.measured import Row
from costopt.replay.compare.pairs import has_own_reference

MOST_CAPPED = 0.1
"""Share of answers cut by the replay's own cap above which lengths say nothing: all are the cap's."""


@dataclass(frozen=True, slots=True)
class Length:
    """Output tokens of one call before and behind a layer, both measured or recorded."""

    row: Row
    before: int
    after: int
    predicted_before: int
    """By the projection; beside `Item.predicted.output_tokens`."""


def lengths(rows: Sequence[Row], unchanged: Mapping[int, Row], known: Known) -> list[Length]:
    """Of the rows that have both. None of them where too many were cut by the replay itself."""
    counted = [r for r in rows if r.output_tokens is not None]
    if sum(r.cut_by_replay for r in counted) > MOST_CAPPED * len(counted):
        return []
    found = (_length(r, unchanged.get(r.item.row), known) for r in counted)
    return [length for length in found if length is not None]


def _length(row: Row, other: Row | None, known: Known) -> Length | None:
    after, logged = row.output_tokens, known.of(row.item.row)
    assert after is not None
    if logged is not None and not has_own_reference(row.item):
        recorded = sum(logged.leaves[OUTPUT])
        limit = row.item.request.limit_tokens
        before = recorded if limit is None else min(recorded, limit)
        return Length(row, before, after, before)
    if other is None or other.output_tokens is None:
        return None
    return Length(row, other.output_tokens, after, other.item.predicted.output_tokens)


def visible_before(row: Row, other: Row | None, known: Known) -> int | None:
    """Output of the unchanged call without its reasoning; None: not known."""
    logged = None if has_own_reference(row.item) else known.of(row.item.row)
    if logged is not None:
        return sum(logged.leaves[OUTPUT]) - logged.leaves[Leaf.OUTPUT_REASONING]
    return None if other is None else other.visible_tokens
