"""Estimates for the whole, each provider, each model and each agent, every part near its parent."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
Key = tuple[str, ...]
"""(), (provider,), (provider, model) or (provider, model, agent)."""


class ByKey:
    """Estimates everything, then each part of it, each starting from its parent's answer."""

    def __init__(self, keys: tuple[Key, ...], group: NDArray[np.int64]) -> None:
        """`group`: [row], into `keys`."""
        self.members: dict[Key, NDArray[np.int64]] = {(): np.arange(len(group))}
        for depth in (1, 2, 3):
            codes: dict[Key, list[int]] = {}
            for code, key in enumerate(keys):
                codes.setdefault(key[:depth], []).append(code)
            for key in sorted(codes):
                own = np.flatnonzero(np.isin(group, codes[key]))
                if len(own):
                    self.members[key] = own

    def estimate(self, start: T, one: Callable[[NDArray[np.int64], T, int], T]) -> dict[Key, T]:
        found: dict[Key, T] = {(): one(self.members[()], start, 0)}
        for key, own in self.members.items():
            if key:
                found[key] = one(own, found[key[:-1]], len(key))
        return found


def stacked(table: dict[Key, NDArray[np.float64]], keys: tuple[Key, ...]) -> NDArray[np.float64]:
    """[key, coefficient]"""
    width = len(table[()])
    return np.array([nearest(table, key) for key in keys]).reshape(-1, width)


def nearest(table: dict[Key, T], key: Key) -> T:
    """The entry of the key, else of its nearest ancestor."""
    return table[found_key(table, key)]


def found_key(table: dict[Key, T], key: Key) -> Key:
    while key not in table:
        key = key[:-1]
    return key


def scores(
    x: NDArray[np.float64], table: dict[Key, NDArray[np.float64]], spread: NDArray[np.float64],
    keys: tuple[Key, ...], group: NDArray[np.int64],
) -> NDArray[np.float64]:  # fmt: skip
    """Log odds of each row of x ([call, ..., feature]), drawn in by what is not known.

    A model that the fit never saw stands somewhere around its parent: averaged over that, a chance
    is nearer to one half (MacKay 1992, "The evidence framework applied to classification networks").
    """
    apart = apart_of(table, spread, keys)
    score = np.einsum("c...f,cf->c...", x, stacked(table, keys)[group])
    variance = np.einsum("c...f,cf->c...", x**2, apart[group])
    return score / np.sqrt(1.0 + np.pi / 8.0 * variance)


def apart_of(
    table: dict[Key, NDArray[np.float64]], spread: NDArray[np.float64], keys: tuple[Key, ...]
) -> NDArray[np.float64]:  # [key, coefficient]
    """Variance of what is not known of each key: of the levels below the one that was fitted."""
    depth = [len(found_key(table, key)) for key in keys]
    return np.array([(spread[d + 1 :] ** 2).sum(axis=0) for d in depth]).reshape(
        -1, spread.shape[1]
    )
