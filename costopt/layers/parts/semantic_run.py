"""One semantic cache on one view: its threshold, its curve, and what other settings would give."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from costopt.layers.base import Artifacts, ArtifactSpec
from costopt.layers.parts.answers import Verdict
from costopt.layers.parts.cacheable import answer_groups, ratio
from costopt.layers.parts.graph import NEVER, PPM, Rules, ppm
from costopt.layers.parts.keys import Bool, KeyText, arrivals, exact_keys, semantic_keys
from costopt.layers.parts.look_ups import Judged, LookUps, Replays
from costopt.layers.parts.threshold import Choice, block_ends, candidates, choose
from costopt.model.once import once
from costopt.model.view import View

TARGET_HIT_RATE, RETUNE_BELOW = 0.40, 0.20
"""The usual advice for semantic caches: above the first it does its work, below the second retune it."""
_COARSE, _FINE, _FINE_FROM = 50_000, 10_000, 900_000
"""Steps of the curve in millionths: people set thresholds from 0.9 on by hundredths."""


@dataclass(frozen=True)
class Asked:
    """What a neighbour graph is built for: no setting that is swept."""

    scope: tuple[str, ...]
    key: KeyText
    embedder: str
    floor_ppm: int
    judge: str | None
    judge_similarity: float


def replays_of(view: View, artifacts: Artifacts, asked: Asked, calls: Bool) -> Replays:
    """The look-ups of these calls over their graph, built once by content."""
    key = ("look_ups", asked.scope, asked.key, np.packbits(calls).tobytes())
    look_ups = once(view, artifacts, key, lambda: _look_ups(view, artifacts, asked, calls))
    settings = (
        ("look_ups", look_ups), ("embedder", asked.embedder), ("floor_ppm", asked.floor_ppm),
        ("judge", asked.judge), ("judge_similarity", asked.judge_similarity),
    )  # fmt: skip
    found: Replays = artifacts.build(ArtifactSpec("look_ups", settings), view)
    return found


def _look_ups(view: View, artifacts: Artifacts, asked: Asked, calls: Bool) -> LookUps:
    keys = semantic_keys(view, artifacts, asked.scope, calls, asked.key)
    mine = np.zeros(view.trace.n, np.bool_)
    mine[keys.rows] = True
    whole = exact_keys(view, artifacts, asked.scope, mine)
    return LookUps(keys, arrivals(view, keys), whole.node, answer_groups(view, artifacts))


def chosen(
    replays: Replays, threshold: float | Literal["auto"], rules: Rules, bound: float
) -> tuple[Rules | None, Choice | None]:
    """(the rules with their threshold, how it was chosen); no rules: none keeps the bound."""
    if threshold != "auto":
        return replace(rules, threshold_ppm=ppm(threshold)), None
    n = replays.look_ups.arrivals.n
    first = block_ends(n)[0]
    tried = candidates(replays.nearest_ppm()[:first], replays.graph.floor_ppm)
    choice = choose(
        tried,
        lambda t: replays.hits(replace(rules, threshold_ppm=t), len(tried)),
        n,
        bound,
    )
    if choice.threshold_ppm is None:
        return None, choice
    return replace(rules, threshold_ppm=choice.threshold_ppm), choice


def grid(floor_ppm: int) -> Iterator[int]:
    """Thresholds of a curve, lowest first."""
    at = -(-floor_ppm // _COARSE) * _COARSE
    while at < _FINE_FROM:
        yield at
        at += _COARSE
    yield from range(max(_FINE_FROM, -(-floor_ppm // _FINE) * _FINE), PPM + 1, _FINE)


def curve(replays: Replays, rules: Rules) -> list[dict[str, Any]]:
    """Hits and false hits by threshold, everything else as the rules say."""
    points = sorted({*grid(replays.graph.floor_ppm), rules.threshold_ppm})
    out = []
    for at in points:
        if at < replays.graph.floor_ppm:
            continue
        judged = replays.judged(replace(rules, threshold_ppm=at), len(points))
        out.append({"threshold": at / PPM} | shown(judged, replays))
    return out


def shown(judged: Judged, replays: Replays) -> dict[str, Any]:
    """A replay's figures."""
    return {
        "hits": judged.hits, "hit_rate": ratio(judged.hits, replays.look_ups.arrivals.n),
        "false_hits": judged.false, "false_hit_rate": ratio(judged.false, judged.known),
    }  # fmt: skip


def advice(
    replays: Replays,
    rules: Rules,
    points: list[dict[str, Any]],
    bound: float,
    wider: Replays | None,
) -> list[dict[str, Any]]:
    """What turning one setting alone would give, replayed. Only turns that gain a hit.

    `wider`: the same calls with no more scope than always separates; None: there is no more.
    """
    base = replays.judged(rules).hits
    out = []
    if rules.ttl_us != NEVER:
        longer = replays.judged(replace(rules, ttl_us=NEVER))
        out.append({"turn": "ttl", "to": "none"} | shown(longer, replays))
    if rules.capacity != NEVER:
        larger = replays.judged(replace(rules, capacity=NEVER))
        out.append({"turn": "capacity", "to": "unbounded"} | shown(larger, replays))
    if wider is not None and rules.threshold_ppm >= wider.graph.floor_ppm:
        out.append({"turn": "scope", "to": "[]"} | shown(wider.judged(rules), wider))
    lower = _lower(points, rules.threshold_ppm, bound)
    if lower is not None:
        out.append({"turn": "threshold", "to": lower["threshold"]} | lower)
    return [{k: v for k, v in a.items() if k != "threshold"} for a in out if a["hits"] > base]


def _lower(points: list[dict[str, Any]], threshold_ppm: int, bound: float) -> dict[str, Any] | None:
    """The lower threshold with the most hits whose false-hit rate keeps the bound, else the next lower."""
    below = [p for p in points if ppm(p["threshold"]) < threshold_ppm]
    good = [p for p in below if (p["false_hit_rate"] or 0.0) <= bound]
    return max(good, key=lambda p: p["hits"]) if good else (below[-1] if below else None)


def tally_of(replays: Replays, judged: Judged, rules: Rules) -> dict[str, int]:
    """Counts of the hits under these rules."""
    exact = replays.exactly(rules)
    open_text = judged.plain.verdict == Verdict.NOT_IDENTICAL
    return judged.compared.tally() | {
        "hits": judged.hits, "compared_hits": judged.known, "false_hits": judged.false,
        "not_identical": int(open_text.sum()),
        "judged_different": int((judged.compared.false & open_text).sum()),
        "hits_exact_too": int(exact[judged.hit].sum()),
    }  # fmt: skip


def repeats_of(replays: Replays) -> dict[str, int]:
    """Byte-equal requests asked again, and those answered otherwise: what no cache can do better than."""
    repeats, otherwise = replays.self_disagreement()
    return {"repeats": repeats, "repeats_otherwise": otherwise}
