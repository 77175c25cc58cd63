"""What a run came to: every planned request with what became of it, and the money."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from costopt.model.exchange import AttemptState, Outcome


class RunState(StrEnum):
    """Why nothing is sent any more."""

    DONE = "done"
    STOPPED_BY_BUDGET = "stopped_by_budget"
    STOPPED = "stopped"
    """The endpoint lets nothing pass (authentication, unknown model, TLS); `Executed.trouble` says why."""
    INTERRUPTED = "interrupted"
    """Ctrl-C: the ledger is whole, `--resume` goes on."""


@dataclass(frozen=True, slots=True)
class Done:
    """One planned request's last word."""

    item: str
    state: AttemptState
    attempts: int
    usd_pusd: int
    """Over all its attempts, worst cases included."""
    outcome: Outcome | None
    """None: in doubt after a crash."""


@dataclass(frozen=True)
class Executed:
    """A run as the ledger has it, this process's part and earlier ones'."""

    run: int
    state: RunState
    done: Mapping[str, Done]
    """By item id; items that were not sent are absent."""
    spent_pusd: int
    in_doubt_pusd: int
    retries: int
    seconds: float
    """Of this process."""
    resumed: int = 0
    """Items that an earlier process had settled."""
    trouble: str = ""
    """Why it stopped, one sentence; empty: it did not."""
    hint: str = ""
