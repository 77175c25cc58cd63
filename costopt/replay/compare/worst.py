"""The worst disagreements, for people to look at: one a call, spread over the layers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from costopt.model.replayed import Disagreement
from costopt.model.secrets import masked
from costopt.replay.compare.agreement.answers import Answers, kind_of
from costopt.replay.compare.agreement.base import Pair
from costopt.replay.compare.agreement.similarity import Similar
from costopt.replay.compare.pairs import cache_of

MOST = 10
MAX_CHARS = 2_000
"""Of each text as shown."""
_READ_CHARS = 20_000
"""Of each text that is looked at."""


def worst_of(
    pairs: Sequence[Pair], similar: Similar | None, most: int = MOST
) -> list[Disagreement]:
    """Pairs that fail the headline test. Layers take turns, each with its worst; within the same score the
    order is that of the plan."""
    apart = [p for p, same in zip(pairs, Answers().same(pairs), strict=True) if same is False]
    queues: dict[str, list[tuple[float, Pair]]] = {}
    for score, pair in sorted(zip(scores(apart, similar), apart, strict=True), key=lambda s: s[0]):
        queues.setdefault(_layer(pair), []).append((score, pair))
    taken: list[Disagreement] = []
    calls: set[int] = set()
    while len(taken) < most and any(queues.values()):
        for layer in sorted(queues):
            left = queues[layer] = [q for q in queues[layer] if q[1].item.row not in calls]
            if left and len(taken) < most:
                score, pair = left.pop(0)
                calls.add(pair.item.row)
                taken.append(_shown(pair, layer, score))
    return sorted(taken, key=lambda d: d.score)


def scores(pairs: Sequence[Pair], similar: Similar | None) -> list[float]:
    """[pair] 0 to 1: the embedding's cosine where there is one, else the words that both have."""
    cosines = [None] * len(pairs) if similar is None else similar.cosines(pairs)
    return [
        _common(pair) if cosine is None else min(1.0, max(0.0, cosine))
        for pair, cosine in zip(pairs, cosines, strict=True)
    ]


def _common(pair: Pair) -> float:
    """Dice's coefficient of the words, as often as they stand there."""
    one, other = (
        Counter(said.words[:_READ_CHARS].split()) for said in (pair.reference, pair.answer)
    )
    whole = one.total() + other.total()
    return 2 * (one & other).total() / whole if whole else 1.0


def _layer(pair: Pair) -> str:
    if pair.role:
        return cache_of(pair.item)
    return pair.item.layers[0] if len(pair.item.layers) == 1 else " + ".join(pair.item.layers)


def _shown(pair: Pair, layer: str, score: float) -> Disagreement:
    return Disagreement(
        call=masked(pair.item.call), layer=layer, arm=pair.item.arm.value, test=kind_of(pair),
        score=score, reference=_cut(pair.reference.text), answer=_cut(pair.answer.text),
    )  # fmt: skip


def _cut(text: str) -> str:
    """Masked before it is cut: half a key is still half a key. Half a surrogate pair, which no file can
    hold, is shown as its escape."""
    text = masked(text[:_READ_CHARS].encode("utf-8", "backslashreplace").decode())
    return text if len(text) <= MAX_CHARS else f"{text[:MAX_CHARS]} [... cut]"
