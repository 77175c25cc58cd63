"""Who saves what: each layer at its place, alone, the policy without it, and its Shapley share.

All are savings through billing: v(S) is the baseline less the bill under the layers of S in the policy's
order. Nothing here is a sum of solo savings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import hypot, sqrt

import numpy as np
from numpy.typing import NDArray

from costopt.engine.evaluate import Layers
from costopt.engine.merge import BrokenLayer
from costopt.engine.outcome import Executor, Outcome
from costopt.engine.settings import setting_names
from costopt.engine.shapley import (
    Design,
    Mask,
    design,
    members,
    numerators,
    order_errors,
    scaled,
    whole_shares,
)
from costopt.layers.base import Layer
from costopt.money import PicoUsd

LISTS_AT_ONCE = 32
"""Outcomes held at a time: each has two numbers a session."""


@dataclass(frozen=True)
class Shares:
    """Shapley shares. Lists have the layer as their axis."""

    pusd: list[PicoUsd]
    """They sum to the savings exactly; a layer that never acted has exactly 0."""
    se_pusd: list[float]
    """Standard error: of the orders and of the sessions that were not drawn; 0 where all were."""
    coalitions: int
    """How many were priced."""
    sampled: bool
    """True: on a sample of sessions, scaled to the whole's savings."""
    note: str
    """How they were made, in one sentence; empty: exactly."""


@dataclass(frozen=True)
class Attribution:
    """Savings in pico-dollars; lists have the layer as their axis. Negative: it costs more."""

    saved_pusd: PicoUsd
    step_pusd: list[PicoUsd]
    """At its place: sums to `saved_pusd` exactly."""
    solo_pusd: list[PicoUsd]
    """Of the layer alone."""
    without_pusd: list[PicoUsd]
    """Of all the others together."""
    shapley: Shares | None


@dataclass(frozen=True)
class Sample:
    """A part of the sessions to ask for coalitions, and what part it is, in words."""

    executor: Executor
    words: str


def attribute(
    executor: Executor, layers: Sequence[Layer], *, seed: int = 0, shapley: bool = True,
    sample: Sample | None = None,
) -> Attribution:  # fmt: skip
    """All four figures. `sample`: where Shapley's many coalitions are priced instead of on the whole."""
    chosen: Layers = tuple(layers)
    n, everything = len(chosen), (1 << len(chosen)) - 1
    before = [(1 << i) - 1 for i in range(n)]
    wanted = {0, everything, *before, *(1 << i for i in range(n))}
    wanted |= {everything & ~(1 << i) for i in range(n)}
    plan = design_of(chosen, seed) if shapley else None
    if plan is not None:
        wanted |= {plan.everybody} if sample else set(plan.weights)
    totals = _totals(executor, chosen, sorted(wanted, key=members))
    saved = {m: totals[0] - total for m, total in totals.items()}
    steps = [PicoUsd(saved[m | 1 << i] - saved[m]) for i, m in enumerate(before)]
    shares = None
    if plan is not None:
        _refuse_false_neutrals(saved[plan.everybody], saved[everything])
        on_sample = sample and _sampled(plan, chosen, sample, totals[0], steps)
        shares = on_sample or _shares(plan, saved)
    return Attribution(
        PicoUsd(saved[everything]), steps, [PicoUsd(saved[1 << i]) for i in range(n)],
        [PicoUsd(saved[everything & ~(1 << i)]) for i in range(n)], shares,
    )  # fmt: skip


def design_of(layers: Layers, seed: int) -> Design:
    """Over the layers that can act: one at its neutral settings is nobody's partner and gets 0."""
    live = [i for i, layer in enumerate(layers) if not is_neutral(layer)]
    inner, n = design(len(live), seed), len(layers)
    place = dict(enumerate(live))
    weights = {}
    for mask, row in inner.weights.items():
        wide = [0] * n
        for i, weight in enumerate(row):
            wide[place[i]] = weight
        weights[sum(1 << place[i] for i in members(mask))] = tuple(wide)
    orders = tuple(tuple(place[i] for i in order) for order in inner.orders)
    return Design(n, weights, inner.scale, orders)


def is_neutral(layer: Layer) -> bool:
    """By its own declaration it does nothing on any trace."""
    neutral = type(layer).NEUTRAL
    own = setting_names(layer)
    return bool(neutral) and all(k in own and getattr(layer, k) == v for k, v in neutral.items())


def _refuse_false_neutrals(without: int, saved: int) -> None:
    if without != saved:
        raise BrokenLayer("a layer at the settings that it declares neutral changes the bill")


def _asked(
    executor: Executor, layers: Layers, masks: Sequence[Mask]
) -> Iterator[tuple[Mask, Outcome]]:
    """Coalitions and what they come to, a handful held at a time."""
    for start in range(0, len(masks), LISTS_AT_ONCE):
        part = masks[start : start + LISTS_AT_ONCE]
        lists = [tuple(layers[i] for i in members(m)) for m in part]
        yield from zip(part, executor.outcomes(lists), strict=True)


def _totals(executor: Executor, layers: Layers, masks: Sequence[Mask]) -> dict[Mask, int]:
    """What remains to be paid under each coalition, pico-dollars."""
    return {m: int(found.total_pusd) for m, found in _asked(executor, layers, masks)}


def _shares(plan: Design, saved: dict[Mask, int]) -> Shares:
    """Of the whole trace."""
    parts = [Fraction(part, plan.scale) for part in numerators(plan, saved)]
    pusd = whole_shares(parts, saved[plan.everybody])
    note = ""
    if plan.orders:
        note = f"Shapley shares from {len(plan.orders)} antithetic orders of the layers."
    return Shares(pusd, order_errors(plan, saved), len(plan.weights), False, note)


def _sampled(
    plan: Design, layers: Layers, sample: Sample, whole_pusd: int, steps: list[PicoUsd]
) -> Shares:
    """Of a sample, scaled by the two baselines and then to the exact savings."""
    (base,) = sample.executor.outcomes([()])
    by_session = np.zeros((plan.n, len(base.session_pusd)))
    saved: dict[Mask, int] = {}
    for mask, found in _asked(sample.executor, layers, plan.masks):
        saved[mask] = base.total_pusd - found.total_pusd
        weight = np.array([c / plan.scale for c in plan.weights[mask]])
        by_session += weight[:, None] * (base.session_pusd - found.session_pusd)
    ratio = Fraction(whole_pusd, base.total_pusd) if base.total_pusd > 0 else Fraction(1)
    shares = scaled(
        numerators(plan, saved), ratio / plan.scale, sum(steps), [int(s) for s in steps]
    )
    by_order = order_errors(plan, saved)
    by_draw = _session_errors(by_session, base.session_pusd.astype(np.float64))
    errors = [float(ratio) * hypot(a, b) for a, b in zip(by_order, by_draw, strict=True)]
    note = f"Shapley shares on {sample.words}, scaled to the exact savings."
    return Shares(whole_shares(shares, sum(steps)), errors, len(plan.weights), True, note)


def _session_errors(
    by_session: NDArray[np.float64], base: NDArray[np.float64]
) -> list[float]:  # [layer]
    """Standard error of each layer's sum over the drawn sessions, as a ratio to their baseline."""
    drawn, total = len(base), base.sum()
    if drawn < 2 or total <= 0:
        return [0.0] * len(by_session)
    off = by_session - (by_session.sum(axis=1) / total)[:, None] * base
    return [sqrt(drawn) * float(row.std(ddof=1)) for row in off]
