"""How often the clustered upper bound covers the true false-hit rate, on entries of known kind."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from costopt.layers.parts.clustered import EntryHits
from validation.table import Table

RUNS = 300
MISSED = {"one": 0.10, "geometric": 0.10, "heavy": 0.20}
"""Of a 95 % bound; the noise of 300 runs included. Entries of very uneven size are the worst: a wrong one
that serves sixty may not be among those seen, and nothing seen tells of it."""
HITS = 1500
RATES = (0.01, 0.03, 0.1)
ALIKE = (0.0, 0.3, 1.0)
"""Share of hits that have their entry's fate; the others have their own."""


def run(table: Table) -> None:
    """Even sizes, uneven ones, and one hit an entry."""
    table.title(f"95 % upper bound of the false-hit rate: missed in {RUNS} runs of {HITS} hits")
    rng = np.random.default_rng(11)
    for kind in ("one hit an entry", "geometric, mean 3", "heavy tail, up to 60"):
        for rate in RATES:
            missed, wide = zip(*(_missed(kind, rate, a, rng) for a in _alike(kind)), strict=True)
            limit = MISSED[_first_word(kind)]
            table.at_most(f"{kind}, rate {rate:.0%}: worst share missed", limit, max(missed))
            said = ", ".join(f"{1 - m:.1%}" for m in missed)
            table.shown(
                "  covered",
                said,
                "own fate, 0.3 shared, all shared"[: 70 if len(missed) > 1 else 8],
            )
            table.shown("  mean bound over rate", ", ".join(f"{w:.2f}" for w in wide))


def _first_word(kind: str) -> str:
    return kind.replace(",", "").split()[0]


def _alike(kind: str) -> tuple[float, ...]:
    return ALIKE[:1] if kind.startswith("one") else ALIKE


def _missed(kind: str, rate: float, alike: float, rng: np.random.Generator) -> tuple[float, float]:
    """(share of runs whose bound lies below the rate, mean bound over the rate)."""
    missed, bounds = 0, 0.0
    for _ in range(RUNS):
        sizes = _sizes(kind, rng)
        entry = np.repeat(np.arange(len(sizes)), sizes)
        fate, own = rng.random(len(sizes)) < rate, rng.random(len(entry)) < rate
        false = np.where(rng.random(len(entry)) < alike, fate[entry], own)
        bound = EntryHits.of(entry, false).upper(rng)
        missed, bounds = missed + (bound < rate), bounds + bound
    return missed / RUNS, bounds / RUNS / rate


def _sizes(kind: str, rng: np.random.Generator) -> NDArray[np.int64]:
    """Hits of each entry, about HITS in all."""
    drawn = {
        "one": lambda: np.ones(HITS, np.int64),
        "geometric": lambda: rng.geometric(1 / 3, HITS),
        "heavy": lambda: np.minimum(rng.zipf(1.8, HITS), 60),
    }[_first_word(kind)]()
    return np.asarray(drawn[np.cumsum(drawn) <= HITS])
