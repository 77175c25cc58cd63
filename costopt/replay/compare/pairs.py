"""Which answers stand beside which: policy against reference, cached against fresh, noise against itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from costopt.replay.compare.agreement.base import CACHED, Pair, Said
from costopt.replay.compare.known import Known, Reference
from costopt.replay.compare.measured import Measured, Row
from costopt.replay.items import Arm, Half, Item

CACHES = frozenset({"exact_cache", "semantic_cache"})
"""Layers whose answer is not written anew: the true one is asked for and held beside it."""
NO_LOG = "the log has no answer to compare with"
NO_REFERENCE = "the request that gives their reference was not answered"
NO_CACHED = "the cached answer is not known"
OTHER_HALF = "their reference is of the other half of the sample"
CAPPED = "the replay's own cap cut them, and the log's answer is whole"


@dataclass(frozen=True)
class Pairs:
    """Answers of the endpoint beside their references."""

    compared: list[Pair]
    """Of requests that a policy changed, and of cached answers."""
    noise: list[Pair]
    """Of unchanged requests: the floor."""
    missing: Mapping[str, int] = field(default_factory=dict)
    """Answers that stand beside nothing, by why."""

    def half(self, half: Half) -> Pairs:
        """Those of one half of the sample."""
        whole = (self.compared, self.noise)
        compared, noise = ([p for p in pairs if p.item.half == half] for pairs in whole)
        return Pairs(compared, noise, self.missing)


def pairs_of(measured: Measured, reference: Reference, known: Known) -> Pairs:
    """All pairs of answered requests, each of one half of the sample."""
    compared: list[Pair] = []
    noise: list[Pair] = []
    missing: Counter[str] = Counter()
    for row in measured.rows:
        item = row.item
        if item.arm == Arm.BASELINE:
            if cache_of(item):
                _add(compared, missing, _cached(row, measured, reference, known))
                # Where the log's answers are the reference, the true answer is an unchanged request, too.
                if not item.reference:
                    _add(noise, missing, _against(row, measured, reference))
        else:
            kept = noise if item.arm == Arm.NOISE else compared
            _add(kept, missing, _against(row, measured, reference))
    return Pairs(compared, noise, dict(sorted(missing.items())))


def is_mapped(item: Item) -> bool:
    """Another model answers than the one that the projection prices."""
    return item.request.model != item.logged_model


def has_own_reference(item: Item) -> bool:
    """The log's answer and its length are no measure for this one: another model answers, or to another
    prompt (the log hides a part). The unchanged request was sent as well."""
    return is_mapped(item) or bool(item.reference)


def bare(layer: str) -> str:
    """`window` of `window#2`."""
    return layer.partition("#")[0]


def cache_of(item: Item) -> str:
    """The cache whose answer is judged by this request; empty: none."""
    if item.arm != Arm.BASELINE:
        return ""
    named = (*item.layers, item.stratum)
    return next((name for name in named if bare(name) in CACHES), "")


def rows_by_call(rows: Sequence[Row]) -> dict[int, Row]:
    """Row of the trace to its unchanged request, the baseline's before the noise's."""
    found: dict[int, Row] = {}
    for arm in (Arm.NOISE, Arm.BASELINE):
        found.update({row.item.row: row for row in rows if row.item.arm == arm})
    return found


def _add(kept: list[Pair], missing: Counter[str], found: Pair | str | None) -> None:
    if isinstance(found, Pair):
        kept.append(found)
    elif found is not None:
        missing[found] += 1


def _against(row: Row, measured: Measured, reference: Reference) -> Pair | str:
    """The row's answer beside its reference, or why there is none."""
    item, answer = row.item, Said(row.completion.answer.blocks)
    if item.reference:
        other = _other(item, measured)
        return other if isinstance(other, str) else Pair(item, other, answer)
    logged = reference(item.row)
    if logged is None:
        return NO_LOG
    return CAPPED if row.cut_by_replay else Pair(item, Said(logged), answer)


def _cached(row: Row, measured: Measured, reference: Reference, known: Known) -> Pair | str:
    """What a cache would have answered, beside the true answer."""
    item, fresh = row.item, Said(row.completion.answer.blocks)
    if item.reference:  # the request whose answer the cache would hold was sent as well
        other = _other(item, measured)
        return other if isinstance(other, str) else Pair(item, fresh, other, CACHED)
    logged = None
    if item.served_from >= 0:
        logged = reference(item.served_from)
    elif known.cached is not None:
        logged = known.cached(item)
    if logged is None:
        return NO_CACHED
    return CAPPED if row.cut_by_replay else Pair(item, fresh, Said(logged), CACHED)


def _other(item: Item, measured: Measured) -> Said | str:
    """The answer of the item's reference. One of the other half would let evidence judge itself."""
    other = measured.by_id.get(item.reference)
    if other is None:
        return NO_REFERENCE
    return Said(other.completion.answer.blocks) if other.item.half == item.half else OTHER_HALF
