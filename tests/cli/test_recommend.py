"""`recommend` end to end: both figures side by side, and a policy that simulate takes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from costopt.model.escape import width_of
from costopt.wiring.policy.load import load_policy
from tests.cli.run import Ran, costopt

SAMPLE = Path(__file__).parent.parent.parent / "sample_traces" / "traces.jsonl"


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def ok(capsys: pytest.CaptureFixture[str], *arguments: object) -> Ran:
    ran = costopt(capsys, *arguments)
    assert ran.code == 0, ran.err
    return ran


@pytest.mark.parametrize("width", [80, 60])
def test_in_sample_and_out_of_sample_stand_side_by_side(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    ran = ok(capsys, "recommend", SAMPLE, "--max-risk", "0.2", "--out", "made.yaml", "-q")
    lines = ran.out.splitlines()
    assert max(map(width_of, lines)) <= width
    assert len(lines) <= 40
    assert any(line.split() == ["fitted", "on", "not", "seen", "before"] for line in lines)
    assert sum(int(n) for n in next(x for x in lines if x.startswith("sessions")).split()[1:]) == 48
    text = Path("made.yaml").read_text()
    assert "# On later sessions, not used to choose: saves $" in text
    policy = load_policy(Path("made.yaml"))
    found = json.loads(
        ok(capsys, "recommend", "--max-risk", "0.2", "--json", "-q", "--out", "again.yaml").out
    )
    assert found["schema"] == "costopt.recommendation/1"
    assert len(found["policy"]["layers"]) == len(policy.layers)
    assert found["policy"]["yaml"] == text == Path("again.yaml").read_text()
    if found["out_of_sample"]["savings_usd"] > 0:
        assert found["out_of_sample"]["risk"] <= 1
    ok(capsys, "simulate", "--policy", "made.yaml", "--no-shapley", "-q")


def test_the_user_says_which_layers_to_choose_from(capsys: pytest.CaptureFixture[str]) -> None:
    Path("p.yaml").write_text("version: 1\nlayers:\n- window: {turns: 4}\n- tool_dedup\n")
    found = json.loads(ok(capsys, "recommend", SAMPLE, "--policy", "p.yaml", "--json", "-q").out)
    named = {*found["layers"], *(d["layer"] for d in found["dropped"])}
    assert named == {"window", "tool_dedup"}
    assert ok(capsys, "recommend", "--policy", "p.yaml", "--out", "-", "-q").out.startswith("# Rec")


def test_a_wrong_limit_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    ran = costopt(capsys, "recommend", SAMPLE, "--max-risk", "3")
    assert ran.code == 2
    assert "--max-risk  3 is no share of the answers." in ran.err


def nightly_log(path: Path, nightly: range) -> None:
    """Forty sessions of one call, a minute apart; those named are of an agent that nobody waits for."""
    lines = []
    for i in range(40):
        agent = "nightly-digest" if i in nightly else "helper"
        lines.append(json.dumps({
            "id": f"c{i}", "session_id": f"s{i}", "timestamp": f"2026-10-05T02:{i:02}:00Z",
            "agent": agent, "provider": "openai",
            "request": {"model": "gpt-4o", "messages": [{"role": "user", "content": f"case {i}"}]},
            "response": {
                "id": f"chatcmpl-{i}", "model": "gpt-4o",
                "choices": [{"message": {"role": "assistant", "content": "done"}}],
                "usage": {"prompt_tokens": 900, "completion_tokens": 50},
            },
        }))  # fmt: skip
    path.write_text("\n".join(lines))


@pytest.mark.parametrize(
    ("nightly", "chosen"), [(range(4, 40, 4), True), (range(30, 40), False)], ids=["all", "late"]
)
def test_what_shows_only_in_the_sessions_that_tell_does_not_choose(
    capsys: pytest.CaptureFixture[str], nightly: range, chosen: bool
) -> None:
    nightly_log(Path("log.jsonl"), nightly)
    found = json.loads(ok(capsys, "recommend", "log.jsonl", "--json", "-q").out)
    tried = {*found["layers"], *(d["layer"] for d in found["dropped"])}
    assert ("batch" in tried) is chosen
