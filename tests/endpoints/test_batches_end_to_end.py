"""Batches from the ledger on disk to a server that keeps its own log, killed in between."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from costopt.model.exchange import AttemptState
from costopt.store.replay_ledger import StoredReplays
from costopt.store.store import Store
from tests.endpoints.batch_child import go, lines
from tests.endpoints.batch_server import BatchState, batch_server, words
from tests.replay.batch_fakes import WORST

ROOT = Path(__file__).parents[2]
MOMENTS = [("openai", m) for m in ("opened", "submitted", "noted", "collected")]
MOMENTS += [("anthropic", "submitted")]


@pytest.fixture
def server() -> Iterator[tuple[str, BatchState]]:
    state = BatchState(polls=1)
    with batch_server(state) as base:
        yield base, state


def seen(state: BatchState) -> Counter[str]:
    """How often each line reached the server."""
    return Counter(i.rpartition("_")[2] for job in state.jobs for i in job.lines)


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
def test_the_ledger_and_the_servers_log_agree_to_the_pico_dollar(
    kind: str, server: tuple[str, BatchState], tmp_path: Path
) -> None:
    base, state = server
    batched = go(kind, base, tmp_path / "l.duckdb")
    assert len(state.jobs) == len({i.request.model for i in lines(kind)})
    assert set(seen(state).values()) == {1} and set(seen(state)) == set(batched.done)
    due = sum(5 * sum(words(body)[1:]) for job in state.jobs for body in job.lines.values())
    assert sum(d.usd_pusd for d in batched.done.values()) == due
    with Store.open(tmp_path / "l.duckdb") as store:
        ledger = StoredReplays(store)
        assert ledger.spent_pusd(1) == due
        said = {s.outcome["batch"]["tier_said"] for _, s in ledger.attempts(1) if s}
    assert said == {"default" if kind == "openai" else "batch"}


@pytest.mark.parametrize(("kind", "moment"), MOMENTS)
def test_killed_at_any_moment_no_job_is_made_twice(
    kind: str, moment: str, server: tuple[str, BatchState], tmp_path: Path
) -> None:
    base, state = server
    path = tmp_path / "l.duckdb"
    command = [sys.executable, "-m", "tests.endpoints.batch_child", kind, base, str(path), moment]
    assert subprocess.run(command, cwd=ROOT, timeout=60).returncode == -signal.SIGKILL
    before = len(state.jobs)
    batched = go(kind, base, path)
    assert {d.state for d in batched.done.values()} == {AttemptState.ANSWERED}
    assert set(seen(state)) == {i.id for i in lines(kind)} and set(seen(state).values()) == {1}
    assert before == 0 if moment == "opened" else before >= 1
    with Store.open(path) as store:
        assert StoredReplays(store).spent_pusd(1) == sum(d.usd_pusd for d in batched.done.values())


def test_expired_refused_and_unreadable_lines_cost_what_they_cost(
    server: tuple[str, BatchState], tmp_path: Path
) -> None:
    base, state = server
    items = lines("anthropic")
    refused, expired, broken, silent, _ = (i.id for i in items)
    state.refuse, state.expire, state.broken, state.silent = (
        {refused},
        {expired},
        {broken},
        {silent},
    )
    done = go("anthropic", base, tmp_path / "l.duckdb").done
    assert [(done[i.id].state.value, done[i.id].usd_pusd) for i in items[:4]] == [
        ("failed", 0), ("failed", 0), ("unreadable", WORST), ("in_doubt", WORST),
    ]  # fmt: skip


def test_a_lost_answer_and_a_busy_server_make_one_job_each(
    server: tuple[str, BatchState], tmp_path: Path
) -> None:
    base, state = server
    state.cut_after_create, state.busy = 1, 1
    batched = go("openai", base, tmp_path / "l.duckdb")
    assert set(seen(state).values()) == {1} and len(batched.done) == 5
    assert {d.state for d in batched.done.values()} == {AttemptState.ANSWERED}
