"""A first policy out of a log's own findings: safe layers that save, each tried alone and then together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from costopt.billing.context import AuditContext
from costopt.engine.evaluate import Evaluator, Layers
from costopt.engine.measured import report_of
from costopt.engine.outcome import Executor, InProcess
from costopt.engine.policy import Policy
from costopt.layers.base import Layer
from costopt.layers.discover import layer_names
from costopt.model.effect import LayerReport
from costopt.model.finding import Finding
from costopt.money import show
from costopt.wiring.policy.candidates import NEVER, Candidate, candidates
from costopt.wiring.policy.write import layer_flow, policy_yaml

NAME = "safe defaults"
MAX_RISK, MAX_RISK_BOUND = 0.02, 0.05
"""Answers that may differ: the share itself, and the upper end of its 95 % interval. A model that is
asked the same twice at temperature 0 differs from itself about as often."""
WORTH_SHARE = 0.001
"""Of the bill. Below a tenth of a percent a layer is not worth its upkeep."""
BY_HAND = 3


@dataclass(frozen=True)
class Kept:
    """A layer that is proposed, with what it comes to alone."""

    layer: Layer
    candidate: Candidate
    solo_pusd: int
    report: LayerReport
    named: tuple[str, ...]


@dataclass(frozen=True)
class Proposal:
    """The policy, and in words why each layer is in it and others are not."""

    policy: Policy
    why: dict[int, list[str]]
    """Layer's index to its reasons."""
    left_out: list[str]
    by_hand: list[str]
    """Findings that no layer fixes."""
    saved_pusd: int
    baseline_pusd: int
    sampled: str = ""
    """What part of the log it was tried on, in words; empty: all of it."""
    named: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    """Layer's index to the settings that were chosen: written even where they are the defaults."""

    @property
    def yaml(self) -> str:
        """As a file with the reasons as comments."""
        share = 100 * self.saved_pusd / self.baseline_pusd if self.baseline_pusd else 0.0
        saves = f"Together they save {show(self.saved_pusd)} of {show(self.baseline_pusd)}, {share:.1f} %."
        if not self.policy.layers:
            saves = "No layer saves on this log without a risk that the log does not rule out."
        top = [
            "Proposed by costopt policy init: safe settings alone, each simulated on this log.",
            saves,
            "Order is the order in which the layers act. costopt explain NAME shows all settings.",
        ]
        if self.sampled:
            top.insert(1, f"Tried on {self.sampled}: costopt simulate runs the whole log.")
        below = ["", "Left out:", *(f"  {t}" for t in self.left_out)] if self.left_out else []
        if self.by_hand:
            below += ["", "What no layer does for you:", *(f"  {t}" for t in self.by_hand)]
        return policy_yaml(self.policy, top=top, above=self.why, below=below, named=self.named)


def propose(
    context: AuditContext, findings: Sequence[tuple[str, Finding]], evaluator: Evaluator,
    *, executor: Executor | None = None, sampled: str = "",
) -> Proposal:  # fmt: skip
    """Try every safe layer alone, then drop what does not help the others. Deterministic."""
    asked = executor or InProcess(evaluator)
    base = asked.outcomes([()])[0].total_pusd
    kept: list[Kept] = []
    left_out: list[str] = []
    for candidate in candidates(context, findings):
        found = _best(asked, candidate, base)
        if isinstance(found, str):
            left_out.append(f"{candidate.name}: {found}")
        else:
            kept.append(found)
    kept, dropped, total = _together(asked, kept, base)
    left_out += dropped + [f"{n}: {why}" for n, why in NEVER.items() if n in layer_names()]
    layers = tuple(k.layer for k in kept)
    return Proposal(
        Policy(layers, NAME), {i: _reasons(k) for i, k in enumerate(kept)}, left_out,
        _by_hand(findings), base - total, base, sampled, {i: k.named for i, k in enumerate(kept)},
    )  # fmt: skip


