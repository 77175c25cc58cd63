"""Replays against a real server: how often the interval holds what was measured, and how far totals are off.

Each run has a log of its own, written by an agent that really called the server (`replay_world`), and a
policy out of four; the tool plans, sends, compares as `costopt replay` does. The engines are llama.cpp, where
COSTOPT_LLAMA_PYTHON names a Python that has it, and `transformers serve`, which is slower: fewer runs,
too few to judge a coverage by.
"""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from costopt.model.replayed import Compared
from costopt.wiring.replaying.running import replay
from costopt.wiring.replaying.wishes import Wishes
from costopt.wiring.request import TraceOptions
from scripts.servers import llama_cpp_server, transformers_serve
from validation.replay_world import MODEL, PRICES, write_log
from validation.table import Table

RUNS, RUNS_SLOW = 200, 24
SEED = 5_000
"""Of the first log; used for nothing else."""
COMPOSED = "trim, window and output cap"
POLICIES = {
    "trim_tools": "  - trim_tools: {max_tokens: 24}\n",
    "window": "  - window: {turns: 1}\n",
    "output cap": "  - output: {max_tokens: 5}\n",
    COMPOSED: "  - trim_tools: {max_tokens: 24}\n  - window: {turns: 2}\n  - output: {max_tokens: 6}\n",
}
QUANTITIES = ("input_tokens", "output_tokens", "usd")


@dataclass
class Seen:
    """One quantity over the runs."""

    inside: int = 0
    outside: int = 0
    without: int = 0
    """Runs too small for an interval, or without a measurement."""
    foretold: float = 0.0
    """The projection with the ratios of the half that wrote the evidence."""
    measured: float = 0.0
    off_pct: list[float] = field(default_factory=list)

    def add(self, row: Compared | None) -> None:
        if row is None or row.measured is None or row.inside is None:
            self.without += 1
            return
        self.inside += row.inside
        self.outside += not row.inside
        self.foretold += row.calibrated or 0.0
        self.measured += row.measured
        self.off_pct.append(
            100 * abs((row.calibrated or 0.0) / row.measured - 1) if row.measured else 0.0
        )

    @property
    def judged(self) -> int:
        return self.inside + self.outside


def run(folder: Path, table: Table) -> None:
    """`folder` is not needed: the logs are made here."""
    engines = [transformers_serve.serve]
    if os.environ.get(llama_cpp_server.VARIABLE):
        engines.insert(0, llama_cpp_server.serve)
    for serve in engines:
        with tempfile.TemporaryDirectory() as work, serve(Path(work)) as url:
            _engine(table, url, Path(work), llama=serve is llama_cpp_server.serve)


def _engine(table: Table, url: str, work: Path, *, llama: bool) -> None:
    """All runs against one server."""
    seen = {(policy, what): Seen() for policy in POLICIES for what in QUANTITIES}
    model = MODEL if llama else transformers_serve.model_name(work)
    runs, name = (RUNS, "llama.cpp") if llama else (RUNS_SLOW, "transformers serve")
    for number in range(runs):
        policy = list(POLICIES)[number % len(POLICIES)]
        for what, row in _one(url, model, work, number, policy).items():
            seen[policy, what].add(row)
    table.title(f"{runs} replays against {name}, the policy's arm, on the half that judges")
    _tell(table, seen, judge=runs == RUNS)


def _tell(table: Table, seen: dict[tuple[str, str], Seen], *, judge: bool) -> None:
    for what in QUANTITIES:
        found = [seen[policy, what] for policy in POLICIES]
        judged = sum(s.judged for s in found)
        share = 100 * sum(s.inside for s in found) / max(1, judged)
        without = sum(s.without for s in found)
        table.shown(f"{what}: runs judged", judged, f"{without} without an interval")
        inside = f"{what}: measured inside the 95 % interval, % of runs"
        if judge:
            table.near(inside, 94.5, share, 4.5)
        else:
            table.shown(inside, f"{share:.1f}")
    for policy in POLICIES:
        usd = seen[policy, "usd"]
        off = sorted(usd.off_pct)
        median = off[len(off) // 2] if off else float("nan")
        table.shown(
            f"{policy}: runs inside",
            f"{usd.inside}/{usd.judged}",
            f"median difference {median:.2f} %",
        )
    usd = seen[COMPOSED, "usd"]
    far = 100 * abs(usd.foretold / usd.measured - 1) if usd.measured else None
    table.at_most("composed projection against measured dollars, %", 5.0, far)


def _one(url: str, model: str, work: Path, number: int, policy: str) -> dict[str, Compared | None]:
    """A log, a policy, a replay; the compared rows of the policy's arm."""
    folder = work / str(number)
    folder.mkdir()
    write_log(url, folder / "log.jsonl", SEED + number, served=model)
    (folder / "prices.yaml").write_text(PRICES)
    (folder / "policy.yaml").write_text("version: 1\nlayers:\n" + POLICIES[policy])
    options = TraceOptions(
        traces=[str(folder / "log.jsonl")], db=folder / "ledger.duckdb",
        prices=folder / "prices.yaml", quiet=True, yes=True, seed=number,
    )  # fmt: skip
    names = [f"{MODEL}={model}"] if model != MODEL else []
    wishes = Wishes(
        base_url=url + "/v1", model_map=names, concurrency=2, isolate=False, embedder="none"
    )
    done = replay(options, folder / "policy.yaml", wishes)
    info = done.result.replay
    rows = {row.what: row for row in (info.compared if info else []) if row.arm == "policy"}
    return {what: rows.get(what) for what in QUANTITIES}
