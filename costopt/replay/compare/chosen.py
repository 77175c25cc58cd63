"""Which requests speak for a layer: those where nothing else puts the answer at risk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from costopt.replay.compare.agreement.base import CACHED, Pair
from costopt.replay.compare.measured import Row
from costopt.replay.compare.pairs import CACHES, bare, cache_of
from costopt.replay.items import Arm, Item

DRAWN = frozenset({"prompt_layout", "output", "batch"})
"""Layers that are measured along whole sessions, or over all calls that they touch: those whose answer they
put at risk are a few of them, and not like the rest."""
T = TypeVar("T", Row, Pair, Item)


class How(StrEnum):
    """How well a layer's requests tell of it alone."""

    ALONE = "alone"
    """No other layer puts these answers at risk (or a request under this layer alone was sent)."""
    MIXED = "mixed"
    """Others do as well: what is found may be theirs."""
    NONE = "none"


@dataclass(frozen=True)
class Chosen(Generic[T]):
    """The requests of a layer."""

    found: list[T]
    how: How
    others: tuple[str, ...] = ()
    """Of mixed ones: the layers that share them, by name."""


def pairs_for(layer: str, pairs: Sequence[Pair]) -> Chosen[Pair]:
    """The answers that tell of a layer."""
    if bare(layer) in CACHES:
        found = [p for p in pairs if p.role == CACHED and cache_of(p.item) == layer]
        return Chosen(found, How.ALONE if found else How.NONE)
    return _chosen(layer, [p for p in pairs if p.role == ""], _item_of_pair)


def rows_for(layer: str, rows: Sequence[Row]) -> Chosen[Row]:
    """The requests that tell of what a layer does to tokens and times: as for its answers, but of a layer
    in `DRAWN`, and of one that puts no answer at risk, all that were drawn for it."""
    if bare(layer) in CACHES:
        mine = [r for r in rows if cache_of(r.item) == layer]
        return Chosen(mine, How.ALONE if mine else How.NONE)
    drawn = [r for r in rows if r.item.arm == Arm.POLICY and r.item.stratum == layer]
    found = _chosen(layer, rows, _item_of_row)
    if not drawn or (found.found and bare(layer) not in DRAWN):
        return found
    others = dict.fromkeys(n for r in drawn for n in r.item.layers if n != layer)
    return Chosen(drawn, How.MIXED if others else How.ALONE, tuple(others))


def _chosen(layer: str, every: Sequence[T], item_of: Callable[[T], Item]) -> Chosen[T]:
    """Calls under the policy where it is alone, then calls under it alone; one request a call."""
    alone: dict[int, T] = {}
    for arm in (Arm.LAYER, Arm.POLICY):
        alone.update({
            item_of(e).row: e for e in every
            if item_of(e).arm == arm and item_of(e).layers == (layer,)
        })  # fmt: skip
    if alone:
        return Chosen(list(alone.values()), How.ALONE)
    mixed = [e for e in every if item_of(e).arm == Arm.POLICY and layer in item_of(e).layers]
    others = dict.fromkeys(n for e in mixed for n in item_of(e).layers if n != layer)
    return Chosen(mixed, How.MIXED if mixed else How.NONE, tuple(others))


def _item_of_pair(pair: Pair) -> Item:
    return pair.item


def _item_of_row(row: Row) -> Item:
    return row.item
