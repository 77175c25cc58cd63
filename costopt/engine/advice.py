"""The usual list of advice as layers, each tried alone on a log: what it would really have done to the bill.

Settings are those that the advice itself names (a window of 8 turns, a semantic cache with a bound on false
hits, batch for background work); what depends on the log (the small model of a provider, the budget) is
read from it. Nothing here is a proposal: a proposal is made of what saves without a risk.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from costopt.billing.context import AuditContext
from costopt.checklist.routing import small_models
from costopt.checklist.session_budget import stop_pusd
from costopt.checklist.system_prompt import LIMIT_TOKENS as SYSTEM_TOKENS
from costopt.checklist.tool_outputs import LIMIT_TOKENS as RESULT_TOKENS
from costopt.checklist.window import CHUNK, TURNS
from costopt.engine.measured import report_of
from costopt.engine.outcome import Executor, InProcess
from costopt.engine.settings import plain, settings_of
from costopt.engine.trial import Trial, drawn, scaled_dollars
from costopt.errors import CostoptError
from costopt.layers.base import Layer
from costopt.layers.batch import Batch
from costopt.layers.compress import Compress
from costopt.layers.exact_cache import ExactCache
from costopt.layers.output import Output
from costopt.layers.parts.short_system import ShortSystem
from costopt.layers.prompt_layout import PromptLayout
from costopt.layers.route import Route
from costopt.layers.semantic_cache import SemanticCache
from costopt.layers.session_budget import SessionBudget
from costopt.layers.trim_tools import TrimTools
from costopt.layers.window import Window
from costopt.model.call import SegmentKind
from costopt.model.probe import NoProbe, Probe, Tried
from costopt.model.result import AdviceItem
from costopt.money import usd_float

EMBEDDED_CALLS, EMBEDDED_BYTES = 3_000, 3_000_000
"""Calls, and bytes of what their users write, in which similar requests are looked for: an audit must stay
quick. The built-in embedder reads about a megabyte a second; pairs grow with the square of the calls."""
FLOOR = 0.8
"""Pairs less similar are not looked at: below it a semantic cache is no cache of the same question."""
THRESHOLD = 0.95
"""Where semantic caches are usually set; the hits there are shown beside those that are shown to be safe."""

Made = tuple[Layer, ...] | str
"""Layers that stand for one piece of advice, or why the log does not allow to try it."""


@dataclass(frozen=True)
class Advice:
    """One piece of advice: its layer's name, and how it is made for a log."""

    layer: str
    made: Callable[[AuditContext], Made]
    embeds: bool = False


def usual_advice() -> Mapping[str, Advice]:
    """Name to advice, in the order of the checklist; what it has no item for stands last."""
    found = {
        "semantic_cache": Advice(
            "semantic_cache", lambda _: (SemanticCache(threshold="auto", floor=FLOOR),), embeds=True
        ),
        "semantic_cache_usual": Advice(
            "semantic_cache", lambda _: (SemanticCache(threshold=THRESHOLD, floor=FLOOR),), embeds=True
        ),
        "exact_cache": Advice("exact_cache", lambda _: (ExactCache(),)),
        "routing": Advice("route", _routes),
        "system_prompt": Advice("short_system", lambda _: (ShortSystem(SYSTEM_TOKENS),)),
        "window": Advice("window", lambda _: (Window(turns=TURNS),)),
        "window_in_steps": Advice(
            "window", lambda _: (Window(turns=TURNS, slide_every=CHUNK),)
        ),
        "tool_outputs": Advice("trim_tools", lambda _: (TrimTools(max_tokens=RESULT_TOKENS),)),
        "max_tokens": Advice("output", lambda _: (Output(),)),
        "batch": Advice("batch", lambda _: (Batch(),)),
        "prefix_caching": Advice("prompt_layout", lambda _: (PromptLayout(),)),
        "session_budget": Advice("session_budget", _budget),
        "compress": Advice("compress", lambda _: (Compress(),)),
    }  # fmt: skip
    return found


