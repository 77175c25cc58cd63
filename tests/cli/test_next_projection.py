"""A replay against a server, and the projection after it: what was measured is used, and said to be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.replay_log import done, write_log
from tests.endpoints.behaviour import Behaviour
from tests.endpoints.fault_server import running

POLICY = "version: 1\nlayers:\n  - trim_tools: {max_tokens: 60}\n  - tool_dedup\n"


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_log(tmp_path / "log.jsonl", sessions=24)
    (tmp_path / "policy.yaml").write_text(POLICY)


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


def test_an_audit_names_the_replay_beside_the_finding_of_its_layer(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with running(Behaviour()) as server:
        done(capsys, "replay", "log.jsonl", "--base-url", server.url, "--yes")
    for item in done(capsys, "audit", "log.jsonl")["findings"]:
        told = item["evidence"].get("replayed", "")
        assert bool(told) == (item["layer"] == "trim_tools"), item["layer"]
        assert not told or told.startswith("replay 1 (") and "when the same is asked twice" in told


def test_a_layer_that_edits_no_request_counts_no_measured_lengths(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A hit is not sent, and a batch's request is the logged one: the ratios are the endpoint's own doing."""
    lines = [json.loads(line) for line in Path("log.jsonl").read_text().splitlines()]
    for line in lines[:9]:
        line |= {"id": f"again-{line['id']}", "session_id": f"again-{line['session_id']}"}
        line["timestamp"] = line["timestamp"].replace("T10", "T11")
    more = [json.loads(line) for line in Path("log.jsonl").read_text().splitlines()]
    Path("log.jsonl").write_text("".join(json.dumps(x) + "\n" for x in (*more, *lines[:9])))
    Path("policy.yaml").write_text("version: 1\nlayers:\n  - exact_cache: {ttl: none}\n")
    with running(Behaviour()) as server:
        done(capsys, "replay", "log.jsonl", "--base-url", server.url, "--yes")
    layer = done(capsys, "simulate", "--no-shapley")["projection"]["layers"][0]
    assert layer["measured"] == ["risk"] and layer["evidence"]["replay"]["cached_answers"]
    assert layer["evidence"]["replay"]["applied"] == {}
    assert not any("counted in its dollars" in note for note in layer["notes"])


def test_a_router_that_was_replayed_does_not_ask_for_a_replay(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rules = "{simple: {agent: desk}}"
    Path("policy.yaml").write_text(
        f"version: 1\nlayers:\n  - route: {{tiers: {{simple: gpt-4o-mini}}, rules: {rules}}}\n"
    )
    before = done(capsys, "simulate", "log.jsonl", "--no-shapley")["projection"]["layers"][0]
    with running(Behaviour()) as server:
        done(capsys, "replay", "--base-url", server.url, "--yes")
    after = done(capsys, "simulate", "--no-shapley")["projection"]["layers"][0]
    assert any("Replay a sample first" in n for n in before["notes"])
    assert not any("Replay a sample first" in n for n in after["notes"])
    assert "output_ratio" in after["measured"] and after["risk"]["basis"].startswith("measured by")
