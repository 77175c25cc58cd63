"""Compression on real traces, where nothing is run: what all of the prose costs behind the provider's cache.

Keeping all of it changes no cent. At the rate that the layer calls break-even, next to nothing is left.
The dollars of a rate are what a compressor would save *if* it kept that rate: an assumption, not a finding.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from costopt.engine.evaluate import Evaluator
from costopt.engine.policy import Policy
from costopt.layers.compress import Compress
from costopt.money import usd_text
from costopt.wiring.request import TraceOptions
from costopt.wiring.simulating import prepare
from validation.table import Table
from validation.windows import TRACES, traces

VARIANTS: tuple[tuple[str, Compress], ...] = (
    ("as it is set", Compress()),
    ("user messages behind an answer are results", Compress(user_messages=True)),
    ("all kinds, from 100 tokens on",
     Compress(kinds=("system", "user", "assistant", "tool_result"), min_tokens=100,
              user_messages=True)),
)  # fmt: skip
NEAR = 0.05
"""Of what the prose costs, so of the rate: break-even is read off a line, and the cache has steps."""


def run(folder: Path, table: Table) -> None:
    """All traces that are there."""
    for name in TRACES:
        with traces(folder, name) as paths:
            options = TraceOptions(traces=[str(p) for p in paths], no_store=True, quiet=True)
            evaluator = prepare(options, Policy(layers=(Compress(),))).evaluator
            table.title(f"{name}: dollars saved if a third of the prose were enough")
            if evaluator.baseline.total_pusd:
                _compared(table, evaluator)
            else:
                table.shown("the log shows no dollars", "nothing to save")


def _compared(table: Table, evaluator: Evaluator) -> None:
    bill = evaluator.baseline.total_pusd
    table.shown("the bill", f"${usd_text(bill)}")
    for what, layer in VARIANTS:
        found = _evidence(evaluator, layer)
        saved = bill - evaluator.value((layer,))
        share, most = found["compressible_share_of_bill"], found["break_even_rate"]
        table.shown(
            what, f"{saved / bill:.2%} of the bill",
            f"prose {share:.2%}, pays below {'-' if most is None else f'{most:.0%}'}",
        )  # fmt: skip
        table.equal(f"{what}: all prose kept, pico-dollars saved", 0, _saved(evaluator, layer, 1.0))
        if most is not None and most > layer.rate:
            left = abs(_saved(evaluator, layer, min(most, 0.999))) / (share * bill)
            table.at_most(f"{what}: of the prose's cost saved at break-even", NEAR, left)


def _evidence(evaluator: Evaluator, layer: Compress) -> dict[str, Any]:
    effect = evaluator.effect((layer,))
    return layer.report(effect.tally, effect.detail).evidence


def _saved(evaluator: Evaluator, layer: Compress, rate: float) -> int:
    return int(evaluator.baseline.total_pusd - evaluator.value((replace(layer, rate=rate),)))
