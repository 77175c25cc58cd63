"""A router's report: evidence, quality, break-even, and the sentences that a reader needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from costopt.layers.parts.routing_evidence import LEAST_PAIRS, Pairs
from costopt.layers.parts.tiers import BAR_WORDS, TIERS
from costopt.model.effect import Basis, LayerReport, Risk

if TYPE_CHECKING:
    from costopt.layers.route import Route

METRIC = "quality_loss"
OUTPUT_FACTOR = 2.5
"""How far the visible lengths of two models' answers may lie apart. Measured on 40 retail tasks of tau2-bench
(https://github.com/sierra-research/tau2-bench), visible tokens a step: gpt-4.1-mini 68, gemini-3-flash 105,
gpt-5-nano 157, gpt-5-mini 176, so 1.1 to 2.6 between pairs; on GSM8K Mixtral-8x7B writes 0.8 of gpt-4."""
FITTED = ("features", "embedding", "recorded")
_WEIGH = (
    " What you save by moving easy calls may be small: try right_answer_usd, which weighs both."
)
_BARS = {
    "stronger": "{n:,} calls stay: the target stands above their model, or is not cheaper by list price.",
    "reasoning": "{n:,} calls stay: the target reasons, and how much is not known. A replay measures it;"
    " or state the upper end of a range as reasoning_ratio.",
    "no_price": "{n:,} calls stay: the target is not sold for their service tier, region or units.",
    "too_long": "{n:,} calls stay: they do not fit in the target's context window.",
    "no_tier": "{n:,} calls stay: no model stands for their tier.",
    "unknown": "{n:,} calls stay: the log does not say whether the cheap answer would have been taken.",
}


def output_range(ratio: float) -> tuple[float, float]:
    """An assumed output ratio and how far off it may be."""
    return ratio / OUTPUT_FACTOR, ratio * OUTPUT_FACTOR


def report(route: Route, tally: Mapping[str, int], detail: Mapping[str, Any]) -> LayerReport:
    """From the summed counts; `detail` is of the whole trace."""
    pairs = {t: Pairs.of(tally, (t,)) for t, _ in route.tiers}
    risk, verified, basis = _risk(route, tally, detail, pairs)
    return LayerReport(
        _evidence(route, tally, detail), risk, verified, basis,
        tuple(_assumptions(route, tally)),
        "routed calls asked from the small model and compared: answers, lengths, reasoning tokens",
        notes=(*_notes(route, tally, detail, pairs), *_too_dear(route, risk)),
    )  # fmt: skip


def _evidence(route: Route, tally: Mapping[str, int], detail: Mapping[str, Any]) -> dict[str, Any]:
    before = tally.get("input_tokens_before", 0)
    return {
        "classifier": route.classifier,
        "tiers": dict(route.tiers),
        "asked_calls": tally.get("asked_calls", 0),
        "decided_calls": tally.get("decided_calls", 0),
        "moved_calls": tally.get("moved_calls", 0),
        "moves": detail.get("moves", []),
        "kept": {w: n for w in BAR_WORDS.values() if (n := tally.get(f"kept.{w}", 0))},
        "rejected_attempts": tally.get("rejected_attempts", 0),
        "calls_without_text": tally.get("calls_without_text", 0),
        "input_ratio": tally["input_tokens_after"] / before if before else None,
        "cached_share_before": detail.get("cached_share_before"),
        "cached_share_after": detail.get("cached_share_after"),
        "break_even": detail.get("break_even"),
        "quality": detail.get("quality") or None,
        "curve": detail.get("curve", []),
    }


def _risk(
    route: Route, tally: Mapping[str, int], detail: Mapping[str, Any], pairs: Mapping[str, Pairs]
) -> tuple[Risk, bool, Basis]:
    moved = tally.get("moved_calls", 0)
    if not moved:
        return Risk("none", 0.0, None, "no call is moved"), True, "rule"
    measured = detail.get("measured")
    if measured is not None:
        loss, ci, judged = measured
        ends = max(0.0, ci[0]), max(0.0, ci[1])  # as many gained as lost is no risk
        replayed = Risk(METRIC, max(0.0, loss), ends, f"replay of {judged:,} calls")
        return replayed, ci[1] <= route.max_loss, "measured"
    if route.cascade and route.accept == "label":
        why = (
            "unverified: the cascade is told which answers are right, which nothing in use can tell"
        )
        return Risk(METRIC, None, None, why), False, "assumed"
    used = [t for t in TIERS if tally.get(f"moved.{t}", 0)]
    both = Pairs.of(tally, used)
    found = both.loss()
    if found is None or any(pairs[t].moved < LEAST_PAIRS for t in used):
        return Risk(METRIC, None, None, "unverified"), False, "assumed"
    half = " of the later half of the log" if route.classifier in FITTED else ""
    words = f"{both.moved:,} of {moved:,} moved calls{half}, which the target answered as well"
    risk = Risk(METRIC, found[0], found[1], words)
    return risk, found[1][1] <= route.max_loss, "from_log"


def _assumptions(route: Route, tally: Mapping[str, int]) -> Iterator[str]:
    if not tally.get("moved_calls", 0) and not tally.get("rejected_attempts", 0):
        return
    yield (
        "The log's own contexts are kept: a weaker model's extra steps and retries are not in the"
        " dollars; the break-even says how many would eat the saving."
    )
    if tally.get("output.assumed", 0):
        yield (
            f"The target writes {route.output_ratio:g} times as much as the logged model"
            f" (not measured; {output_range(1.0)[0]:.2f} to {OUTPUT_FACTOR:g} times that in the interval)."
        )
    if tally.get("reasoning.from_log", 0):
        yield (
            "A target that reasons takes as many reasoning tokens as its other calls in the log, a visible"
            " token or a call, whichever is more (upper 95 % bounds)."
        )
    if tally.get("reasoning.assumed", 0):
        yield (
            f"A target that reasons takes {route.reasoning_ratio_low:g} to {route.reasoning_ratio or 0:g}"
            " reasoning tokens a visible one, as you stated; the upper end is billed."
        )
    if route.cascade and route.accept == "label":
        yield "The cascade knows which cheap answers are right; no check in use is as good: an upper bound."
    if route.cascade:
        yield "Cheap attempts in vain are billed without any prompt cache."
    if tally.get("calls_without_text", 0):
        n = tally["calls_without_text"]
        yield f"{n:,} moved calls carry no text: they count as many tokens under the target."


def _notes(
    route: Route, tally: Mapping[str, int], detail: Mapping[str, Any], pairs: Mapping[str, Pairs]
) -> Iterator[str]:
    yield from detail.get("notes", ())
    for word, text in _BARS.items():
        if n := tally.get(f"kept.{word}", 0):
            yield text.format(n=n)
    even = detail.get("break_even")
    if even:
        yield _break_even_words(even)
    for tier, beside in detail.get("quality", {}).items():
        if tally.get(f"moved.{tier}", 0):
            yield _line_words(route, tier, beside)
    unlabelled = not any(p.moved for p in pairs.values())
    if tally.get("moved_calls", 0) and unlabelled and detail.get("measured") is None:
        yield (
            f"No moved call was answered by the target in this log with a label in `{route.labels}`: the"
            " answers are not tested. Replay a sample first."
        )


def _break_even_words(even: Mapping[str, Any]) -> str:
    extra, late = even["extra_steps_per_session"], even["extra_late_steps_per_session"]
    if extra <= 0:
        return "It costs more than it saves already: the provider's cache that is lost outweighs the prices."
    return (
        f"The saving is gone with {extra:.1f} extra steps a session ({even['steps_per_session']:.1f} now),"
        f" or {late:.1f} at the price of its last step, or {even['retries_per_moved_call']:.2f} retries"
        " a moved call."
    )


def _too_dear(route: Route, risk: Risk) -> Iterator[str]:
    if risk.ci95 is not None and risk.ci95[1] > route.max_loss:
        yield (
            f"Not verified: of 100 calls that it moves, up to {100 * risk.ci95[1]:.1f} lose a right"
            f" answer; max_loss allows {100 * route.max_loss:g}. Raise it if that is worth the saving to you."
        )


def _line_words(route: Route, tier: str, found: Mapping[str, Any]) -> str:
    low, high = found["advantage_ci95"]
    weighs = route.right_answer_usd is not None or route.classifier not in ("features", "embedding")
    return (
        f"{tier}: {100 * found['routed']:.1f} % right with {100 * found['moved_share']:.0f} % of calls"
        f" moved; random mixing that saves as much {100 * found['random_mixing']:.1f} %,"
        f" the dearest calls first {100 * found['dearest_first']:.1f} %: {found['verdict']}"
        f" ({100 * found['advantage']:+.1f} points, {100 * low:+.1f} to {100 * high:+.1f})."
        f"{'' if low > 0 or weighs else _WEIGH}"
    )