def try_advice(context: AuditContext, trial: Trial, seed: int) -> Tried:
    """Every piece of advice alone. What cannot be tried says why; a defect of a layer is raised."""
    small = _for_embedding(trial, seed)
    found: dict[str, Probe | NoProbe] = {}
    for name, advice in usual_advice().items():
        where = small if advice.embeds else trial
        found[name] = _probe(context, where, advice)
    return Tried(found, context.prices.as_of.isoformat())


def advice_items(tried: Tried) -> list[AdviceItem]:
    """The usual advice as the result carries it."""
    return [_advice_item(name, found) for name, found in tried.found.items()]


def _advice_item(name: str, found: Probe | NoProbe) -> AdviceItem:
    if isinstance(found, NoProbe):
        return AdviceItem(
            name, found.layer, {}, None, 0.0, 0.0, 0, {}, {}, False, [], found.reason
        )  # fmt: skip
    risk = {
        "metric": found.risk.metric, "value": plain(found.risk.value),
        "ci95": plain(found.risk.ci95), "basis": found.risk.basis,
    }  # fmt: skip
    return AdviceItem(
        name, found.layer, dict(found.settings), usd_float(found.saved_pusd),
        usd_float(found.overhead_pusd), usd_float(found.baseline_pusd), found.calls_touched,
        dict(found.evidence), risk, found.verified, list(found.notes), "", found.sampled,
    )  # fmt: skip


def _for_embedding(trial: Trial, seed: int) -> Trial:
    """The same, or a part of it that is soon embedded."""
    trace = trial.evaluator.trace
    written = np.unique(trace.request.ids)
    written = written[trace.segments.kind[written] == SegmentKind.USER]
    size = max(1, int(trace.segments.n_bytes[written].sum()))
    calls = min(EMBEDDED_CALLS, EMBEDDED_BYTES * trace.n // size)
    part = drawn(trial.evaluator, calls, seed)
    words = part.words or trial.words
    if part.words and trial.words:
        words = f"{part.evaluator.trace.n:,} calls of whole sessions, drawn out of {trial.words}"
    return Trial(part.evaluator, trial.whole_pusd, words)


def _probe(context: AuditContext, trial: Trial, advice: Advice) -> Probe | NoProbe:
    made = advice.made(context)
    if isinstance(made, str):
        return NoProbe(advice.layer, made)
    try:
        return _tried(InProcess(trial.evaluator), trial, advice.layer, made)
    except CostoptError as error:  # an extra or a model that is not there: the audit goes on
        return NoProbe(advice.layer, f"It could not be tried: {str(error).splitlines()[0]}")


def _tried(executor: Executor, trial: Trial, name: str, layers: tuple[Layer, ...]) -> Probe:
    """Several layers for one piece of advice are for different calls: their counts add up."""
    base, *behind = executor.outcomes([layers[:i] for i in range(len(layers) + 1)])
    reports = [report_of(layer, found) for layer, found in zip(layers, behind, strict=True)]
    main = max(range(len(layers)), key=lambda i: (behind[i].touched, -i))
    last, report = behind[-1], reports[main]
    return Probe(
        name,
        settings_of(layers[main], report.settings),
        trial.scaled(base.total_pusd - last.total_pusd),
        trial.scaled(last.overhead_pusd),
        trial.scaled(base.total_pusd),
        sum(found.touched for found in behind),
        scaled_dollars(plain(report.evidence), trial),
        report.risk,
        all(r.verified for r in reports),
        report.notes,
        report.assumptions,
        trial.words,
    )


def _routes(context: AuditContext) -> Made:
    """Each provider's simple calls to its own small model."""
    targets = small_models(context)
    if not targets:
        return "No provider of this log has a small model with a known price."
    return tuple(
        Route(tiers=(("simple", model),), match=(("provider", (_literal(provider),)),))
        for provider, model in targets
    )


def _literal(text: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in text)


def _budget(context: AuditContext) -> Made:
    stop = stop_pusd(context)
    if stop is None:
        return (
            "A budget is set from the P95 of a session, which needs 20 sessions with known costs."
        )
    return (SessionBudget(usd=usd_float(stop)),)
