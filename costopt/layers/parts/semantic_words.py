"""What a semantic cache says of itself, from its tallies and its replays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from costopt.layers.parts.answers import basis_words
from costopt.layers.parts.cacheable import ratio, why_none
from costopt.layers.parts.semantic_run import RETUNE_BELOW, TARGET_HIT_RATE
from costopt.layers.profiles.cache_profile import CacheProfile

OPEN_LOOP = "The logged contexts are kept: a cached answer that differs changes no later step."


def evidence(tally: Mapping[str, int], detail: Mapping[str, Any], bound: float) -> dict[str, Any]:
    """Names fixed by the result JSON first, then our own."""
    asked, hits = tally.get("eligible_calls", 0), tally.get("hits", 0)
    known, false = tally.get("compared_hits", 0), tally.get("false_hits", 0)
    out = {
        "eligible_calls": asked, "hits": hits, "hit_rate": ratio(hits, asked),
        "false_hits": false, "false_hit_rate": ratio(false, known),
        "false_hit_ci95": detail.get("false_hit_ci95"),
        "false_basis": _basis(tally, detail) or None,
        "self_disagreement": ratio(tally.get("repeats_otherwise", 0), tally.get("repeats", 0)),
        "embedder": detail.get("embedder"), "threshold": detail.get("threshold"),
        "curve": detail.get("curve", []),
        "not_identical": tally.get("not_identical", 0),
        "judged_different": tally.get("judged_different") if detail.get("judge") else None,
        "compared_hits": known, "byte_equal_repeats": tally.get("repeats", 0),
        "hits_of_an_exact_cache_too": tally.get("hits_exact_too", 0),
        "kpi": kpi(hits, asked, detail.get("threshold"), ratio(false, known), bound),
        "advice": detail.get("advice", []),
        "lowest_threshold": detail.get("floor"),
        "agent_turns_left_out": tally.get("agent_turns", 0),
        "calls_without_text": tally.get("calls_without_text", 0),
        "calls_without_time": tally.get("calls_without_time", 0),
    }  # fmt: skip
    choice = detail.get("choice") or {}
    return out | {k: v for k, v in choice.items() if k != "threshold"}


def _basis(tally: Mapping[str, int], detail: Mapping[str, Any]) -> str:
    """Which test was used: free text by the judge, where there is one."""
    words = basis_words(tally)
    judge = detail.get("judge")
    return words if not judge else words.replace("not_identical", f"judged by {judge}", 1)


def kpi(
    hits: int, asked: int, threshold: float | None, false_rate: float | None, bound: float
) -> dict[str, Any]:
    """The hit rate against its target; hits that are mostly wrong meet none."""
    rate = hits / asked if asked else 0.0
    if not asked:
        status = "no eligible call"
    elif threshold is None:
        status = "no threshold"
    elif rate > TARGET_HIT_RATE:
        kept = false_rate is None or false_rate <= bound
        status = "target met" if kept else "false hits above the bound"
    else:
        status = "retune" if rate < RETUNE_BELOW else "below target"
    return {"target": TARGET_HIT_RATE, "retune_below": RETUNE_BELOW, "status": status}


def notes(tally: Mapping[str, int], detail: Mapping[str, Any], bound: float) -> list[str]:
    """What to know and what to turn."""
    asked, hits = tally.get("eligible_calls", 0), tally.get("hits", 0)
    if not asked:
        return [why_none(tally)]
    out = []
    choice = detail.get("choice")
    if choice is not None:
        told = choice["threshold_reason"]
        at = "No threshold keeps the bound" if choice["threshold"] is None else "Chosen threshold"
        out.append(f"{at}: {told}.")
    if detail.get("below_floor"):
        out.append(
            f"The graph holds only pairs above {detail['floor']:g}, or it would not have fitted into "
            "memory: ask for a threshold above that."
        )
    if detail.get("threshold") is not None:
        wrong = ratio(tally.get("false_hits", 0), tally.get("compared_hits", 0))
        out.append(_kpi_words(hits, asked, detail.get("advice", []), bound, wrong))
        out += _false_words(tally, detail, bound)
    return out


def _kpi_words(
    hits: int, asked: int, turns: list[dict[str, Any]], bound: float, false_rate: float | None
) -> str:
    rate = hits / asked
    said = f"{_pct(rate)} of {asked} eligible calls would hit"
    if rate > TARGET_HIT_RATE:
        above = f"{said}: above the target of {_pct(TARGET_HIT_RATE)}"
        if false_rate is None or false_rate <= bound:
            return f"{above}."
        return f"{above}, but {_pct(false_rate)} of the hits have another answer."
    state = "retune it" if rate < RETUNE_BELOW else f"the target is {_pct(TARGET_HIT_RATE)}"
    if not turns:
        return (
            f"{said} ({state}); neither a longer ttl, a wider scope nor a lower threshold gives more: "
            "the calls do not repeat."
        )
    best = max(turns, key=lambda t: ((t["false_hit_rate"] or 0.0) <= bound, t["hits"]))
    each = [f"{t['turn']}: {t['to']} gives {_pct(t['hit_rate'])} ({_false(t)})" for t in turns]
    safe = (best["false_hit_rate"] or 0.0) <= bound
    turn = f"turn {best['turn']} first" if safe else "none of these keeps max_false_hit_rate"
    return f"{said} ({state}). {'; '.join(each)}: {turn}."


def _false(turn: Mapping[str, Any]) -> str:
    rate = turn["false_hit_rate"]
    return "answers not comparable" if rate is None else f"{_pct(rate)} false"


def _false_words(tally: Mapping[str, int], detail: Mapping[str, Any], bound: float) -> list[str]:
    out = []
    known, false = tally.get("compared_hits", 0), tally.get("false_hits", 0)
    if known and false / known > bound:
        loose = 0 if detail.get("judge") else tally.get("not_identical", 0)
        beside = f", {loose} of them free text that is not identical but may mean the same"
        out.append(
            f"{false} of {known} hits would have had another answer{beside if loose else ''}: above "
            f"max_false_hit_rate {bound:g}."
        )
    exact = tally.get("hits_exact_too", 0)
    if tally.get("hits") and exact * 2 >= tally["hits"]:
        out.append(
            f"An exact cache alone would have had {exact} of the {tally['hits']} hits, without embedding "
            "anything: put exact_cache in front and see what is left."
        )
    if str(detail.get("embedder", "")).startswith("builtin"):
        out.append(
            "The built-in embedder finds texts that are nearly the same and misses paraphrases; its "
            "thresholds do not carry over to a neural one."
        )
    return out


def _pct(share: float) -> str:
    value = 100 * share
    return f"{value:.0f} %" if value >= 10 or value == 0 else f"{value:.1f} %"


def judging(judge: str | None, similarity: float) -> tuple[str, ...]:
    """What the second figure of free text assumes."""
    if judge is None:
        return ()
    if judge.startswith("pairs:"):
        return ("Pairs of free text that nobody judged count as false until they are identical.",)
    return (
        f"Free-text answers count as the same from a similarity of {similarity:g} on, as "
        f"`{judge}` sees them: assumed.",
    )


def quirks(profile: CacheProfile | None, threshold: float | Literal["auto"]) -> tuple[str, ...]:
    """How the profile differs, and how the threshold is written there."""
    if profile is None:
        return ()
    told = [f"{profile.name}: {sentence}" for sentence in profile.differs]
    if threshold != "auto":
        told.append(f"{profile.name}: write `{profile.setting(threshold)}`.")
    return (*told, f"What {profile.name} does is from {profile.source}.")
