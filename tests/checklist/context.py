"""A small audit context: calls as written, the fake book's round prices, one token a byte.

`context` is what the checks are handed before anything was tried, `check` tries the advice first.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from costopt.accel.artifacts import Artifacts
from costopt.billing.attribution import attribute
from costopt.billing.context import AuditContext, PromptCacheReport
from costopt.billing.meter import meter
from costopt.billing.prompt_cache.model import CacheModel
from costopt.checklist.discover import checks
from costopt.checklist.evidence import Evidence, Fact, Kind, Topic
from costopt.engine.advice import try_advice
from costopt.engine.evaluate import Evaluator
from costopt.engine.trial import trial_of
from costopt.model.call import Call
from costopt.model.finding import CheckResult
from costopt.model.trace import Trace
from costopt.model.view import View
from tests.billing.small import LetterTokens, timed
from tests.fakes import FakeBook


class NoTexts:
    """A log whose texts are not kept."""

    def get(self, segments: Any) -> list[str | None]:
        return [None for _ in segments]


def report(trace: Trace, **shares: float) -> PromptCacheReport:
    return PromptCacheReport(
        shares.get("recorded"), shares.get("ideal"), shares.get("modelled"), None, (), None,
        trace.input_tokens.copy(), np.full(trace.n, -1, np.int64),
    )  # fmt: skip


def context(calls: list[Call], gap_s: float = 10.0, **shares: float) -> AuditContext:
    trace, book = timed(calls, gap_s), FakeBook()
    tokens, bill = LetterTokens(trace.segments), meter(View.of(trace), book)
    laid = attribute(trace, bill, tokens)
    return AuditContext(trace, bill, laid, report(trace, **shares), book, tokens, NoTexts())


def evidence(*facts: tuple[Topic, bool | None], kinds: tuple[Kind, ...] = ()) -> Evidence:
    made = tuple(Fact(topic, holds, "`setting: 1`", "file.yaml: place") for topic, holds in facts)
    return Evidence(made, kinds)


def evaluator_of(made: AuditContext) -> Evaluator:
    model = CacheModel.of(made.trace, made.prices, made.tokens, made.texts)
    return Evaluator(made.trace, made.prices, model, builder=Artifacts(None))


def tried(made: AuditContext) -> AuditContext:
    """With every piece of advice tried, as an audit does it."""
    return replace(made, tried=try_advice(made, trial_of(evaluator_of(made), 0), 0))


def check(item: int, made: AuditContext, proven: Evidence | None = None) -> CheckResult:
    return checks()[item](tried(made), proven or Evidence())
