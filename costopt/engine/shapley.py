"""Shapley shares: what each layer adds, averaged over the orders in which they could have joined.

Layers act on each other, so a saving has no single owner; this is the one division that treats equals
alike, gives nothing to who does nothing, adds up, and sums to the whole (L. S. Shapley, A Value for
n-Person Games, 1952). A coalition always runs in the policy's order; what varies is who is in it.

A share is sum over coalitions c(S) v(S) / scale with integer c and scale, so nothing is rounded before
the end. Exact: c(S) = (|S|-1)! (n-|S|)! for layers inside, -|S|! (n-|S|-1)! for those outside, scale = n!.
Sampled: c counts how often S stands at that place in the permutations drawn, scale = their number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import factorial, sqrt

import numpy as np

from costopt.money import PicoUsd

EXACT_LAYERS = 8
"""Up to here all 2^n coalitions are priced."""
PERMUTATIONS = 200
"""Above: half of them drawn, half their reverses (antithetic), which cancels the luck of the order."""

Mask = int
"""A coalition: bit i is set where layer i is in it."""


@dataclass(frozen=True)
class Design:
    """Which coalitions are asked, and how their values make up the shares of `n` layers."""

    n: int
    weights: Mapping[Mask, tuple[int, ...]]
    """Coalition to c(S) of every layer."""
    scale: int
    orders: tuple[tuple[int, ...], ...] = ()
    """The permutations drawn, each followed by its reverse; empty: exact."""

    @property
    def everybody(self) -> Mask:
        """The largest coalition."""
        return max(self.weights, key=int.bit_count)

    @property
    def masks(self) -> list[Mask]:
        """Coalitions so that neighbours share beginnings: by their layers, as words in a dictionary."""
        return sorted(self.weights, key=members)


def members(mask: Mask) -> tuple[int, ...]:
    """The layers of a coalition, in the policy's order."""
    return tuple(i for i in range(mask.bit_length()) if mask >> i & 1)


def design(n: int, seed: int) -> Design:
    """Exact up to EXACT_LAYERS layers, else permutations drawn from the seed."""
    return exact_design(n) if n <= EXACT_LAYERS else sampled_design(n, PERMUTATIONS, seed)


def exact_design(n: int) -> Design:
    """All coalitions by their weights."""
    inside = [factorial(k - 1) * factorial(n - k) if k else 0 for k in range(n + 1)]
    outside = [-factorial(k) * factorial(n - k - 1) if k < n else 0 for k in range(n + 1)]
    weights = {
        mask: tuple(
            (inside if mask >> i & 1 else outside)[mask.bit_count()] for i in range(n)
        )
        for mask in range(1 << n)
    }  # fmt: skip
    return Design(n, weights, factorial(n))


def sampled_design(n: int, permutations: int, seed: int) -> Design:
    """Permutations in pairs with their reverses; every coalition that they pass through."""
    generator = np.random.default_rng(seed)
    drawn = [tuple(generator.permutation(n).tolist()) for _ in range(permutations // 2)]
    orders = tuple(o for first in drawn for o in (first, first[::-1]))
    counts: dict[Mask, list[int]] = {}
    for order in orders:
        for i, before, after in _joining(order):
            counts.setdefault(after, [0] * n)[i] += 1
            counts.setdefault(before, [0] * n)[i] -= 1
    return Design(n, {m: tuple(c) for m, c in counts.items()}, len(orders), orders)


def _joining(order: tuple[int, ...]) -> list[tuple[int, Mask, Mask]]:
    """(layer, coalition before it joins, coalition with it), one after the other."""
    masks = [0]
    for i in order:
        masks.append(masks[-1] | 1 << i)
    return [(i, a, b) for i, (a, b) in zip(order, pairwise(masks), strict=True)]


def numerators(design: Design, saved: Mapping[Mask, int]) -> list[int]:
    """Each layer's share times `scale`, as exact integers. They sum to scale x v(all)."""
    totals = [0] * design.n
    for mask, weights in design.weights.items():
        for i, weight in enumerate(weights):
            totals[i] += weight * saved[mask]
    return totals


def order_errors(design: Design, saved: Mapping[Mask, int]) -> list[float]:
    """Standard error of each share from the orders not drawn, pico-dollars; 0 where all were."""
    if not design.orders:
        return [0.0] * design.n
    gains = np.zeros((len(design.orders), design.n))
    for row, order in enumerate(design.orders):
        for i, before, after in _joining(order):
            gains[row, i] = saved[after] - saved[before]
    pairs = (gains[0::2] + gains[1::2]) / 2
    found: list[float] = (pairs.std(axis=0, ddof=1) / sqrt(len(pairs))).tolist()
    return found


def whole_shares(parts: list[Fraction], total: int) -> list[PicoUsd]:
    """The shares in whole pico-dollars that sum to the total exactly (largest remainder).

    `parts` sum to the total already; one that is 0 stays exactly 0.
    """
    floors = [part.numerator // part.denominator for part in parts]
    rest = total - sum(floors)
    by_remainder = sorted(range(len(parts)), key=lambda i: (floors[i] - parts[i], i))
    for i in by_remainder[:rest]:
        floors[i] += 1
    return [PicoUsd(f) for f in floors]


def scaled(parts: list[int], scale: Fraction, total: int, fallback: list[int]) -> list[Fraction]:
    """Shares of a sample as shares of the whole: times `scale`, and what then misses the total by size.

    The rest is laid on in proportion to the sizes, so a sum near 0 of large opposite shares does not
    blow up. A sample in which nothing happened is replaced by the whole's own `fallback` shares.
    """
    if not any(parts):
        parts, scale = fallback, Fraction(1)
    shares = [part * scale for part in parts]
    size = sum(abs(s) for s in shares)
    rest = total - sum(shares)
    return [s + rest * abs(s) / size for s in shares] if size else shares
