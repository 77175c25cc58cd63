"""Pairs of questions from Quora as a native call log: each pair is one look-up of a semantic cache.

    python scripts/convert_qqp.py FOLDER --out qqp.jsonl [--seed 0]

FOLDER holds `qqp_pairs.jsonl` with `text_a`, `text_b` and `label` (1: they mean the same). A pair is two
calls in a tenant of its own, so that nothing else can serve the second; pairs come in an order that the
seed decides. The answers are JSON: equal where the label is 1.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from judged_log import run
from lookup_log import look_up


def convert(folder: Path, seed: int) -> Iterator[dict[str, Any]]:
    """Two calls a pair, the first stores, the second asks."""
    with (folder / "qqp_pairs.jsonl").open(encoding="utf-8") as stream:
        pairs = [json.loads(line) for line in stream if line.strip()]
    order = list(range(len(pairs)))
    random.Random(seed).shuffle(order)
    for place, i in enumerate(order):
        pair = pairs[i]
        other = f"{i}a" if pair["label"] == 1 else f"{i}b"
        for half, (text, meaning) in enumerate(
            ((pair["text_a"], f"{i}a"), (pair["text_b"], other))
        ):
            answer = json.dumps({"meaning": meaning})
            yield look_up(2 * place + half, text, answer, task="question", tenant=f"pair-{i}")


if __name__ == "__main__":
    sys.exit(run(__doc__, convert))
