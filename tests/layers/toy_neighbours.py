"""A neighbour graph to work out by hand: texts are as alike as the share of words they have in common."""

from __future__ import annotations

import numpy as np

from costopt.layers.base import ArtifactSpec
from costopt.layers.parts.answers import answers_of
from costopt.layers.parts.graph import Graph, graph_of, ppm
from costopt.layers.parts.keys import Keys
from costopt.layers.parts.look_ups import LookUps, Replays
from costopt.model.ports import Texts, TokenCounter
from costopt.model.view import View


def build(spec: ArtifactSpec, view: View, tokens: TokenCounter, texts: Texts) -> Replays:
    """In place of the product's builder of `look_ups`."""
    asked: LookUps = spec.get("look_ups")
    graph = by_words(asked.keys, texts, int(spec.get("floor_ppm")))
    return Replays(asked, graph, answers_of(view, texts, asked.keys.rows, asked.group))


def by_words(keys: Keys, texts: Texts, floor_ppm: int) -> Graph:
    """Words in both over words in either."""
    words = []
    for k in range(keys.n):
        ids = keys.ids[keys.offsets[k] : keys.offsets[k + 1]]
        words.append(set(" ".join(t or "" for t in texts.get(ids)).split()))
    pairs = []
    for a in range(keys.n):
        for b in range(a):
            alike = len(words[a] & words[b]) / max(1, len(words[a] | words[b]))
            if keys.scope[a] == keys.scope[b] and ppm(alike) >= floor_ppm:
                pairs.append((a, b, ppm(alike)))
    rows = np.array(pairs, np.int64).reshape(-1, 3)
    return graph_of(keys.n, rows[:, 0], rows[:, 1], rows[:, 2], floor_ppm, "share of words")
