"""The verdict: every rule judged, and the one word that a CI job acts on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from costopt.gate.rules import Rule, Rules
from costopt.gate.sample import MEASURES, Sample, grouped, sample, value
from costopt.gate.statistics import (
    MIN_FOR_PERCENTILES,
    Increase,
    increase,
    percentile_bounds,
    units_needed,
)
from costopt.model.result import Result, SessionInfo
from costopt.money import usd

SCHEMA = "costopt.verdict/1"
Word = Literal["pass", "fail", "base_already_failing", "not_comparable"]


@dataclass(frozen=True, slots=True)
class RuleVerdict:
    """One rule, or one group of a `by:` rule."""

    name: str
    limit: str
    base: float | None
    head: float | None
    change_pct: float | None
    ci95_pct: list[float] | None
    verdict: Word
    inconclusive: bool = False
    sessions_needed: int | None = None
    level: str = "fail"
    reason: str = ""
    causes: list[dict[str, object]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The whole gate: the worst word of its failing-level rules."""

    schema: str
    verdict: Word
    rules: list[RuleVerdict]
    pairing: str
    notes: list[str] = field(default_factory=list)


def judge(base: Result, head: Result, rules: Rules, seed: int = 0) -> Verdict:
    """All rules, the implicit one on unpriced models, and the overall word."""
    count = sum(_groups(base, head, r) for r in rules.rules if r.is_relative)
    found = [v for rule in rules.rules for v in _rule(base, head, rule, max(count, 1), seed)]
    found += _unpriced(base, head)
    pairing = sample(base.sessions, head.sessions, "usd_per_session").unit
    notes = []
    if base.price_book != head.price_book:
        notes.append(f"other prices: base {base.price_book}, head {head.price_book}")
    return Verdict(SCHEMA, _overall(found), found, pairing, notes)


def _overall(found: list[RuleVerdict]) -> Word:
    words = {v.verdict for v in found if v.level == "fail"}
    order: tuple[Word, ...] = ("fail", "not_comparable", "base_already_failing")
    return next((w for w in order if w in words), "pass")


def _groups(base: Result, head: Result, rule: Rule) -> int:
    if rule.by is None:
        return 1
    return max(1, len(set(grouped(base, rule.by)) & set(grouped(head, rule.by))))


def _rule(base: Result, head: Result, rule: Rule, family: int, seed: int) -> list[RuleVerdict]:
    if rule.metric == "checklist":
        return [_checklist(head, base, rule)]
    if rule.by is not None:
        left, right = grouped(base, rule.by), grouped(head, rule.by)
        return [
            _sessions(left.get(g, []), right[g], rule, family, seed, f"{rule.name}={g or '(none)'}")
            for g in sorted(right)
        ]
    if rule.metric in MEASURES or rule.metric.endswith("_session_usd"):
        return [_sessions(base.sessions, head.sessions, rule, family, seed, rule.name)]
    return [_scalar(base, head, rule)]


def _sessions(
    base: list[SessionInfo], head: list[SessionInfo], rule: Rule, family: int, seed: int, name: str
) -> RuleVerdict:
    if rule.metric.endswith("_session_usd"):
        return _percentile(base, head, rule, seed, name)
    old = value(base, rule.metric) if base else None
    new = value(head, rule.metric) if head else None
    if rule.metric == "total_usd":
        old = None if old is None else old * len(base)
        new = None if new is None else new * len(head)
    if rule.max_increase_pct is None:
        return _absolute(rule, name, old, new)
    # Bonferroni: the chance that any of several rules cries wolf stays at 1 - confidence.
    confidence = 1 - (1 - rule.confidence) / family
    pairs = sample(base, head, rule.metric)
    found = increase(pairs, confidence)
    if found is None:
        reason = f"only {len(base)} and {len(head)} sessions: no bound can be put on the change"
        return RuleVerdict(
            name,
            _limit(rule),
            old,
            new,
            None,
            None,
            "not_comparable",
            level=rule.level,
            reason=reason,
        )
    return _relative(rule, name, old, new, pairs, found, confidence)


def _relative(
    rule: Rule, name: str, old: float | None, new: float | None, pairs: Sample, found: Increase,
    confidence: float,
) -> RuleVerdict:  # fmt: skip
    assert rule.max_increase_pct is not None
    limit = rule.max_increase_pct
    small = old is not None and new is not None and new - old < rule.min_increase_usd
    is_money = "usd" in rule.metric
    fails = found.low_pct > limit and not (is_money and small)
    open_ = not fails and found.pct > limit and not (is_money and small)
    needed = units_needed(found, limit, confidence) if open_ else None
    two_sided = increase(pairs, 0.975)
    ci = None if two_sided is None else [two_sided.low_pct, two_sided.high_pct]
    return RuleVerdict(
        name,
        _limit(rule),
        old,
        new,
        found.pct,
        ci,
        "fail" if fails else "pass",
        open_,
        needed,
        rule.level,
    )