def _best(asked: Executor, candidate: Candidate, base: int) -> Kept | str:
    """The setting that saves most within the risk, or why none is proposed."""
    best: Kept | None = None
    reasons: list[str] = []
    outcomes = asked.outcomes([(layer,) for layer in candidate.layers])
    tried = zip(candidate.layers, candidate.values, outcomes, strict=True)
    for layer, values, found in tried:
        report = report_of(layer, found)
        saved = base - found.total_pusd
        reason = _refusal(layer, values, report, saved, base, found.touched)
        if reason:
            reasons.append(reason)
        elif best is None or saved > best.solo_pusd:
            best = Kept(layer, candidate, saved, report, tuple(values))
    return best or reasons[-1]


def _refusal(
    layer: Layer,
    values: Mapping[str, Any],
    report: LayerReport,
    saved: int,
    base: int,
    touched: int,
) -> str:
    """Why this layer is not proposed; empty: it may be."""
    settings = layer_flow(layer, tuple(values))
    with_it = f"with {settings} " if settings != "{}" else ""
    if not touched:
        return "it changes no call of this log"
    if saved < 0:
        return f"{with_it}it would cost {show(-saved)} MORE"
    if saved < WORTH_SHARE * base or not saved:
        return f"{with_it}it would save {show(saved)}: not worth its upkeep"
    value, ci = report.risk.value, report.risk.ci95
    if value is None:
        unknown = "" if report.verified else "its risk is not measured"
        return f"{with_it}it would save {show(saved)}, but {unknown}" if unknown else ""
    bound = ci[1] if ci else value
    if not report.verified or value > MAX_RISK or bound > MAX_RISK_BOUND:
        return f"{with_it}it would save {show(saved)}, but {_risk_words(report, value, bound)}"
    return ""


def _risk_words(report: LayerReport, value: float, bound: float) -> str:
    """What was seen, and how much more the log leaves open: nothing seen is not nothing there."""
    metric = report.risk.metric
    if not value and bound > value:
        open_still = f"{100 * bound:.1f} % of answers at risk ({metric}, none seen)"
        return f"the log is too short to rule out {open_still}"
    upper = f", up to {100 * bound:.1f} %" if report.risk.ci95 else ""
    return f"{100 * value:.1f} % of answers at risk ({metric}{upper})"


def _together(asked: Executor, kept: list[Kept], base: int) -> tuple[list[Kept], list[str], int]:
    """Without the layers that the others are better off without; the bill of those that stay."""
    dropped: list[str] = []
    total = base
    while kept:
        lists: list[Layers] = [_layers(kept)]
        lists += [_layers(kept[:i] + kept[i + 1 :]) for i in range(len(kept))]
        total, *others = (o.total_pusd for o in asked.outcomes(lists))
        best = min(range(len(others)), key=lambda i: others[i])
        if others[best] > total:
            break
        gone = kept.pop(best)
        alone = f"alone it saves {show(gone.solo_pusd)}"
        dropped.append(f"{gone.candidate.name}: {alone}, beside the others nothing")
        total = others[best]
    return kept, dropped, total if kept else base


def _layers(kept: list[Kept]) -> Layers:
    return tuple(k.layer for k in kept)


def _reasons(kept: Kept) -> list[str]:
    lines = [
        f"{id} {f.title}: up to {show(f.usd)}"
        for id, f in kept.candidate.findings[:BY_HAND]
        if f.usd
    ]
    risk = kept.report.risk
    words = "risk to answers: none"
    if risk.value is not None and risk.metric != "none":
        words = f"{risk.metric} {100 * risk.value:.1f} %"
        if risk.ci95:
            words += f" ({100 * risk.ci95[0]:.1f}-{100 * risk.ci95[1]:.1f})"
    return [*lines, f"alone it saves {show(kept.solo_pusd)} · {words}"]


def _by_hand(findings: Sequence[tuple[str, Finding]]) -> list[str]:
    mine = [(id, f) for id, f in findings if f.layer is None and f.usd > 0 and not f.estimated]
    return [f"{id} {f.title}: {show(f.usd)}. {f.fix}" for id, f in mine[:BY_HAND]]
