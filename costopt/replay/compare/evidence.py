"""What a replay teaches the next projection: from the writing half alone, and only from what was measured.

The shape is JSON, by layer, and `*` for the log as a whole. The judging half is not read here: changing
what came back for it changes no evidence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from costopt.replay.compare.agreement.answers import HEADLINE, kinds
from costopt.replay.compare.agreement.table import Tested, floor_for, table
from costopt.replay.compare.chosen import How, pairs_for, rows_for
from costopt.replay.compare.gaps import cache_by_gap
from costopt.replay.compare.known import PolicyLayer
from costopt.replay.compare.layers import Grounds, policy_layers
from costopt.replay.compare.measured import Row
from costopt.replay.compare.moves import moves_of
from costopt.replay.compare.pairs import CACHES, bare, is_mapped
from costopt.replay.compare.quantities.batch import TIER, price_multiplier
from costopt.replay.compare.quantities.serving import timings
from costopt.replay.compare.ratios import length_ratio, median_of, models_of
from costopt.replay.compare.totals import calibration
from costopt.replay.items import Half

WHOLE = "*"


def evidence_of(has: Grounds, run: int) -> dict[str, Any]:
    """By layer; empty where nothing was measured. A layer of which no row of the writing half tells is
    not in it."""
    wrote = has.half(Half.WRITES)
    if not wrote.measured.rows:
        return {}
    head = {"run": run, "at": has.known.at}
    found: dict[str, Any] = {WHOLE: head | _whole(wrote)}
    for layer in policy_layers(has.plan, has.known):
        told = _layer(layer, wrote)
        if told:
            found[layer.name] = {"settings": dict(layer.settings)} | head | told
    return found


def _layer(layer: PolicyLayer, wrote: Grounds) -> dict[str, Any]:
    rows = rows_for(layer.name, wrote.measured.rows)
    told = _answers(layer.name, wrote) | _tokens(rows.found, wrote)
    if not told:
        return {}
    told["model"] = _served(rows.found)
    told["alone"] = rows.how == How.ALONE
    name = bare(layer.name)
    if name in ("route", "self_host"):
        told |= moves_of(rows.found, wrote)
    if name == "batch":
        told |= _batch(rows.found, wrote)
    if name == "self_host":
        told |= {what: value for what, (value, _) in timings(rows.found).items()}
        told["tokens_per_s"] = median_of(rows.found, _tokens_per_s)
    return told


def _answers(name: str, wrote: Grounds) -> dict[str, Any]:
    """Agreement by the headline test, and by the judge where there is one."""
    chosen = pairs_for(name, wrote.pairs.compared)
    floor = floor_for(name, chosen.found, wrote.pairs.noise).or_none()
    lines = table(wrote.tests, chosen.found, floor)
    if not lines:
        return {}
    head = lines[0]
    told = _counts(head) | {"test": HEADLINE, "tests": kinds(chosen.found)}
    if bare(name) in CACHES:
        told |= {
            "cached_answers": head.agreement.answers,
            "cached_differ": head.agreement.answers - head.agreement.agree,
        }  # fmt: skip
    judge = next((line for line in lines if line.agreement.test == "judge"), None)
    return told if judge is None else told | {"judge": _counts(judge)}


def _counts(line: Tested) -> dict[str, Any]:
    """Shares, not percent. `ci95`: of the excess; null without a noise floor."""
    a = line.agreement
    over = a.excess_ci95_pp
    return {
        "replayed_answers": a.answers, "answers_differ": a.answers - a.agree,
        "noise_answers": a.noise_answers, "noise_differ": a.noise_answers - a.noise_agree,
        "noise_rate": None if a.noise_rate is None else 1 - a.noise_rate, "sessions": a.sessions,
        "excess": None if a.excess_pp is None else a.excess_pp / 100,
        "ci95": None if over is None else [end / 100 for end in over],
    }  # fmt: skip


def _tokens(rows: Sequence[Row], wrote: Grounds) -> dict[str, Any]:
    """Ratios of the layer's requests, and answers that their limit cut."""
    if not rows:
        return {}
    into = calibration(rows, "input_tokens", wrote.known)
    out, calls = length_ratio(rows, wrote.unchanged, wrote.known)
    return {
        "input_ratio": None if into is None else into.value,
        "input_ratio_ci95": None if into is None or into.ci95 is None else list(into.ci95),
        "inputs": sum(r.input_tokens is not None for r in rows),
        "output_ratio": None if out is None else out.value,
        "output_ratio_ci95": None if out is None or out.ci95 is None else list(out.ci95),
        "outputs": calls, "truncated": sum(r.cut for r in rows), "truncated_of": len(rows),
        "mapped": any(is_mapped(r.item) for r in rows),
    }  # fmt: skip


def _served(rows: Sequence[Row]) -> str:
    """The model that answered most of them."""
    names = [r.completion.answer.model or r.item.request.model for r in rows]
    return max(sorted(set(names)), key=names.count) if names else ""


def _batch(rows: Sequence[Row], wrote: Grounds) -> dict[str, Any]:
    lines = [r for r in rows if r.item.request.service_tier == TIER]
    if not lines:
        return {}
    return {
        "price_multiplier": price_multiplier(lines, wrote.known.price),
        "turnaround_s": median_of(lines, lambda r: r.completion.latency_ms / 1000),
        "lines": len(lines),
    }  # fmt: skip


def _tokens_per_s(row: Row) -> float | None:
    """Of one answer, first token included."""
    tokens, ms = row.output_tokens, row.completion.latency_ms
    return None if tokens is None or ms <= 0 else 1000 * tokens / ms


def _whole(wrote: Grounds) -> dict[str, Any]:
    """Of every row that may write."""
    rows = wrote.measured.rows
    at_once = [r for r in rows if r.item.request.service_tier != TIER]
    warm = [] if wrote.known.settings.get("cold") else at_once
    return {
        "cache_by_gap": cache_by_gap(warm, wrote.known.sent_at_us),
        "latency": _latency(at_once), "models": models_of(rows, wrote.known),
        **wrote.known.settings,
    }  # fmt: skip


def _latency(at_once: Sequence[Row]) -> dict[str, Any]:
    """Medians. `ratio`: measured over the log's own, of the calls that have both."""
    both = [r for r in at_once if r.item.predicted.latency_ms]
    predicted = median_of(both, lambda r: r.item.predicted.latency_ms)
    measured = median_of(both, lambda r: r.completion.latency_ms)
    found: Mapping[str, Any] = {what: v for what, (v, _) in timings(at_once).items()}
    ratio = measured / predicted if predicted and measured is not None else None
    return {**found, "calls": len(at_once), "ratio": ratio}
