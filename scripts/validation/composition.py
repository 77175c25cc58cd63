"""How far a sum of solo savings would lie: each layer alone, added up, against the layers composed.

The policy is what the usual advice asks for, layer by layer with its own defaults, on every trace that is
there. Both figures go through the same billing; only the adding up differs. What must hold exactly: the
waterfall's steps and the Shapley shares sum to the composed savings, to the pico-dollar.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from costopt.engine.attribute import Attribution, attribute
from costopt.engine.evaluate import Layers
from costopt.engine.outcome import InProcess
from costopt.engine.policy import Policy
from costopt.errors import CostoptError
from costopt.layers.discover import layer_class, layer_names
from costopt.money import show
from costopt.wiring.request import TraceOptions
from costopt.wiring.simulating import prepare
from validation.table import Table

ADVICE: dict[str, dict[str, Any]] = {
    "exact_cache": {}, "semantic_cache": {"threshold": 0.95}, "trim_tools": {"max_tokens": 200},
    "window": {"turns": 8}, "memory": {}, "tool_dedup": {}, "prompt_layout": {},
    "output": {}, "batch": {},
}  # fmt: skip
"""Layers that need no model of ours and no choice of the user's; routing and compression have their own
validations."""
TRACES = ("miniswe-gemini3/trajs", "claudecode-vsla", "acr-gpt4", "sweagent-java",
          "taubench-gpt4o-airline")  # fmt: skip


def run(shared: Path, table: Table) -> None:
    """One group a trace."""
    for name, path in _traces(shared):
        table.title(f"solo sum against composed: {name}")
        try:
            layers, found, baseline = _composed(path)
        except CostoptError as error:
            table.shown("not priced", str(error))
            continue
        _told(table, layers, found, baseline)


def _traces(shared: Path) -> Iterator[tuple[str, Path]]:
    for name in TRACES:
        if (shared / "traces" / name).exists():
            yield name.partition("/")[0], shared / "traces" / name
    tool = shared / "tools" / "tau2_to_native.py"
    if tool.exists():
        with tempfile.NamedTemporaryFile(suffix=".jsonl") as out:
            folder = shared / "traces" / "tau2-retail"
            subprocess.run([sys.executable, str(tool), str(folder)], stdout=out, check=True)
            yield "tau2-retail", Path(out.name)


def advice() -> Layers:
    """The layers of the advice that are installed, in their usual order."""
    return tuple(
        layer_class(name)(**ADVICE[name]) for name in layer_names() if name in ADVICE
    )  # fmt: skip


def _composed(path: Path) -> tuple[Layers, Attribution, int]:
    layers = advice()
    options = TraceOptions(traces=[str(path)], no_store=True, quiet=True)
    evaluator = prepare(options, Policy(layers, "the usual advice")).evaluator
    executor = InProcess(evaluator)
    return layers, attribute(executor, layers), evaluator.value(())


def _told(table: Table, layers: Layers, found: Attribution, baseline: int) -> None:
    composed, alone = found.saved_pusd, sum(found.solo_pusd)
    table.equal("steps sum to the composed savings", composed, sum(found.step_pusd))
    shares = found.shapley.pusd if found.shapley is not None else []
    table.equal("Shapley shares sum to them", composed, sum(shares))
    for layer, solo, step in zip(layers, found.solo_pusd, found.step_pusd, strict=True):
        if solo or step:
            name = type(layer).__module__.rpartition(".")[2]
            table.shown(f"  {name}: alone, and at its place", show(step), show(solo))
    table.shown("baseline", show(baseline))
    table.shown("sum of solo savings, and composed", show(composed), show(alone))
    if baseline and composed:
        lie = 100 * (alone - composed) / baseline
        table.shown("the sum is off by, percentage points of the bill", f"{lie:+.1f}")
