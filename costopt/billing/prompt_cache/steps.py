"""The granularity of cached counts, where a provider does not document it: learned from the reads.

OpenAI's counts are multiples of 128 by documentation. Others cache in blocks too, which shows as
reads that cluster at multiples of one number.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_SMALLEST, _LARGEST = 32, 4096
_MIN_READS = 30
_MIN_MULTIPLES = 3
_CONCENTRATION = 0.85
"""Mean resultant length of the reads' phases: 1 for exact multiples, 0 for none."""
_PHASE = 0.06
"""Share of a step that the cluster may stand off the multiple itself."""


def learned_step(reads: NDArray[np.int64]) -> int | None:
    """The largest step whose multiples the reads cluster at; None where none is to be seen."""
    reads = reads[reads > 0]
    if len(reads) < _MIN_READS:
        return None
    exact = int(np.gcd.reduce(reads))
    if exact >= _SMALLEST and len(np.unique(reads // exact)) >= _MIN_MULTIPLES:
        return exact
    octaves = np.log2(_LARGEST / _SMALLEST)
    candidates = np.unique((_SMALLEST * 2.0 ** np.arange(0.0, octaves, 0.005)).astype(np.int64))
    return _largest_peak(reads, candidates)


def _largest_peak(reads: NDArray[np.int64], candidates: NDArray[np.int64]) -> int | None:
    best: tuple[float, int] | None = None
    for step in candidates[::-1].tolist():
        mean = np.mean(np.exp(2j * np.pi * (reads / step)))
        strength, phase = abs(mean), abs(float(np.angle(mean))) / (2 * np.pi)
        multiples = len(np.unique(np.round(reads / step)))
        if strength < _CONCENTRATION or phase > _PHASE or multiples < _MIN_MULTIPLES:
            if best is not None and step < 0.9 * best[1]:
                break  # past the peak; what follows are its fractions
            continue
        if best is None or strength - phase > best[0]:
            best = (strength - phase, step)
    return None if best is None else best[1]
