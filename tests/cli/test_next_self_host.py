"""Calls that move to GPUs of one's own are asked from their server, and the next projection uses it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.replay_log import done, write_log
from tests.endpoints.behaviour import Behaviour
from tests.endpoints.fault_server import running

LLAMA = "meta-llama/Llama-3.1-8B-Instruct"
LAYER = f"self_host: {{model: {LLAMA}, gpu: l40s}}"
POLICY = f"version: 1\nlayers:\n  - {LAYER}\n"


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_log(tmp_path / "log.jsonl", sessions=24)
    (tmp_path / "policy.yaml").write_text(POLICY)


def test_the_served_model_is_asked_and_its_lengths_are_used(
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = done(capsys, "simulate", "log.jsonl", "--no-shapley")["projection"]["layers"][0]
    assert not before["verified"] and before["measured"] == []
    assert before["evidence"]["moves"][0]["output_basis"] == "assumed"
    with running(Behaviour()) as provider, running(Behaviour()) as server:
        ends = (
            f"replay:\n  endpoints:\n    openai: {{base_url: '{provider.url}'}}\n"
            f"    self_host: {{base_url: '{server.url}'}}\n"
        )
        Path("policy.yaml").write_text(POLICY + ends)
        replayed = done(capsys, "replay", "--yes")["replay"]
        asked = {r["model"] for r in server.seen}
        others = {r["model"] for r in provider.seen}
    assert asked == {LLAMA} and LLAMA not in others and others
    wrote = replayed["evidence"]["self_host"]
    (move,) = wrote["moves"]
    assert move == f"gpt-4o-2024-08-06 -> {LLAMA}" and wrote["moves"][move]["outputs"]
    (row,) = replayed["layers"]
    assert row["layer"] == "self_host" and row["requests"] > 20
    after = done(capsys, "simulate", "--no-shapley")["projection"]["layers"][0]
    assert after["measured_run"] == replayed["run"] and "output_ratio" in after["measured"]
    (moved,) = after["evidence"]["moves"]
    assert moved["output_basis"] == "measured"
    assert moved["output_ratio"] == pytest.approx(wrote["moves"][move]["output_ratio"])
    assert after["risk"]["basis"].startswith("measured by replay")
    assert not any("Replay a sample against it first" in note for note in after["notes"])
