"""Claim: structured output is 2 to 3 times shorter."""

from __future__ import annotations

import numpy as np

from costopt.engine.evaluate import Evaluator
from costopt.layers.output import Output
from costopt.model.call import SegmentKind
from costopt.model.leaf import OUTPUT
from study.logs import Log
from study.priced import priced
from study.words import Figures, Headline, Mark, named, pct, saved, span, table

RATIOS = {"2x": 1 / 2, "3x": 1 / 3}
COMMAND = (
    "ask some of the logged prompts again with the schema, and give the measured ratio as "
    "`output: {structured: {agent: NAME}, ratio: R}` to `costopt simulate`"
)


def shorter(ratio: float) -> Output:
    """Every answer of every call: more than anybody would ask for."""
    return Output(max_tokens="off", structured=(("agent", ("*",)),), ratio=ratio)


def of_log(e: Evaluator, log: Log) -> Figures:
    rows = e.charged & e.known
    rates = {name: priced(e, shorter(ratio)) for name, ratio in RATIOS.items()}
    return {
        "calls": int(rows.sum()), "tool_answers": _with_tool_call(e) / max(1, int(rows.sum())),
        "output_tokens": int(e.trace.leaves[rows][:, OUTPUT].sum()), **rates,
    }  # fmt: skip


def _with_tool_call(e: Evaluator) -> int:
    """Calls whose answer is a tool call: in a schema already."""
    answers, kinds = e.trace.response, e.recorded.segments.kind
    rows = np.repeat(np.arange(e.trace.n), np.diff(answers.offsets))
    called = np.zeros(e.trace.n, np.bool_)
    called[rows[kinds[answers.ids] == SegmentKind.TOOL_CALL]] = True
    return int((called & e.charged & e.known).sum())


def told(found: Figures, logs: Figures) -> list[str]:
    rows = [
        (named(n, logs), pct(f["tool_answers"], 0), saved(f["2x"]), saved(f["3x"]))
        for n, f in found["logs"].items()
    ]
    return [
        f"The ratio is `not measurable here`: no answer was asked for again. What measures it: {COMMAND}. "
        "The ceiling is known: every visible answer of every call, tool calls and code included, two and "
        "three times shorter.", "",
        *table(("log", "answers that are tool calls already", "all answers 2x shorter: bill saved",
                "3x"), rows),
    ]  # fmt: skip


def headline(found: Figures) -> Headline:
    high = [f["3x"]["pct"] for f in found["logs"].values()]
    return Headline(
        "Structured output is 2 to 3 times shorter",
        f"if every answer of every call were 3 times shorter, {span(high)} of the bill; whether they would "
        "be is `not measurable here`", "unverified; its ceiling is what output costs",
    )  # fmt: skip


def marks(found: Figures) -> list[Mark]:
    return [Mark(n, f["3x"]["pct"] or 0.0, assumed=True) for n, f in found["logs"].items()]
