"""kill -9 at random moments: what is settled is never sent again, and nothing that was sent is forgotten."""

from __future__ import annotations

from pathlib import Path

from tests.replay.killing import Figures, Trial, kill_often


def right(figures: Figures, wide: int) -> None:
    """What must hold however often it was killed."""
    assert figures.unknown == 0, "the server saw a request that is not in the ledger"
    assert figures.sent_after_settled == figures.answered_twice == 0
    assert figures.settled + figures.in_doubt == figures.seen + figures.never_seen
    assert figures.never_seen <= figures.in_doubt
    assert max(figures.by_kills) <= wide
    assert figures.charged_server == figures.charged_ledger > 0
    assert figures.spent_told == figures.spent_ledger
    assert figures.left == 0


def test_six_kills(tmp_path: Path) -> None:
    """Fifty are in `scripts/validate.py`."""
    trial = Trial(kills=6, sessions=40)
    figures = kill_often(trial, tmp_path)
    assert figures.killed >= 4, "they were to hit it at work"
    right(figures, trial.wide)
