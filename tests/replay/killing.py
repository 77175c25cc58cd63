"""A replay killed again and again, judged by the server's own log."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from costopt.model.exchange import Attempt, AttemptState, Settled
from costopt.store.replay_ledger import StoredReplays
from costopt.store.store import Store
from tests.endpoints.fault_server import read_log, spawned
from tests.replay.kill_child import IN_PUSD, OUT_PUSD

ROOT = Path(__file__).parents[2]
RUN = 1
Rows = list[tuple[Attempt, Settled | None]]


@dataclass(frozen=True)
class Trial:
    """How it is done. `faults`: of the fault server. `most_s`: longest life of a process once it sends."""

    kills: int
    sessions: int = 60
    turns: int = 6
    wide: int = 8
    api: str = "raw"
    seed: int = 0
    latency_ms: int = 15
    most_s: float = 0.25
    faults: str = "429:0.04,500:0.03,close_before:0.01,close_after:0.01,json:0.01,dup_id:0.1"


@dataclass
class Figures:
    """What the server's log and the ledger say of it."""

    planned: int
    killed: int = 0
    opened: int = 0
    """Attempts in the ledger."""
    settled: int = 0
    """Of these, those of which the ledger knows what became."""
    in_doubt: int = 0
    by_kills: list[int] = field(default_factory=list)
    """Attempts left open by each kill."""
    never_seen: int = 0
    """In the ledger, and killed before they went out."""
    seen: int = 0
    """Requests in the server's log."""
    unknown: int = 0
    """Seen by the server and not in the ledger: must be 0."""
    sent_after_settled: int = 0
    """Seen after their item was settled for good: must be 0."""
    answered_twice: int = 0
    """Items that the server answered to the end twice although the first was settled: must be 0."""
    charged_server: int = 0
    """Pico-dollars of the answers that the ledger has, by the server's counts."""
    charged_ledger: int = 0
    spent_told: int = 0
    """What the last process said, settled and in doubt."""
    spent_ledger: int = 0
    left: int = 0
    """Items without a word at the end: must be 0."""


def kill_often(trial: Trial, folder: Path) -> Figures:
    """Start, kill at a random moment, start again; at last let it end."""
    store, log = folder / "ledger.duckdb", folder / "seen.jsonl"
    figures = Figures(trial.sessions * trial.turns)
    chance = random.Random(trial.seed)
    options = (
        "--latency-ms", str(trial.latency_ms), "--jitter-ms", str(trial.latency_ms),
        "--faults", trial.faults, "--seed", str(trial.seed), "--retry-after", "",
    )  # fmt: skip
    with spawned(log, *options) as url:
        command = [
            sys.executable, "-m", "tests.replay.kill_child", str(store), url,
            str(trial.sessions), str(trial.turns), str(trial.wide), trial.api,
        ]  # fmt: skip
        open_before = 0
        for _ in range(trial.kills):
            figures.killed += _killed(command, chance.random() * trial.most_s)
            left_open = _doubtful(store)
            figures.by_kills.append(left_open - open_before)
            open_before = left_open
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        told = json.loads(ended.stdout.splitlines()[-1])
    figures.spent_told = told["spent"] + told["in_doubt"]
    return _judged(figures, store, log)


def _killed(command: list[str], after_s: float) -> bool:
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None and child.stdout.readline() == "started\n"
        time.sleep(after_s)
        at_work = child.poll() is None
        child.kill()
    return at_work


def _doubtful(store: Path) -> int:
    """Attempts that a kill left open, now and before; those that broke off by themselves aside."""
    rows = _rows(store)
    return sum(s is None or (s.state is AttemptState.IN_DOUBT and not s.outcome) for _, s in rows)


def _rows(store: Path) -> Rows:
    with Store.open(store) as opened:
        return StoredReplays(opened).attempts(RUN)


def _judged(figures: Figures, store: Path, log: Path) -> Figures:
    rows, (seen, _) = _rows(store), read_log(log)
    with Store.open(store) as opened:
        figures.spent_ledger = StoredReplays(opened).spent_pusd(RUN)
    figures.opened, figures.seen = len(rows), len(seen)
    figures.in_doubt = sum(s is None or s.state is AttemptState.IN_DOUBT for _, s in rows)
    figures.settled = len(rows) - figures.in_doubt
    arrivals: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in seen:
        arrivals[line["item"]].append(line)
    tries = Counter(a.item for a, _ in rows)
    figures.unknown = sum(max(0, len(at) - tries[name]) for name, at in arrivals.items())
    figures.never_seen = sum(max(0, n - len(arrivals[name])) for name, n in tries.items())
    figures.left = figures.planned - len(tries)
    for attempt, settled in rows:
        if settled is None or settled.state is AttemptState.FAILED:
            continue
        last = arrivals[attempt.item][-1:] if arrivals[attempt.item] else []
        late = [n for n in arrivals[attempt.item] if n["at"] * 1e6 > settled.at_us]
        figures.sent_after_settled += len(late)
        if settled.state is AttemptState.ANSWERED:
            (line,) = last
            figures.charged_server += line["input"] * IN_PUSD + line["output"] * OUT_PUSD
            figures.charged_ledger += settled.usd_pusd
            figures.answered_twice += sum(n["charged"] for n in arrivals[attempt.item]) - 1
    return figures
