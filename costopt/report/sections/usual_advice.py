"""The usual advice, each piece alone on this log: what it would really have done to the bill."""

from __future__ import annotations

from costopt.model.result import AdviceItem, Result
from costopt.report.card import Card, Cell, NotApplicable, Table
from costopt.report.policy_words import interval_of_share
from costopt.report.words import dollars, plural

ORDER = 61
NAME, TITLE = "usual_advice", "The usual advice, tried on this log"
WORDS = {
    "semantic_cache": "semantic cache, only hits shown to be safe",
    "semantic_cache_usual": "semantic cache at the usual threshold",
    "exact_cache": "exact cache of answers", "routing": "small models for simple calls",
    "system_prompt": "short system prompts", "window": "rolling window of turns",
    "window_in_steps": "the same window, moved in steps",
    "tool_outputs": "trim long tool results", "max_tokens": "max_tokens at what answers need",
    "batch": "batch for background work", "prefix_caching": "prompts laid out for the cache",
    "session_budget": "a budget for every session",
    "compress": "compressed prompts, at an assumed rate",
}  # fmt: skip


def build(result: Result) -> Card | NotApplicable:
    """Dollars alone, never to be added up; what was not tried says why."""
    tried = [a for a in result.advice if a.usd is not None]
    if not tried:
        return NotApplicable(NAME, TITLE, "the usual advice was not tried: `costopt audit` does")
    rows: list[tuple[Cell, ...]] = [
        (
            _name(a), a.usd, a.usd / a.baseline_usd if a.baseline_usd and a.usd is not None else None,
            a.calls_touched, _risk(a), _proof(a),
        )
        for a in sorted(tried, key=lambda a: (-(a.usd or 0.0), a.name))
    ]  # fmt: skip
    notes = [
        "Each alone: these dollars never add up, because layers act on each other and on the provider's "
        "cache. Below zero: it costs more than it saves.",
        *dict.fromkeys(f"Tried on {a.sampled}; dollars are scaled." for a in tried if a.sampled),
        *(f"Not tried, {_name(a)}: {a.reason}" for a in result.advice if a.usd is None),
    ]
    table = Table(
        "Each piece alone", ("advice", "saves", "of the bill", "calls touched", "risk to answers", "proof"),
        ("text", "usd", "share", "count", "text", "text"), rows,
    )  # fmt: skip
    return Card(NAME, TITLE, _lead(tried), tables=[table], notes=notes)


def _lead(tried: list[AdviceItem]) -> str:
    sure = [a for a in tried if (a.usd or 0.0) > 0 and a.verified and a.calls_touched]
    worse = [a for a in tried if (a.usd or 0.0) < 0]
    lead = f"Of {plural(len(tried), 'piece')} of advice {len(sure)} would save money for sure"
    if sure:
        best = max(sure, key=lambda a: a.usd or 0.0)
        lead += f" (most: {_name(best)}, {dollars(best.usd or 0.0)})"
    return f"{lead}, {len(worse)} would raise this bill."


def _name(item: AdviceItem) -> str:
    return WORDS.get(item.name, item.name.replace("_", " "))


def _risk(item: AdviceItem) -> str:
    if not item.calls_touched:
        return "—"
    return interval_of_share(item.risk)


def _proof(item: AdviceItem) -> str:
    if not item.calls_touched:
        return "changes no call"
    return "verified" if item.verified else "UNPROVEN"
