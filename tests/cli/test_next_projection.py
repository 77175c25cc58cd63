"""A replay against a server, and the projection after it: what was measured is used, and said to be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.replay_log import write_log
from tests.cli.run import costopt
from tests.endpoints.behaviour import Behaviour
from tests.endpoints.fault_server import running

POLICY = "version: 1\nlayers:\n  - trim_tools: {max_tokens: 60}\n  - tool_dedup\n"


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_log(tmp_path / "log.jsonl", sessions=24)
    (tmp_path / "policy.yaml").write_text(POLICY)


def done(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    ran = costopt(capsys, *arguments, "--json", "-q")
    assert ran.code == 0, ran.err
    found: dict[str, Any] = json.loads(ran.out)
    return found


def test_the_next_projection_says_which_of_its_numbers_are_measured(
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = done(capsys, "simulate", "log.jsonl", "--no-shapley")["projection"]
    with running(Behaviour()) as server:
        replayed = done(capsys, "replay", "--base-url", server.url, "--yes")
    now = replayed["replay"]
    wrote = now["evidence"]["trim_tools"]
    assert wrote["replayed_answers"] and now["projected_savings_usd"] is not None
    after = done(capsys, "simulate", "--no-shapley")["projection"]
    trim, dedup = after["layers"]
    assert trim["measured"][0] == "risk" and trim["measured_run"] == now["run"]
    assert trim["evidence"]["replay"]["replayed_answers"] == wrote["replayed_answers"]
    assert trim["risk"]["basis"].startswith(f"measured by replay {now['run']} (")
    assert dedup["measured"] == [] and dedup["measured_run"] is None
    assert "1 of 2 layers carries measurements of replay 1" in after["notes"][0]
    assert before["layers"][0]["measured"] == [] and before["savings_usd"] != after["savings_usd"]
    Path("policy.yaml").write_text(POLICY.replace("60", "70"))
    other = done(capsys, "simulate", "--no-shapley")["projection"]["layers"][0]
    assert other["measured"] == [] and any("other settings" in n for n in other["notes"])


def test_a_second_replay_predicts_as_the_first_did(capsys: pytest.CaptureFixture[str]) -> None:
    """Evidence of the first has no part in what the second is judged by, nor in its plan."""
    done(capsys, "ingest", "log.jsonl")
    with running(Behaviour()) as server:
        found = [
            done(capsys, "replay", "--base-url", server.url, "--yes", *more)
            for more in ((), ("--fresh",))
        ]
    first, second = (f["replay"] for f in found)
    assert first["plan"] == second["plan"]
    assert first["projected_savings_usd"] == second["projected_savings_usd"]
    after = done(capsys, "simulate", "--no-shapley")["projection"]["layers"][0]
    assert after["measured_run"] == second["run"] > first["run"]
    told = after["evidence"]["replay"]
    assert told["replayed_answers"] == second["evidence"]["trim_tools"]["replayed_answers"], (
        "the same plan asks the same calls: they do not count twice"
    )
