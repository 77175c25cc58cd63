"""One scrambling of 64-bit numbers, for hashes that must be the same on every machine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def scrambled(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """splitmix64's finaliser: https://prng.di.unimi.it/splitmix64.c, checked 2026-11-24."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(x ^ (x >> np.uint64(31)))
