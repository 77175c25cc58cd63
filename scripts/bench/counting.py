"""Token counting apart from all else: our exact counter beside bare tiktoken on the same texts."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from bench.generate import words
from bench.table import Section

TEXTS, TEXT_BYTES, RUNS = 4000, 3000, 3


def tokens() -> Section:
    """MB a second of one process, and whether both count the same."""
    section = Section(
        "tokens", "Token counting",
        f"{TEXTS:,} texts of {TEXT_BYTES:,} bytes in the encoding `o200k_base`, one process, processor\n"
        "time. tiktoken is given the same ranks, so that it need not fetch them.",
    )  # fmt: skip
    counters = _counters()
    if counters is None:
        section.say("Not measured: no exact ranks here (pip install 'costopt[ranks]').")
        return section
    rng = random.Random(1)
    texts = [words(rng, TEXT_BYTES) for _ in range(TEXTS)]
    size = sum(map(len, texts)) / 1e6
    totals = set()
    for name, count in counters.items():
        count(texts[0])  # the ranks are loaded before the clock starts
        seconds, total = min(_clocked(count, texts) for _ in range(RUNS))
        totals.add(total)
        section.say(
            f"{name}: {size / seconds:.1f} MB/s of processor time, {total:,} tokens of {size:.1f} MB."
        )
    section.say("Both count the same." if len(totals) == 1 else "THE COUNTS DIFFER.")
    return section


def _counters() -> dict[str, Callable[[str], int]] | None:
    from costopt.accel.encodings import O200K
    from costopt.accel.ranks import find_encoder
    from costopt.accel.tokens import exact_encoder

    package = find_spec("bpe_openai")
    ours = exact_encoder("gpt-4o")
    if ours is None or package is None or not package.submodule_search_locations:
        return None
    ranks = Path(package.submodule_search_locations[0]) / "data"
    theirs = find_encoder(O200K, ranks, False)  # of a folder with ranks this is tiktoken itself
    if theirs is None:
        return None
    return {"bare tiktoken": lambda text: len(theirs.encode(text)), "costopt": ours}


def _clocked(count: Callable[[str], int], texts: list[str]) -> tuple[float, int]:
    started = time.process_time()
    total = sum(map(count, texts))
    return time.process_time() - started, total
