"""Vectors for the validation: pairs whose similarities follow a known ROC, and a plain TF-IDF.

A real embedder mixes up what it finds alike and what means the same; with made vectors both are known,
so that the choice of a threshold can be held against the truth.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import NormalDist

import numpy as np
from lookup_log import look_up
from numpy.typing import NDArray

NORMAL = NormalDist()
MIDDLE, SPREAD, SAME = 0.4, 0.1, 0.4
"""Cosine of two questions that mean something else: normal around 0.4, one standard deviation 0.1. Four
in ten pairs mean the same; theirs lie `apart` standard deviations higher."""


def known_roc(folder: Path, apart: float, pairs: int = 25_000, seed: int = 0) -> tuple[Path, str]:
    """(log, embedder setting) of pairs in tenants of their own."""
    rng = np.random.default_rng(seed)
    same = rng.random(pairs) < SAME
    cosine = np.clip(MIDDLE + SPREAD * (rng.normal(size=pairs) + apart * same), -1, 1)
    ids: list[str] = []
    log = folder / "known.jsonl"
    with log.open("w") as stream:
        for i, alike in enumerate(same.tolist()):
            for half, answer in enumerate((f"{i}a", f"{i}a" if alike else f"{i}b")):
                call = look_up(
                    2 * i + half, f"question {i} in wording {half}",
                    json.dumps({"meaning": answer}), task="question", tenant=f"pair-{i}",
                )  # fmt: skip
                ids.append(call["id"])
                stream.write(json.dumps(call) + "\n")
    vectors = np.zeros((2 * pairs, 2), np.float32)
    vectors[0::2, 0] = 1
    vectors[1::2] = np.stack((cosine, np.sqrt(1 - cosine**2)), axis=1)
    return log, written(folder / "known.parquet", ids, vectors)


def known_rates(apart: float, threshold: float) -> tuple[float, float]:
    """(share of pairs that hit, share of those that are false) of all pairs that there could be."""
    z = (threshold - MIDDLE) / SPREAD
    right, wrong = SAME * (1 - NORMAL.cdf(z - apart)), (1 - SAME) * (1 - NORMAL.cdf(z))
    return right + wrong, wrong / (right + wrong)


def written(path: Path, ids: Sequence[str], vectors: NDArray[np.float32]) -> str:
    """The vectors as a Parquet file, and the embedder setting that reads it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), vectors.shape[1])
    pq.write_table(pa.table({"id": list(ids), "vector": column}), path)
    return f"column:{path}/vector"


def tf_idf(texts: Sequence[str]) -> NDArray[np.float32]:
    """One and two grams of words, sublinear counts, smoothed rarity, length 1; fitted on these texts."""
    counts = [Counter(_grams(text)) for text in texts]
    documents = Counter(gram for count in counts for gram in count)
    place = {gram: i for i, gram in enumerate(sorted(documents))}
    rarity = {g: math.log((1 + len(texts)) / (1 + n)) + 1 for g, n in documents.items()}
    out = np.zeros((len(texts), len(place)), np.float32)
    for row, count in enumerate(counts):
        for gram, n in count.items():
            out[row, place[gram]] = (1 + math.log(n)) * rarity[gram]
    return out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-9)


def _grams(text: str) -> Iterable[str]:
    words = re.findall(r"\b\w\w+\b", text.lower())
    yield from words
    yield from map(" ".join, zip(words, words[1:], strict=False))
