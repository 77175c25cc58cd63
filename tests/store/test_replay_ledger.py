"""The ledger of replays: what it was told is there after a kill, and keys never reach it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from costopt.model.call import SegmentKind
from costopt.model.exchange import (
    Answer,
    Attempt,
    AttemptState,
    Block,
    Completion,
    Origin,
    Refusal,
    Settled,
    Trouble,
    outcome_from,
    outcome_json,
)
from costopt.model.leaf import N_LEAVES
from costopt.store.replay_ledger import StoredReplays
from costopt.store.store import Store
from tests.store.making import ListStream, random_calls

ANSWERED, DOUBT = AttemptState.ANSWERED, AttemptState.IN_DOUBT


def attempt(run: int, item: str, number: int = 1, worst: int = 100) -> Attempt:
    return Attempt(run, item, number, worst, at_us=1_000 + number)


def answer(text: str) -> Completion:
    said = Answer((Block(SegmentKind.ASSISTANT, text),), "stop", (3,) * N_LEAVES)
    return Completion(said, Origin.ENDPOINT, {}, 12.5, 3.5, "req-1")


def settled(of: Attempt, state: AttemptState, usd: int, said: object = None) -> Settled:
    told = outcome_json(said) if isinstance(said, Completion | Refusal) else {}
    return Settled(of.run, of.item, of.number, state, 2_000, usd, told)


def test_what_was_told_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "l.duckdb"
    one, two = attempt(1, "a"), attempt(1, "b")
    said = answer('nul \x00, quote ", 日本, half \ud83d')
    with Store.open(path) as store:
        ledger = StoredReplays(store)
        assert ledger.begin("d", "plan", {"endpoint": "here"}) == 1
        ledger.open([one, two])
        done = settled(one, ANSWERED, 40, said)
        ledger.settle([done])
    with Store.open(path) as store:
        ledger = StoredReplays(store)
        (first, found), second = ledger.attempts(1)
        assert first == one and second == (two, None)
        assert found is not None and outcome_from(found.outcome) == said
        assert replace(found, outcome={}) == replace(done, outcome={})
        assert ledger.spent_pusd(1) == 140
        assert ledger.attempts(2) == [] and ledger.spent_pusd(2) == 0


def test_a_run_can_go_on_until_it_is_finished() -> None:
    with Store.open(None) as store:
        ledger = StoredReplays(store)
        first, second = ledger.begin("d", "p", {}), ledger.begin("d", "p", {})
        other = ledger.begin("d", "q", {})
        assert (first, second, other) == (1, 2, 3)
        assert ledger.unfinished("p") == second
        ledger.finish(second, {"state": "done"})
        assert ledger.unfinished("p") == first
        ledger.finish(first, {})
        assert ledger.unfinished("p") is None and ledger.unfinished("never") is None
        rows = {row.run: row for row in ledger.runs("d")}
        assert rows[second].summary == {"state": "done"} and rows[second].finished_us
        assert rows[other].finished_us is None


def test_sums_are_exact_beyond_what_an_integer_column_sums_to() -> None:
    worst = 9_000_000 * 10**12
    with Store.open(None) as store:
        ledger = StoredReplays(store)
        ledger.begin("d", "p", {})
        ledger.open([attempt(1, f"i{n}", worst=worst) for n in range(5)])
        assert ledger.spent_pusd(1) == 5 * worst


def test_the_last_word_counts() -> None:
    """A batch that was given up may come back."""
    with Store.open(None) as store:
        ledger = StoredReplays(store)
        ledger.begin("d", "p", {})
        one = attempt(1, "a")
        ledger.open([one])
        ledger.settle([settled(one, DOUBT, 100)])
        ledger.settle([settled(one, ANSWERED, 7, answer("late"))])
        ((_, last),) = ledger.attempts(1)
        assert last is not None and last.state == ANSWERED and ledger.spent_pusd(1) == 7


def test_batch_jobs_are_found_by_their_marks() -> None:
    with Store.open(None) as store:
        ledger = StoredReplays(store)
        ledger.begin("d", "p", {})
        ledger.note_job(1, "mark-1", "batch_9")
        ledger.note_job(1, "mark-1", "batch_10")
        assert ledger.jobs(1) == {"mark-1": "batch_10"} and ledger.jobs(2) == {}


def test_no_key_reaches_the_ledger(tmp_path: Path) -> None:
    path, key = tmp_path / "l.duckdb", "sk-abcdefghijklmnop1234"
    with Store.open(path) as store:
        ledger = StoredReplays(store)
        ledger.begin("d", "p", {"url": "https://me:secret-pw@host/v1", "more": [f"Bearer {key}"]})
        one = attempt(1, "a")
        ledger.open([one])
        refusal = Refusal(
            Trouble.STOP, f"the server refuses {key}", hint=f"api_key={key}", status=401
        )
        ledger.settle([settled(one, AttemptState.FAILED, 0, refusal)])
        ledger.finish(1, {"trouble": f"refused {key}"})
        kept = ledger.attempts(1)[0][1]
        assert kept is not None and "***" in kept.outcome["refusal"]["message"]
        found = outcome_from(kept.outcome)
        assert isinstance(found, Refusal) and found.trouble == Trouble.STOP and found.status == 401
    raw = path.read_bytes()
    assert key.encode() not in raw and b"secret-pw" not in raw


def test_a_data_set_takes_its_replays_along(tmp_path: Path) -> None:
    with Store.open(tmp_path / ".costopt" / "ledger.duckdb") as store:
        for name in ("d", "e"):
            store.ingest([ListStream(random_calls(1, 5))], name)
        ledger = StoredReplays(store)
        for name in ("d", "e"):
            run = ledger.begin(name, "p", {})
            ledger.open([attempt(run, "a")])
            ledger.settle([settled(attempt(run, "a"), ANSWERED, 1, answer("x"))])
            ledger.note_job(run, "m", "j")
            folder = ledger.folder(run)
            assert folder is not None
            folder.mkdir(parents=True)
            (folder / "diff.md").write_text("what was said")
        store.remove("d")
        store.compact()
        assert [row.dataset for row in ledger.runs()] == ["e"]
        assert not ledger.attempts(1) and ledger.attempts(2) and not ledger.jobs(1)
        assert not ledger.folder(1).exists() and ledger.folder(2).exists()  # type: ignore[union-attr]
        assert ledger.folder(2) == tmp_path / ".costopt" / "replay" / "2"
        assert ledger.begin("e", "p", {}) == 3


def test_another_store_in_the_folder_has_files_of_its_own(tmp_path: Path) -> None:
    with Store.open(tmp_path / "other.duckdb") as store:
        assert StoredReplays(store).folder(4) == tmp_path / "other.replay" / "4"
    with Store.open(None) as store:
        assert StoredReplays(store).folder(4) is None


def test_the_views_speak_in_dollars() -> None:
    with Store.open(None) as store:
        ledger = StoredReplays(store)
        ledger.begin("d", "p", {})
        worst = 2 * 10**10
        ledger.open([attempt(1, name, worst=worst) for name in "abc"])
        ledger.settle([settled(attempt(1, "a"), ANSWERED, 10**10, answer("x"))])
        ledger.settle([settled(attempt(1, "b"), DOUBT, worst)])
        shown = store.beside().sql(
            "select attempts, answered, in_doubt, usd, in_doubt_usd from v_replay_runs"
        )
        assert shown.fetchall() == [(3, 1, 2, Decimal("0.01"), Decimal("0.04"))]
        states = store.beside().sql("select item, state from v_replay_attempts order by item")
        assert states.fetchall() == [("a", "answered"), ("b", "in_doubt"), ("c", "open")]


def test_a_store_can_be_closed_after_a_replay(tmp_path: Path) -> None:
    path = tmp_path / "l.duckdb"
    with Store.open(path) as store:
        StoredReplays(store).begin("d", "p", {})
    child = "import sys, pathlib, costopt.store.store as s; s.Store.open(pathlib.Path(sys.argv[1]))"
    assert subprocess.run([sys.executable, "-c", child, str(path)], check=False).returncode == 0


TOLD = """
import sys
from pathlib import Path
from costopt.model.exchange import Attempt
from costopt.store.replay_ledger import StoredReplays
from costopt.store.store import Store
ledger = StoredReplays(Store.open(Path(sys.argv[1])))
run = ledger.begin("d", "p", {})
for turn in range(100_000):
    ledger.open([Attempt(run, f"{turn}-{n}", 1, 1, 1) for n in range(3)])
    print(turn, flush=True)
"""


@pytest.mark.parametrize("turns", [1, 40])
def test_what_returned_is_there_after_a_kill(tmp_path: Path, turns: int) -> None:
    path = tmp_path / "l.duckdb"
    with subprocess.Popen(
        [sys.executable, "-c", TOLD, str(path)], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        for _ in range(turns):
            child.stdout.readline()
        os.kill(child.pid, signal.SIGKILL)
        told = turns + len(child.stdout.read().splitlines())
    with Store.open(path) as store:
        found = len(StoredReplays(store).attempts(1))
    assert found % 3 == 0 and told * 3 <= found <= (told + 1) * 3
