"""A proposed policy: what saves alone and is safe, less what does not help the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np

from costopt.engine.evaluate import Layers
from costopt.engine.outcome import Outcome
from costopt.layers.base import Layer
from costopt.layers.trim_tools import TrimTools
from costopt.layers.window import Window
from costopt.model.effect import LayerReport, Risk
from costopt.money import PicoUsd
from costopt.wiring.policy import propose as proposing
from costopt.wiring.policy.candidates import Candidate, _literal, batches
from costopt.wiring.policy.load import parse_policy
from costopt.wiring.policy.propose import propose
from tests.billing.small import call, usage
from tests.findings.context import context_of

USD = 10**12
TRIM, SHORT, WINDOW = TrimTools(max_tokens=4000), TrimTools(max_tokens=1000), Window(turns=8)


@dataclass(frozen=True)
class Told:
    """An executor that is told the bill of every list of layers, in dollars."""

    bills: Mapping[Layers, float]
    touched: int = 5

    def outcomes(self, lists: Sequence[Layers]) -> list[Outcome]:
        return [self._one(layers) for layers in lists]

    def _one(self, layers: Layers) -> Outcome:
        pusd = np.array([round(self.bills[layers] * USD)], np.int64)
        touched = self.touched if layers else 0
        return Outcome(pusd, np.zeros(1), PicoUsd(0), {}, {}, touched, 0)


@dataclass
class Reports:
    """What each layer says of its risk."""

    by_layer: dict[Layer, LayerReport] = field(default_factory=dict)

    def of(self, value: float | None, high: float = 0.0, verified: bool = True) -> LayerReport:
        ci = None if value is None else (0.0, high)
        return LayerReport({}, Risk("reach_back_rate", value, ci, "log"), verified, "from_log")


def run(monkeypatch: Any, bills: dict[Layers, float], **risks: tuple[float, float, bool]) -> Any:
    context = context_of([call("a", ["user:hi"], usage(10, out=1), ["assistant:x"])])
    tried = [
        Candidate("trim_tools", (TRIM, SHORT), ({"max_tokens": 4000}, {"max_tokens": 1000}), ()),
        Candidate("window", (WINDOW,), ({"turns": 8},), ()),
    ]
    monkeypatch.setattr(proposing, "candidates", lambda *_: tried)
    for kind in (TrimTools, Window):
        value, high, verified = risks.get(kind.__name__, (0.0, 0.0, True))
        report = Reports().of(value, high, verified)
        monkeypatch.setattr(kind, "report", lambda self, tally, detail, r=report: r)
    return propose(context, [], cast(Any, None), executor=Told(bills))


def test_the_setting_that_saves_most_is_kept(monkeypatch: Any) -> None:
    bills: dict[Layers, float] = {
        (): 10, (TRIM,): 9, (SHORT,): 8, (WINDOW,): 12,
    }  # fmt: skip
    made = run(monkeypatch, bills)
    assert made.policy.layers == (SHORT,)
    assert made.saved_pusd == 2 * USD
    assert any(t.startswith("window: ") and "would cost $2.00 MORE" in t for t in made.left_out)


def test_a_layer_that_the_others_are_better_off_without_goes(monkeypatch: Any) -> None:
    bills: dict[Layers, float] = {
        (): 10, (TRIM,): 9.9, (SHORT,): 9, (WINDOW,): 7, (SHORT, WINDOW): 7.5,
    }  # fmt: skip
    made = run(monkeypatch, bills)
    assert made.policy.layers == (WINDOW,)
    assert made.saved_pusd == 3 * USD
    assert "trim_tools: alone it saves $1.00, beside the others nothing" in made.left_out


def test_risk_and_missing_evidence_keep_a_layer_out(monkeypatch: Any) -> None:
    bills: dict[Layers, float] = {(): 10, (TRIM,): 10, (SHORT,): 5, (WINDOW,): 5}
    made = run(monkeypatch, bills, TrimTools=(0.03, 0.04, True), Window=(0.0, 0.0, False))
    assert made.policy.layers == ()
    assert made.saved_pusd == 0
    text = " ".join(made.left_out)
    assert "3.0 % of answers at risk (reach_back_rate, up to 4.0 %)" in text
    assert "window: with {turns: 8} it would save $5.00, but 0.0 % of answers at risk" in text
    made = run(monkeypatch, bills, TrimTools=(0.0, 0.06, False))
    assert "too short to rule out 6.0 % of answers at risk" in " ".join(made.left_out)
    made = run(monkeypatch, bills, TrimTools=(0.01, 0.06, True), Window=(0.0, 0.0, False))
    assert made.policy.layers == ()
    assert "No layer saves on this log without a risk" in made.yaml
    assert parse_policy(made.yaml).layers == ()


def test_the_file_says_why_and_reads_back(monkeypatch: Any) -> None:
    bills: dict[Layers, float] = {(): 10, (TRIM,): 10, (SHORT,): 8, (WINDOW,): 10.0001}
    made = run(monkeypatch, bills)
    assert "# Together they save $2.00 of $10.00, 20.0 %." in made.yaml
    assert (
        "  # alone it saves $2.00 · reach_back_rate 0.0 % (0.0-0.0)\n  - trim_tools:" in made.yaml
    )
    assert parse_policy(made.yaml).layers == made.policy.layers
    part = replace(made, sampled="7 of 9 calls")
    assert part.yaml.splitlines()[1:3] == [
        "# Tried on 7 of 9 calls: costopt simulate runs the whole log.",
        "# Together they save $2.00 of $10.00, 20.0 %.",
    ]


def test_only_agents_of_background_work_alone_are_batched() -> None:
    from costopt.model.finding import Finding

    calls = [
        call(f"{agent}{i}", ["user:hi"], usage(10, out=1), ["assistant:x"], agent=agent)
        for agent in ("night[1]", "mixed") for i in range(4)
    ]  # fmt: skip
    context = context_of(calls)
    agents = context.trace.dims["agent"].texts()
    rows = [i for i, a in enumerate(agents) if a == "night[1]" or i % 2]
    finding = Finding("f", "t", PicoUsd(1), np.array(rows), "", "batch")
    assert batches(context, [("F1", finding)]) == [
        {"match": {"agent": ["night[[]1]"]}, "deadline": "24h", "only_if_cheaper": True}
    ]
    assert batches(context, []) == []
    assert _literal("a\ud800*") == "a?[*]"
