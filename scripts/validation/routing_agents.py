"""Real agents routed by rule: nobody judged the answers, so it is unverified; dollars go through billing."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from costopt.engine.evaluate import Evaluator
from costopt.engine.policy import Policy
from costopt.layers.parts.routing_rules import Rule
from costopt.layers.route import Route
from costopt.money import PicoUsd, usd_float
from costopt.wiring.request import TraceOptions
from costopt.wiring.simulating import prepare
from validation.table import Table


@dataclass(frozen=True)
class Story:
    """One rule on one trace."""

    what: str
    simple: str
    complex: str
    rule: Rule
    moves: bool = True
    """False: the layer must leave everything where it is."""


STORIES = {
    "tau2-retail": (
        Story("user simulator to nano", "gpt-4.1-nano", "gpt-4.1-mini", (("agent", ("user_simulator",)),)),
        Story("agent: gpt-5-mini to nano, its reasoning as logged", "gpt-5-nano", "gpt-5-mini",
              (("model", ("gpt-5-mini",)),)),
        Story("agent: 4.1-mini to 5-nano, cheaper by list, but it reasons", "gpt-5-nano", "gpt-4.1-mini",
              (("model", ("gpt-4.1-mini",)), ("agent", ("retail_agent",)))),
        Story("agent: 4.1-mini to nano, only short contexts", "gpt-4.1-nano", "gpt-4.1-mini",
              (("model", ("gpt-4.1-mini",)), ("agent", ("retail_agent",)), ("max_input_tokens", 6_000))),
    ),
    "miniswe-gemini3": (
        Story("all to gemini-3-flash, which reasons", "gemini-3-flash-preview", "gemini-3-pro-preview", (),
              moves=False),
        Story("all to gpt-4.1-mini", "gpt-4.1-mini", "gemini-3-pro-preview", ()),
        Story("early steps to gpt-4.1-mini, back from 10,000 tokens on", "gpt-4.1-mini",
              "gemini-3-pro-preview", (("max_input_tokens", 10_000),)),
        Story("late steps to gpt-4.1, from 30,000 tokens on", "gpt-4.1", "gemini-3-pro-preview",
              (("min_input_tokens", 30_000),)),
    ),
    "acr-gpt4": (
        Story("extraction to gpt-4o-mini", "gpt-4o-mini", "gpt-4-0125-preview",
              (("agent", ("agent_proxy",)),)),
        Story("the usual rule to gpt-4o-mini", "gpt-4o-mini", "gpt-4-0125-preview",
              (("max_input_tokens", 2_000), ("tools", False), ("first_turn", True))),
    ),
}  # fmt: skip


def run(traces: Path, table: Table) -> None:
    """Every story; a move to a model that reasons is never booked from its list price alone."""
    for name, stories in STORIES.items():
        e = _evaluator(traces / name)
        for story in stories:
            _tell(table, name, e, story)
        if name == "tau2-retail":
            _real_arms(table, e)


def _evaluator(folder: Path) -> Evaluator:
    with tempfile.TemporaryDirectory() as place:
        path = folder
        if folder.name.startswith("tau2"):
            path = Path(place) / "tau2.jsonl"
            tool = folder.parent.parent / "tools" / "tau2_to_native.py"
            with path.open("wb") as out:
                subprocess.run([sys.executable, str(tool), str(folder)], stdout=out, check=True)
        options = TraceOptions(traces=[str(path)], no_store=True, quiet=True, offline=True)
        return prepare(options, Policy(())).evaluator


def _tell(table: Table, name: str, e: Evaluator, story: Story) -> None:
    rules = (("simple", story.rule or (("min_input_tokens", 0),)),)
    layer = Route(tiers=(("simple", story.simple), ("complex", story.complex)), rules=rules)
    effect = e.effect((layer,))
    report = layer.report(effect.tally, effect.detail)
    before, after = e.baseline.total_pusd, e.value((layer,))
    moved = report.evidence["moved_calls"]
    what = f"{name}: {story.what}"
    if not story.moves:
        table.equal(f"{what}: calls moved", 0, moved)
        table.shown(
            f"{what}: kept", ", ".join(f"{k} {n:,}" for k, n in report.evidence["kept"].items())
        )
        return
    table.equal(f"{what}: called verified", False, report.verified)
    saved = usd_float(PicoUsd(before - after))
    table.shown(
        f"{what}: dollars", f"{usd_float(before):.2f} to {usd_float(after):.2f}",
        f"{saved:+.2f}, {moved:,} calls moved",
    )  # fmt: skip
    cached = report.evidence["cached_share_before"], report.evidence["cached_share_after"]
    even = report.evidence["break_even"]
    if even is None or None in cached:
        return
    table.shown(
        f"{what}: cached share in these sessions",
        f"{100 * cached[0]:.0f} % to {100 * cached[1]:.0f} %",
    )
    table.shown(
        f"{what}: break-even, extra steps a session",
        f"{even['extra_steps_per_session']:.1f}, late ones {even['extra_late_steps_per_session']:.1f}",
        f"{even['steps_per_session']:.1f} steps now",
    )  # fmt: skip


ARMS = (("gpt-4.1-mini", "gpt-5-nano"), ("gpt-5-mini", "gpt-5-nano"), ("gpt-5-mini", "gpt-4.1-mini"),
        ("gemini-3-flash-preview", "gpt-4.1-mini"))  # fmt: skip


def _real_arms(table: Table, e: Evaluator) -> None:
    """The same 40 tasks were run on every model: what a move was projected to cost beside what it did.

    An open-loop replay keeps the logged model's steps and, unmeasured, its lengths; the run had its own.
    """
    agent = np.array(e.trace.dims["agent"].texts()) == "retail_agent"
    model = np.array(e.trace.dims["model"].texts())
    for source, target in ARMS:
        rows, there = agent & (model == source), agent & (model == target)
        rule = (("model", (source,)), ("agent", ("retail_agent",)))
        layer = Route(tiers=(("simple", target), ("complex", source)), rules=(("simple", rule),))
        found = [
            _per_session(e, replace(layer, output_ratio=ratio, reasoning_as_text=aloud), rows)
            for ratio, aloud in zip(*_ends(layer), strict=True)
        ]
        real = int(e.baseline.net_pusd[there].sum()) / len(np.unique(e.trace.session[there])) / 1e12
        table.shown(
            f"tau2-retail: {source} to {target}: $ a session, projected and real",
            f"{found[2]:.5f} ({found[0]:.5f} to {found[1]:.5f})", f"{real:.5f}",
        )  # fmt: skip


def _ends(layer: Route) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """(output ratios, shares of reasoning written out): the lowest, the highest, what is billed."""
    found = layer.ranges()
    return (*found["output_ratio"], layer.output_ratio), (
        *found["reasoning_as_text"], layer.reasoning_as_text,
    )  # fmt: skip


def _per_session(e: Evaluator, layer: Route, rows: NDArray[np.bool_]) -> float:
    spent = int(e.priced(e.state((layer,))).net_pusd[rows].sum())
    return spent / len(np.unique(e.trace.session[rows])) / 1e12
