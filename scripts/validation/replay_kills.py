"""A replay killed fifty times at random moments, judged by the log of the server that it asks.

It needs no traces: plan and server are made here (`tests/replay/killing.py`).
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.replay.killing import Figures, Trial, kill_often
from validation.table import Table

KILLS = 50


def run(folder: Path, table: Table) -> None:
    """Fifty kills of a process that sends through the product's own endpoint."""
    trial = Trial(kills=KILLS, sessions=900, api="openai", seed=5, most_s=0.6)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as work:
        figures = kill_often(trial, Path(work))
    table.title(
        f"{KILLS} kills (-9) of a replay of {figures.planned:,} requests, {trial.wide} at once"
    )
    _judge(figures, trial, table)
    table.note(f"{time.perf_counter() - started:.0f} s; faults of the server: {trial.faults}")


def _judge(figures: Figures, trial: Trial, table: Table) -> None:
    table.shown("kills that hit it at work", figures.killed)
    table.shown("attempts in the ledger", figures.opened)
    table.shown("requests in the server's log", figures.seen)
    table.shown("settled attempts", figures.settled)
    table.shown("attempts in doubt", figures.in_doubt)
    table.shown("of these killed before they went out", figures.never_seen)
    sums = figures.seen + figures.never_seen
    table.equal(
        "settled + in doubt = seen + not gone out", sums, figures.settled + figures.in_doubt
    )
    table.equal("requests seen and not in the ledger", 0, figures.unknown)
    table.equal("requests seen after they were settled", 0, figures.sent_after_settled)
    table.equal("settled answers asked for twice", 0, figures.answered_twice)
    table.at_most("left in doubt by one kill", trial.wide, max(figures.by_kills))
    charged = (figures.charged_server, figures.charged_ledger)
    table.equal("pico-dollars of the answers, server and ledger", *charged)
    table.equal("pico-dollars told and in the ledger", figures.spent_ledger, figures.spent_told)
    table.equal("requests without a word at the end", 0, figures.left)
