"""Every fault of the server through the product's own endpoint: what it saw, what is charged, what is sent
again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from costopt.endpoints.connection import Connection
from costopt.endpoints.openai_compatible import OpenAICompatible
from costopt.model.exchange import AttemptState, Completion
from costopt.model.leaf import OUTPUT
from costopt.model.ports import silent
from costopt.replay.execute.run import execute
from costopt.replay.executed import Executed, RunState
from costopt.replay.terms import Terms
from costopt.store.replay_ledger import StoredReplays
from costopt.store.store import Store
from costopt.wiring.replaying.reader import SourcesReader
from tests.endpoints.behaviour import Behaviour
from tests.endpoints.fault_server import FaultServer, running
from tests.replay.kill_child import IN_PUSD, OUT_PUSD, PerToken
from tests.replay.made_plan import QUICK, WORST, plan, sessions

S = AttemptState
# Kind of fault, what becomes of the request, how often the server sees it.
KINDS = [
    ("ok", S.ANSWERED, 1), ("dup_id", S.ANSWERED, 1), ("slow", S.ANSWERED, 1),
    ("429", S.ANSWERED, 2), ("500", S.ANSWERED, 2), ("503", S.ANSWERED, 2), ("overloaded", S.ANSWERED, 2),
    ("cut", S.IN_DOUBT, 1), ("close_after", S.IN_DOUBT, 1), ("close_before", S.IN_DOUBT, 1),
    ("json", S.UNREADABLE, 1), ("html", S.UNREADABLE, 1), ("no_choices", S.UNREADABLE, 1),
    ("contradiction", S.UNREADABLE, 1), ("no_usage", S.ANSWERED, 1), ("422", S.FAILED, 1),
]  # fmt: skip


@pytest.fixture
def ledger() -> Iterator[StoredReplays]:
    with Store.open(None) as store:
        yield StoredReplays(store)


def replayed(
    ledger: StoredReplays, how: Behaviour, count: int, *, stream: bool = True, **terms: object
) -> tuple[Executed, FaultServer]:
    with running(how) as server:
        endpoint = OpenAICompatible(Connection(f"{server.url}/v1", stream=stream), SourcesReader())
        done = execute(
            plan(sessions(1, count) if terms.get("concurrency") == 1 else sessions(count, 1)), endpoint,
            ledger, Terms(**terms), PerToken(), dataset="d", progress=silent, patience=QUICK,  # type: ignore[arg-type]
        )  # fmt: skip
    return done, server


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize(("kind", "state", "times"), KINDS, ids=[k[0] for k in KINDS])
def test_one_fault_between_good_answers(
    ledger: StoredReplays, kind: str, state: AttemptState, times: int, stream: bool
) -> None:
    how = Behaviour(script=f"ok,{kind}", slow_s=0.05)
    done, server = replayed(ledger, how, 3, stream=stream, concurrency=1)
    seen = Counter(line["item"] for line in server.seen)
    odd = done.done["s000t001"]
    assert (odd.state, seen["s000t001"]) == (state, times)
    assert done.state is RunState.DONE and seen["s000t000"] == seen["s000t002"] == 1
    settled = sum(s is not None for _, s in ledger.attempts(done.run))
    assert settled == len(server.seen) == sum(d.attempts for d in done.done.values())
    unknown = kind == "no_usage" or state in (S.IN_DOUBT, S.UNREADABLE)
    measured = _charged(server, "s000t001")
    assert odd.usd_pusd == (WORST if unknown else 0 if state is S.FAILED else measured)


def test_many_faults_at_once_and_every_dollar_agrees(ledger: StoredReplays) -> None:
    how = Behaviour(
        faults="429:0.05,500:0.05,cut:0.04,json:0.04,close_after:0.04,422:0.03,dup_id:0.2,no_usage:0.03",
        retry_after="0.01", seed=3, latency_ms=1, jitter_ms=3,
    )  # fmt: skip
    done, server = replayed(ledger, how, 150, concurrency=16)
    assert done.state is RunState.DONE and len(done.done) == 150
    rows = ledger.attempts(done.run)
    assert len(rows) == len(server.seen), "settled and in doubt is what it saw"
    seen = Counter(line["item"] for line in server.seen)
    assert seen == Counter(a.item for a, _ in rows)
    for name, word in done.done.items():
        free = [n for n in server.seen if n["item"] == name and not n["charged"]]
        assert len(free) >= word.attempts - 1, "only what was not charged is sent again"
        outcome = word.outcome
        if isinstance(outcome, Completion) and outcome.answer.leaves is not None:
            assert word.usd_pusd == _charged(server, name)
            assert sum(outcome.answer.leaves[OUTPUT]) == server_line(server, name)["output"]
    assert ledger.spent_pusd(done.run) == done.spent_pusd + done.in_doubt_pusd


def test_a_wrong_address_a_wrong_key_and_an_unknown_model_cost_nothing(
    ledger: StoredReplays,
) -> None:
    for how, words in (
        (Behaviour(key="right"), "key"), (Behaviour(models="another"), "model"),
    ):  # fmt: skip
        done, server = replayed(ledger, how, 30, concurrency=4)
        assert done.state is RunState.STOPPED and words in done.trouble.lower()
        assert len(server.seen) <= 4 and done.spent_pusd == done.in_doubt_pusd == 0
    endpoint = OpenAICompatible(Connection("http://127.0.0.1:9/v1"), SourcesReader())
    done = execute(
        plan(sessions(9, 1), "other"), endpoint, ledger, Terms(), PerToken(), dataset="d", progress=silent,
        patience=QUICK,
    )  # fmt: skip
    assert done.state is RunState.STOPPED and "127.0.0.1:9" in done.trouble


def test_no_key_of_a_server_that_repeats_it_is_kept(tmp_path: Path) -> None:
    path, key = tmp_path / "l.duckdb", "sk-secret-0123456789abcdef"
    with running(Behaviour(key="right")) as server, Store.open(path) as store:
        endpoint = OpenAICompatible(Connection(f"{server.url}/v1", key), SourcesReader())
        done = execute(
            plan(sessions(1, 1)), endpoint, StoredReplays(store), Terms(), PerToken(), dataset="d",
            progress=silent, patience=QUICK,
        )  # fmt: skip
    assert done.state is RunState.STOPPED and key not in done.trouble + repr(endpoint)
    assert key.encode() not in path.read_bytes()


def server_line(server: FaultServer, name: str) -> dict[str, int]:
    return [n for n in server.seen if n["item"] == name and n["charged"]][-1]


def _charged(server: FaultServer, name: str) -> int:
    """Pico-dollars of the answers to this request by the server's own counts."""
    lines = [n for n in server.seen if n["item"] == name and n["charged"]]
    return sum(n["input"] * IN_PUSD + n["output"] * OUT_PUSD for n in lines)
