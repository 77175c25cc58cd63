"""Claim: prompts shrink 3 to 4 times, at a loss of less than 5 %."""

from __future__ import annotations

from costopt.engine.evaluate import Evaluator
from costopt.layers.base import Layer
from costopt.layers.discover import layer_class, layer_names
from study.logs import Log
from study.priced import priced
from study.words import Figures, Headline, Mark, named, pct, saved, span, table

RATES = {"3x": 1 / 3, "4x": 1 / 4}
ALWAYS = 0.995
"""A break-even that rounds to all of the prose."""
COMMAND = (
    '`pip install ".[compress,ranks]"`, then `costopt simulate` with `compress: {method: llmlingua2, '
    "model: microsoft/llmlingua-2-xlm-roberta-large-meetingbank}` in the policy"
)


def compressors(log: Log, rate: float) -> tuple[Layer, ...]:
    """The layer, assumed to reach the ratio on all prose; none where this version has no such layer."""
    if "compress" not in layer_names():
        return ()
    return (layer_class("compress")(rate=rate, user_messages=log.results_as_user),)


def of_log(e: Evaluator, log: Log) -> Figures:
    return {
        name: priced(e, *layers)
        for name, rate in RATES.items()
        if (layers := compressors(log, rate))
    }


def told(found: Figures, logs: Figures) -> list[str]:
    measured = {n: f for n, f in found["logs"].items() if f}
    lines = [
        "Ratio and loss: `not measurable here`, no compressor was run. What measures the ratio: "
        f"{COMMAND}. The loss needs the answers over compressed prompts, asked again of the model."
    ]
    if not measured:
        return lines
    rows = []
    for name, f in measured.items():
        told = f["3x"]["layers"][0]["evidence"]
        even = told.get("break_even_rate")
        rows.append((
            named(name, logs), pct(told.get("compressible_share_of_bill"), 1), saved(f["3x"]), saved(f["4x"]),
            _where(even),
        ))  # fmt: skip
    head = ("log", "prose, of the bill", "3x assumed: bill saved", "4x assumed", "pays where")
    return [*lines, "", *table(head, rows)]


def _where(even: float | None) -> str:
    if even is None:
        return "nothing was cut"
    if even <= 0:
        return "at no ratio"
    return f"less than {pct(even, 0)} is kept" if even < ALWAYS else "at any ratio"


def headline(found: Figures) -> Headline:
    measured = [f for f in found["logs"].values() if f]
    says = "the ratio and the loss are `not measurable here`"
    if measured:
        share = [100 * f["3x"]["layers"][0]["evidence"].get("compressible_share_of_bill", 0.0)
                 for f in measured]  # fmt: skip
        most = [f["4x"]["pct"] for f in measured]
        says = (
            f"{span(share)} of these bills is long prose that a compressor may touch (the rest is code, "
            f"output, tools, short); if it shrank 4 times, {span(most)} of the bill; {says}"
        )
    return Headline(
        "3 to 4 times compression, less than 5 % lost", says,
        "not measurable here; its ceiling is the prose",
    )  # fmt: skip


def marks(found: Figures) -> list[Mark]:
    return [Mark(n, f["4x"]["pct"] or 0.0, assumed=True) for n, f in found["logs"].items() if f]