def _limit(rule: Rule) -> str:
    parts = [
        (rule.max_increase_pct, "+{:g} %"),
        (rule.max_decrease_pct, "-{:g} %"),
        (rule.max, "<= {:g}"),
        (rule.min, ">= {:g}"),
    ]
    return ", ".join(text.format(v) for v, text in parts if v is not None)


def _absolute(rule: Rule, name: str, old: float | None, new: float | None) -> RuleVerdict:
    change = 100 * (new / old - 1) if old and new is not None else None
    if new is None:
        word: Word = "not_comparable"
    elif not _beyond(rule, new):
        word = "pass"
    else:
        word = "base_already_failing" if old is not None and _beyond(rule, old) else "fail"
    return RuleVerdict(name, _limit(rule), old, new, change, None, word, level=rule.level)


def _beyond(rule: Rule, value: float) -> bool:
    return (rule.max is not None and value > rule.max) or (
        rule.min is not None and value < rule.min
    )


def _percentile(
    base: list[SessionInfo], head: list[SessionInfo], rule: Rule, seed: int, name: str
) -> RuleVerdict:
    percent = float(rule.metric[1:].split("_")[0])
    sides = [np.array([float(usd(int(s.usd_pico))) for s in side]) for side in (base, head)]
    if len(sides[1]) < MIN_FOR_PERCENTILES:
        reason = f"percentiles need {MIN_FOR_PERCENTILES} sessions, HEAD has {len(sides[1])}"
        return RuleVerdict(
            name, _limit(rule), None, None, None, None, "not_comparable", False,
            MIN_FOR_PERCENTILES, rule.level, reason,
        )  # fmt: skip
    new, low, _ = percentile_bounds(sides[1], percent, rule.confidence, seed)
    old = float(np.percentile(sides[0], percent)) if len(sides[0]) else None
    limit = rule.max
    if rule.max_increase_pct is not None and old is not None:
        _, _, base_high = percentile_bounds(sides[0], percent, rule.confidence, seed + 1)
        limit = max(base_high, old) * (1 + rule.max_increase_pct / 100)
    fails = limit is not None and low > limit
    base_fails = rule.max is not None and old is not None and old > rule.max
    word: Word = "pass" if not fails else "base_already_failing" if base_fails else "fail"
    change = 100 * (new / old - 1) if old else None
    is_open = not fails and limit is not None and new > limit
    return RuleVerdict(name, _limit(rule), old, new, change, None, word, is_open, None, rule.level)


def _scalar(base: Result, head: Result, rule: Rule) -> RuleVerdict:
    old, new = (_scalar_value(r, rule.metric) for r in (base, head))
    if rule.max_decrease_pct is not None and old and new is not None:
        change = 100 * (new / old - 1)
        word: Word = "fail" if change < -rule.max_decrease_pct else "pass"
        return RuleVerdict(rule.name, _limit(rule), old, new, change, None, word, level=rule.level)
    return _absolute(rule, rule.name, old, new)


def _scalar_value(result: Result, metric: str) -> float | None:
    if metric == "unpriced_calls":
        return float(result.bill.unpriced_calls)
    if metric == "cache_read_share":
        return result.prompt_cache.recorded_share
    layers = result.projection.layers if result.projection else []
    found = [ly["evidence"].get("hit_rate") for ly in layers if ly.get("layer") == "semantic_cache"]
    return float(found[0]) if found and found[0] is not None else None


def _checklist(head: Result, base: Result, rule: Rule) -> RuleVerdict:
    broken = [
        c.id for c in head.checklist if c.id in rule.must_pass and c.status in ("fail", "unknown")
    ]
    before = [
        c.id for c in base.checklist if c.id in rule.must_pass and c.status in ("fail", "unknown")
    ]
    word: Word = (
        "pass" if not broken else "fail" if set(broken) - set(before) else "base_already_failing"
    )
    limit = f"items {', '.join(map(str, rule.must_pass))} pass"
    reason = f"items {', '.join(map(str, broken))} do not" if broken else ""
    return RuleVerdict(
        rule.name, limit, float(len(before)), float(len(broken)), None, None, word,
        level=rule.level, reason=reason,
    )  # fmt: skip


def _unpriced(base: Result, head: Result) -> list[RuleVerdict]:
    """A new model without a price fails; the same one on both sides cannot be compared."""
    if not head.bill.unpriced_calls:
        return []
    old, new = set(base.bill.unpriced_models), set(head.bill.unpriced_models)
    fresh = sorted(new - old)
    word: Word = "fail" if fresh else "not_comparable"
    reason = f"no price for {', '.join(fresh or sorted(new))}: costopt prices check"
    counts = (float(base.bill.unpriced_calls), float(head.bill.unpriced_calls))
    return [RuleVerdict("unpriced models", "<= 0", *counts, None, None, word, reason=reason)]
