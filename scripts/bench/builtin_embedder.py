"""How far the built-in embedder's projection blurs a cosine, on generated texts.

python -m scripts.bench.builtin_embedder prints the table of docs/decisions/built-in-embedder.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from costopt.accel.embed import builtin
from costopt.accel.embed.ngrams import ngrams

Float = NDArray[np.float64]
GROUPS, OF_A_GROUP = 400, 5
BANDS = ((0.0, 0.3), (0.5, 0.8), (0.8, 0.9), (0.9, 1.01))


def texts(rng: np.random.Generator) -> list[str]:
    """Made-up words by Zipf's law; each group is one text with up to half of its words exchanged."""
    letters = list("abcdefghijklmnopqrstuvwxyz")
    words = ["".join(rng.choice(letters, rng.integers(2, 10))) for _ in range(3000)]
    chance = 1 / np.arange(1, 3001)
    chance /= chance.sum()
    out = []
    for _ in range(GROUPS):
        base = list(rng.choice(words, rng.integers(5, 40), p=chance))
        for _ in range(OF_A_GROUP):
            copy = list(base)
            for _ in range(int(rng.integers(0, len(base) // 2 + 1))):
                copy[rng.integers(len(copy))] = rng.choice(words, p=chance)
            out.append(" ".join(copy))
    return out


def pairs(rng: np.random.Generator) -> NDArray[np.int64]:
    """[pair, 2]: all of each group, and as many at random."""
    inside = [(5 * g + a, 5 * g + b) for g in range(GROUPS) for a in range(5) for b in range(a)]
    others = rng.integers(0, GROUPS * OF_A_GROUP, (len(inside), 2))
    return np.concatenate((np.array(inside, np.int64), others[others[:, 0] != others[:, 1]]))


def exact_cosines(weight: NDArray[np.float32], said: list[str], chosen: NDArray[np.int64]) -> Float:
    """Of the weighted features themselves, without a projection."""
    found = ngrams(said)
    value = (1 + np.log(found.count)) * weight[found.feature]
    rows: list[dict[int, float]] = [{} for _ in said]
    for t, f, v in zip(found.text.tolist(), found.feature.tolist(), value.tolist(), strict=True):
        rows[t][f] = v
    norm = [sum(v * v for v in row.values()) ** 0.5 for row in rows]
    return np.array([
        sum(v * rows[b].get(f, 0.0) for f, v in rows[a].items()) / norm[a] / norm[b]
        for a, b in chosen.tolist()
    ])  # fmt: skip


def blur(dimensions: int, signs: int, said: list[str], chosen: NDArray[np.int64]) -> list[float]:
    """Standard deviation of the error by band of the exact cosine."""
    before = builtin.DIMENSIONS, builtin.SIGNS
    builtin.DIMENSIONS, builtin.SIGNS = dimensions, signs
    try:
        made = builtin.Builtin.fitted(said)
        vectors = made.embed(said)
    finally:
        builtin.DIMENSIONS, builtin.SIGNS = before
    exact = exact_cosines(made.weight, said, chosen)
    error = (vectors[chosen[:, 0]] * vectors[chosen[:, 1]]).sum(axis=1) - exact
    return [float(error[(exact >= low) & (exact < high)].std()) for low, high in BANDS]


def main() -> None:
    rng = np.random.default_rng(0)
    said, chosen = texts(rng), pairs(rng)
    print("| dimensions | signs |", " | ".join(f"{a} to {min(b, 1)}" for a, b in BANDS), "|")
    for dimensions in (128, 256, 384, 512, 768):
        for signs in (1, 2, 6):
            shown = " | ".join(f"{v:.4f}" for v in blur(dimensions, signs, said, chosen))
            print(f"| {dimensions} | {signs} | {shown} |")


if __name__ == "__main__":
    main()
