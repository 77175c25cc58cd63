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
_FIRST_LOOK = 256
"""Reads, drawn at random, that a step has to win over first. Their concentration is within 0.05 of
that of all (one standard error), so a step far below what is asked cannot be the one."""
_FIRST_CONCENTRATION = 0.6


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
    hopeful = _hopeful(reads, candidates)
    for step in candidates[::-1].tolist():
        found = _peak(reads, step) if step in hopeful else None
        if found is None:
            if best is not None and step < 0.9 * best[1]:
                break  # past the peak; what follows are its fractions
            continue
        if best is None or found > best[0]:
            best = (found, step)
    return None if best is None else best[1]


def _hopeful(reads: NDArray[np.int64], candidates: NDArray[np.int64]) -> frozenset[int]:
    """Steps that a few of the reads do not rule out: nearly all are none, and cost little so."""
    if len(reads) > _FIRST_LOOK:
        reads = np.random.default_rng(0).choice(reads, _FIRST_LOOK, replace=False)
    strengths = np.abs(np.exp(2j * np.pi * (reads / candidates[:, None])).mean(axis=1))
    return frozenset(candidates[strengths >= _FIRST_CONCENTRATION].tolist())


def _peak(reads: NDArray[np.int64], step: int) -> float | None:
    """How well the reads cluster at multiples of the step; None where they do not."""
    mean = np.mean(np.exp(2j * np.pi * (reads / step)))
    strength, phase = abs(mean), abs(float(np.angle(mean))) / (2 * np.pi)
    if strength < _CONCENTRATION or phase > _PHASE:
        return None
    several = len(np.unique(np.round(reads / step))) >= _MIN_MULTIPLES
    return strength - phase if several else None
