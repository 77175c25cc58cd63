"""Which answers stand beside which: policy against reference, cached against fresh, noise against itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from costopt.replay.compare.agreement.base import Pair, Said
from costopt.replay.compare.known import Known, Reference
from costopt.replay.compare.measured import Measured, Row
from costopt.replay.items import Arm, Half, Item

CACHES = frozenset({"exact_cache", "semantic_cache"})
"""Layers whose answer is not written anew: the true one is asked for and held beside it."""
NO_LOG = "the log has no answer to compare with"
NO_REFERENCE = "the unchanged request has no answer to compare with"
NO_CACHED = "the cached answer is not known"


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
        """Those of one half of the sample, their references too."""
        whole = (self.compared, self.noise)
        compared, noise = ([p for p in pairs if _within(p, half)] for pairs in whole)
        return Pairs(compared, noise, self.missing)


def pairs_of(measured: Measured, reference: Reference, known: Known) -> Pairs:
    """All pairs of answered requests."""
    compared: list[Pair] = []
    noise: list[Pair] = []
    missing: Counter[str] = Counter()
    for row in measured.rows:
        if row.item.arm == Arm.BASELINE:
            _add(compared, missing, _cached(row, measured, known))
            if not is_mapped(row.item):
                _add(noise, missing, _against(row, measured, reference))
        else:
            kept = noise if row.item.arm == Arm.NOISE else compared
            _add(kept, missing, _against(row, measured, reference))
    return Pairs(compared, noise, dict(sorted(missing.items())))


def is_mapped(item: Item) -> bool:
    """Another model answers than the one that the projection prices."""
    return item.request.model != item.logged_model


def cache_of(item: Item) -> str:
    """The cache whose answer is judged by this request; empty: none."""
    if item.stratum in CACHES:
        return item.stratum
    return next((name for name in item.layers if name in CACHES), "")


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
    item, answer = row.item, row.completion.answer
    if item.reference:
        other = measured.by_id.get(item.reference)
        if other is None:
            return NO_REFERENCE
        said = Said(other.completion.answer.blocks)
        return Pair(item, said, Said(answer.blocks), other.item.half)
    logged = reference(item.row)
    return NO_LOG if logged is None else Pair(item, Said(logged), Said(answer.blocks))


def _cached(row: Row, measured: Measured, known: Known) -> Pair | str | None:
    """What a cache would have answered, beside the true answer; None: no cache answers this call."""
    item = row.item
    if not cache_of(item):
        return None
    said, half = None, None
    if item.reference:  # the request whose answer the cache would hold was sent as well
        other = measured.by_id.get(item.reference)
        if other is not None:
            said, half = other.completion.answer.blocks, other.item.half
    elif known.cached is not None and not is_mapped(item):
        said = known.cached(item)
    fresh = Said(row.completion.answer.blocks)
    return NO_CACHED if said is None else Pair(item, fresh, Said(said), half, "cached")


def _within(pair: Pair, half: Half) -> bool:
    return pair.item.half == half and pair.reference_half in (None, half)
