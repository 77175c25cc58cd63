"""Windows and memories on real traces: what must save nothing saves nothing, and what a slide costs.

A window as long as the longest conversation, a trim above the longest result and a memory of all turns
change no cent. Beside that, for traces with long histories: dollars, cached share and reach-back of a
window of 8 by how it slides, with summaries and with a memory.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from costopt.billing.view_tokens import changed_requests
from costopt.checklist import window as checklist_window
from costopt.checklist.evidence import Evidence
from costopt.engine.evaluate import Evaluator
from costopt.engine.outcome import Outcome, outcome
from costopt.engine.policy import Policy
from costopt.layers.base import Layer
from costopt.layers.memory import Memory
from costopt.layers.parts.reach_back import reaches
from costopt.layers.parts.texts import anchor_table
from costopt.layers.parts.turns import editable, turns_of
from costopt.layers.trim_tools import TrimTools
from costopt.layers.window import Window
from costopt.model.call import SegmentKind
from costopt.model.leaf import CACHE_READS, INPUT
from costopt.wiring.request import TraceOptions
from costopt.wiring.simulating import Prepared, prepare
from validation.table import Table

TRACES = (
    "miniswe-gemini3", "tau2-retail", "claudecode-vsla", "acr-gpt4", "sweagent-java",
    "taubench-gpt4o-airline", "langfuse-frameworks",
)  # fmt: skip
COMPARED = ("miniswe-gemini3", "tau2-retail", "claudecode-vsla", "sweagent-java")
"""Traces whose requests often hold more than 8 turns."""
VARIANTS: tuple[tuple[str, Layer], ...] = (
    ("window 8, slides at every turn", Window()),
    ("window 8, in steps of 2", Window(slide_every=2)),
    ("window 8, in steps of 4", Window(slide_every=4)),
    ("window 8, in steps of 8", Window(slide_every=8)),
    ("... with a running summary", Window(slide_every=8, summarize="steps")),
    ("... with summaries in two levels", Window(slide_every=8, summarize="steps", levels=2)),
    ("summary above 20,000 tokens", Window(summarize="budget")),
    ("at most 16,000 tokens, in steps of 8",
     Window(turns=10**9, max_input_tokens=16_000, slide_every=8)),
    ("memory: 6 turns and 4 messages", Memory()),
    ("memory: the same in steps of 8", Memory(slide_every=8)),
)  # fmt: skip
CENT_PUSD = 10_000_000_000


def run(folder: Path, table: Table) -> None:
    """All traces that are there."""
    for name in TRACES:
        with traces(folder, name) as paths:
            options = TraceOptions(traces=[str(p) for p in paths], no_store=True, quiet=True)
            prepared = prepare(options, Policy(layers=()))
            _nothing(table, name, prepared)
            if name in COMPARED:
                _compared(table, name, prepared)


@contextmanager
def traces(folder: Path, name: str) -> Iterator[list[Path]]:
    """A trace as files that the product reads."""
    path = folder / "traces" / name
    if name != "tau2-retail":
        yield [path]
        return
    parts = [str(p) for p in sorted(path.iterdir()) if p.is_dir()]
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as out:
        tool = folder / "tools" / "tau2_to_native.py"
        subprocess.run([sys.executable, str(tool), *parts], stdout=out, check=True)
        yield [Path(out.name)]


def _nothing(table: Table, name: str, prepared: Prepared) -> None:
    """Settings at the edge: all that is there still fits."""
    table.title(f"{name}: what fits saves exactly nothing")
    evaluator = prepared.evaluator
    view = evaluator.recorded
    longest = int(turns_of(view).count.max(initial=0))
    largest = int(view.leaves[:, INPUT].sum(axis=1).max(initial=0))
    results = view.segments.kind == SegmentKind.TOOL_RESULT
    most = int(view.segments.n_bytes[results].max(initial=0))
    told = int(view.segments.tokens[results].max(initial=0))
    edges: tuple[tuple[str, Layer], ...] = (
        (f"a window of {longest} turns, the longest", Window(turns=max(1, longest))),
        ("the same in steps of 4", Window(turns=max(1, longest), slide_every=4)),
        ("the same with summaries", Window(turns=max(1, longest), summarize="steps", levels=2)),
        (f"a budget of {largest:,} tokens, the largest request",
         Window(turns=10**9, max_input_tokens=max(1, largest))),
        ("a trim above the longest result", TrimTools(max_tokens=max(most, told))),
        (f"a memory of {longest} working turns", Memory(working_turns=max(1, longest))),
    )  # fmt: skip
    before = outcome(evaluator, ()).total_pusd
    for what, layer in edges:
        after = outcome(evaluator, (layer,))
        saved = before - after.total_pusd
        table.equal(f"{what}: pico-dollars, calls", (0, 0), (int(saved), after.touched))
    if longest > 1:
        one_less = outcome(evaluator, (Window(turns=longest - 1),))
        table.equal("one turn less changes something", True, one_less.touched > 0)


def _compared(table: Table, name: str, prepared: Prepared) -> None:
    """The same window by how it slides; the reason is the cached share beside the tokens sent."""
    table.title(f"{name}: dollars saved by a window, after the provider's cache")
    evaluator = prepared.evaluator
    before = outcome(evaluator, ())
    table.shown("as it was", _told(prepared, before, before, ()))
    saved: dict[str, int] = {}
    for what, layer in VARIANTS:
        after = outcome(evaluator, (layer,))
        saved[what] = before.total_pusd - after.total_pusd
        table.shown(what, _told(prepared, before, after, (layer,)), _risk(layer, after))
    _chance(table, prepared)
    _budget(table, prepared)
    first = VARIANTS[0][0]
    if name == "miniswe-gemini3":
        table.at_most(
            "a slide at every turn raises the bill: cents saved", 0, saved[first] / CENT_PUSD
        )
    _checklist(table, prepared, saved[first])


def _chance(table: Table, prepared: Prepared) -> None:
    share, looked = by_chance(prepared.evaluator, Window())
    table.shown("reach-back into another session's turns, by chance", f"{share:.1%} of {looked:,}")


def by_chance(evaluator: Evaluator, layer: Window) -> tuple[float, int]:
    """The floor of the measure: answers that seem to reach back into another session's turns, and of
    how many. What their own dropped turns hold as well does not count.
    """
    rng = np.random.default_rng(0)
    view = evaluator.recorded
    after = evaluator.state((layer,)).view.request
    rows = np.flatnonzero(changed_requests(view, evaluator.state((layer,)).view))
    texts = evaluator.handed.texts(view)
    anchors = anchor_table(evaluator.trace, texts)
    ids = np.unique(view.request.ids)
    held = dict(zip(ids.tolist(), anchors.of(view, texts, ids), strict=True))
    session = evaluator.trace.session
    found = looked = 0
    for row in rows.tolist():
        others = rows[session[rows] != session[row]]
        parts = [anchors.answer.get(s) for s in evaluator.trace.response.row(row).tolist()]
        if not len(others) or None in parts or not parts:
            continue
        other = int(rng.choice(others))
        own, theirs = set(view.request.row(row).tolist()), set(view.request.row(other).tolist())
        answer = frozenset().union(*(p for p in parts if p))
        looked += 1
        found += reaches(answer, theirs - set(after.row(other).tolist()) - own, own, held)
    return (found / looked if looked else 0.0), looked


def _budget(table: Table, prepared: Prepared) -> None:
    """A hard budget: only a single turn that does not fit by itself may exceed it."""
    evaluator = prepared.evaluator
    limit = 16_000
    layer = Window(turns=10**9, max_input_tokens=limit, slide_every=8)
    view = evaluator.state((layer,)).view
    charged = evaluator.known & editable(view, evaluator.prices)
    over = charged & (view.leaves[:, INPUT].sum(axis=1) > limit) & (turns_of(view).count > 1)
    table.equal(f"requests of several turns above {limit:,} tokens", 0, int(over.sum()))


def _told(prepared: Prepared, before: Outcome, after: Outcome, layers: tuple[Layer, ...]) -> str:
    evaluator = prepared.evaluator
    leaves = evaluator.rebilled(evaluator.state(layers).view).leaves
    sent = int(leaves[:, INPUT].sum())
    share = leaves[:, list(CACHE_READS)].sum() / max(sent, 1)
    if not layers:
        return f"${before.total_pusd / 1e12:.2f}; {sent / 1e6:.2f}M, {share:.1%} cached"
    usd = (before.total_pusd - after.total_pusd) / 1e12
    return f"${usd:+.2f}; {sent / 1e6:.2f}M, {share:.1%} cached"


def _risk(layer: Layer, after: Outcome) -> str:
    report = layer.report(after.tally, after.detail)
    overhead = f"${after.overhead_pusd / 1e12:.2f} own, " if after.overhead_pusd else ""
    found = report.risk.value
    return f"{overhead}reach-back {'unknown' if found is None else f'{found:.1%}'}"


def _checklist(table: Table, prepared: Prepared, saved_pusd: int) -> None:
    """The audit's own item 4 asks the same question at the calls' own dates."""
    found = checklist_window.run(prepared.context, Evidence())
    usd = None if found.usd is None else found.usd / 1e12
    table.shown("the checklist's item 4 says", f"{found.status} ${usd or 0:+.2f}",
                f"the layer ${saved_pusd / 1e12:+.2f}")  # fmt: skip
    agree = usd is not None and (usd < 0) == (saved_pusd < 0)
    table.equal("both have the same sign", True, agree)
