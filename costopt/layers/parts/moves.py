"""Calls moved to another model: new names and new token counts, or why a call stays where it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from costopt.billing.charges import as_of_us
from costopt.layers.parts.moved_tokens import Expected, expected, moved_leaves
from costopt.layers.parts.retokenise import equal_ratios, ratios, same_family
from costopt.layers.parts.tiers import TIERS, Bar, Target
from costopt.model.leaf import INPUT, OUTPUT, Leaf
from costopt.model.trace import Categorical
from costopt.model.view import Column, View
from costopt.prices.contract import NO_RATE, PriceBook, Unpriced
from costopt.prices.windows import context_window

if TYPE_CHECKING:
    from costopt.layers.routers.base import Asked

Int = NDArray[np.int64]
Mask = NDArray[np.bool_]
MODAL = (
    Leaf.INPUT_AUDIO, Leaf.INPUT_IMAGE, Leaf.CACHE_READ_AUDIO, Leaf.OUTPUT_AUDIO, Leaf.OUTPUT_IMAGE,
)  # fmt: skip
"""Tokens that are no text: sounds and pictures."""


@dataclass
class Moves:
    """A view being moved. Arrays are [call]."""

    view: View
    bar: NDArray[np.int8]
    moved: Mask
    provider: NDArray[np.int32]
    model: NDArray[np.int32]
    leaves: Int  # [call, leaf]: of calls that a router picks: as the target would count them
    without_text: Mask
    providers: list[str]
    models: list[str]
    sold_as: dict[int, tuple[str, str]] = field(default_factory=dict)
    """Code of a move, by call in `move`, to its (provider, model)."""
    move: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    told: list[dict[str, Any]] = field(default_factory=list)
    """By move code: from, to, what its token counts rest on."""

    @classmethod
    def of(cls, view: View) -> Moves:
        n = view.trace.n
        return cls(
            view, np.zeros(n, np.int8), np.zeros(n, np.bool_), view.provider.codes.copy(),
            view.model.codes.copy(), view.leaves.copy(), np.zeros(n, np.bool_),
            list(view.provider.values), list(view.model.values), {}, np.full(n, -1, np.int32),
        )  # fmt: skip

    def columns(self) -> dict[Column, Any]:
        """The edit; empty where nothing moved."""
        if not self.moved.any():
            return {}
        leaves = np.where(self.moved[:, None], self.leaves, self.view.leaves)
        out: dict[Column, Any] = {Column.MODEL: Categorical(self.model, tuple(self.models))}
        if not np.array_equal(leaves, self.view.leaves):
            out[Column.LEAVES] = leaves
        if (self.provider != self.view.provider.codes).any():
            out[Column.PROVIDER] = Categorical(self.provider, tuple(self.providers))
        return out

    def written(self, rows: Int, code: int) -> None:
        """These calls go there."""
        provider, model = self.sold_as[code]
        self.moved[rows] = True
        self.provider[rows] = _code(self.providers, provider)
        self.model[rows] = _code(self.models, model)


def _code(values: list[str], text: str) -> int:
    if text not in values:
        values.append(text)
    return values.index(text)


def moves_of(asked: Asked, tier: NDArray[np.int8]) -> Moves:
    """All calls that may move, with their counts under the target; the others with their bar.

    Nothing is moved yet: a cascade asks first.
    """
    moves = Moves.of(asked.view)
    pair = asked.targets.pair
    for number in range(len(TIERS)):
        bars = asked.targets.bars(number, asked.prices)
        chosen = asked.rows & (tier == number)
        for p in np.unique(pair[chosen]).tolist():
            rows = np.flatnonzero(chosen & (pair == p))
            target = asked.targets.by_tier[number]
            if bars[p] is not Bar.NONE or target is None:
                moves.bar[rows] = bars[p]
            else:
                _prepare(moves, asked, target, p, rows)
    return moves


def _prepare(moves: Moves, asked: Asked, target: Target, pair: int, rows: Int) -> None:
    sold = asked.targets.seller(target, pair, asked.prices)
    own = asked.targets.names[pair][1]
    known: Expected = expected(asked, target, pair)
    if known.reasoning is None:
        moves.bar[rows] = Bar.REASONING
        return
    counter = asked.artifacts.tokens(asked.view)
    makers = ((asked.targets.known[pair] or ("", ""))[0], target.canonical[0])
    alike = own == sold[1] or same_family(own, sold[1], makers, counter)
    scale = equal_ratios(rows) if alike else ratios(asked.view, rows, sold[1], counter)
    leaves = moved_leaves(asked.view.leaves[rows], scale, known)
    moves.without_text[rows] = scale.without_text
    bar = _bars(asked.view, asked.prices, sold, rows, leaves)
    moves.bar[rows] = bar
    free = rows[bar == Bar.NONE]
    moves.leaves[free] = leaves[bar == Bar.NONE]
    code = len(moves.told)
    moves.sold_as[code], moves.move[free] = sold, code
    moves.told.append({"from": own, "to": sold[1], "tier": TIERS[target.tier], **known.told()})


def _bars(view: View, prices: PriceBook, sold: tuple[str, str], rows: Int, leaves: Int) -> Int:
    """[row]: NO_PRICE or TOO_LONG where the target cannot take the call."""
    out = np.full(len(rows), Bar.NONE, np.int64)
    window = context_window(*sold)
    if window is not None:
        total = leaves[:, INPUT].sum(axis=1) + leaves[:, OUTPUT].sum(axis=1)
        out[total > window] = Bar.TOO_LONG
    speed = view.trace.dims["speed"]
    columns = (view.service_tier, view.region, speed)
    codes = np.stack([c.codes[rows] for c in columns], axis=1)
    distinct, which = np.unique(codes, axis=0, return_inverse=True)
    searches = view.trace.web_searches[rows] > 0
    for i, row in enumerate(distinct.tolist()):
        mine = which.reshape(-1) == i
        tier, region, fast = (c.values[k] for c, k in zip(columns, row, strict=True))
        rates = prices.rates(*sold, tier=tier or "default", region=region, speed=fast)
        if isinstance(rates, Unpriced) or rates.subscription:  # a seat is no price of a call
            out[mine] = Bar.NO_PRICE
            continue
        period = rates.at(as_of_us(prices))
        row_rates = period.tiers[0].rates
        needed = (Leaf.INPUT_FRESH, Leaf.OUTPUT_TEXT, Leaf.OUTPUT_REASONING, *MODAL)
        lacks = [leaf for leaf in needed if row_rates[leaf] == NO_RATE]
        gap = (leaves[:, lacks] > 0).any(axis=1) if lacks else np.zeros(len(rows), np.bool_)
        gap |= searches & (period.web_search_pusd == NO_RATE)
        out[mine & gap] = Bar.NO_PRICE
    return out


def by_move(moves: Moves) -> list[dict[str, Any]]:
    """Each move with its calls and what its counts rest on, most calls first."""
    counts = np.bincount(moves.move[moves.moved], minlength=len(moves.told)).tolist()
    rows: list[dict[str, Any]] = [
        {**told, "calls": n} for told, n in zip(moves.told, counts, strict=True) if n
    ]
    return sorted(rows, key=lambda row: (-int(row["calls"]), str(row["from"]), str(row["to"])))


def measured_loss(
    moves: list[dict[str, Any]], measured: Mapping[str, Any]
) -> tuple[float, tuple[float, float], int] | None:
    """(loss, interval, judged calls) by replay, over all moves by their calls; None: one is not measured."""
    found = [measured.get("moves", {}).get(f"{m['from']} -> {m['to']}", {}) for m in moves]
    if not moves or any("quality_loss" not in f or "quality_ci95" not in f for f in found):
        return None
    weight = np.array([m["calls"] for m in moves], np.float64)
    weight /= weight.sum()
    loss = float(weight @ np.array([f["quality_loss"] for f in found]))
    ends = weight @ np.array([f["quality_ci95"] for f in found])
    return loss, (float(ends[0]), float(ends[1])), sum(int(f.get("judged", 0)) for f in found)
