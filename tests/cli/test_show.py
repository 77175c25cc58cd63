"""`costopt show`: the proof of a finding and of a call, end to end."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from costopt.cli.main import main
from costopt.errors import UsageError
from costopt.findings.discover import find_all
from costopt.model.escape import width_of
from costopt.report.render.evidence import evidence_json, evidence_lines
from costopt.wiring.showing import proof_of
from tests.findings.context import context_of
from tests.findings.test_cache_findings import chat, clocks


def audited() -> SimpleNamespace:
    context = context_of(clocks(5))
    return SimpleNamespace(context=context, findings=find_all(context))


def test_the_dearest_calls_and_the_first_differing_bytes() -> None:
    lines = evidence_lines(proof_of("F1", audited()), 80)  # type: ignore[arg-type]
    text = "\n".join(lines)
    assert lines[0] == "F1  planner: clock in system prompt breaks the cache"
    assert text.count("planner · m · 3,000 in (0 cached), 1 out") == 3
    assert "byte 9: clock" in text
    before = next(line for line in lines if line.strip().startswith("before"))
    caret = lines[lines.index(before) + 1]
    # The caret stands under the first byte that differs.
    assert before[caret.index("^")] == "0" and before[caret.index("^") - 1] == "⟦"
    assert "Fix   Move the clock" in text
    assert lines[-1].startswith("Next  costopt explain cache_breakers")


@pytest.mark.parametrize("width", [40, 60, 80])
def test_lines_fit_the_screen(width: int) -> None:
    for wanted in ("F1", "c2"):
        for line in evidence_lines(proof_of(wanted, audited()), width):  # type: ignore[arg-type]
            assert width_of(line) <= width, line


def test_a_call_with_its_parts() -> None:
    proof = proof_of("c2", audited())  # type: ignore[arg-type]
    assert [p.what for p in proof.calls[0].parts] == ["system", "user", "answer"]
    assert sum(p.pusd for p in proof.calls[0].parts) == proof.calls[0].pusd
    assert proof.named_by == (("F1", "planner: clock in system prompt breaks the cache"),)
    document = json.loads(evidence_json(proof))
    assert document["calls"][0]["break"]["byte"] == 9
    assert document["schema"] == "costopt.show/1"


def test_an_unknown_id_names_the_nearest() -> None:
    with pytest.raises(UsageError) as caught:
        proof_of("c22", audited())  # type: ignore[arg-type]
    assert "Did you mean `c2" in caught.value.hint
    with pytest.raises(UsageError) as caught:
        proof_of("F99", audited())  # type: ignore[arg-type]
    assert "Findings: F1" in caught.value.hint


def test_hostile_text_stays_inert() -> None:
    calls = chat(3, read=False, agent="\x1b[31mevil\u202e", session_id="a\x1b]0;x\x07")
    calls[1].id = "id\x1b[2J"
    context = context_of(calls)
    seen = SimpleNamespace(context=context, findings=find_all(context))
    for wanted in ("F1", "id\x1b[2J"):
        proof = proof_of(wanted, seen)  # type: ignore[arg-type]
        text = "\n".join(evidence_lines(proof, 80)) + evidence_json(proof)
        assert "\x1b" not in text and "\u202e" not in text and "\x07" not in text


def native(folder: Path) -> Path:
    """A log of four calls with a clock, in the native format."""
    path = folder / "calls.jsonl"
    rows = [
        {
            "id": f"call-{i}", "session_id": "s1", "timestamp": f"2026-10-01T10:00:0{i}Z",
            "agent": "planner", "provider": "openai",
            "request": {"model": "gpt-4o-2024-11-20", "messages": [
                {"role": "system", "content": f"It is 2026-10-01 10:00:0{i}. " + "Be kind. " * 900},
                {"role": "user", "content": "Who are you?"}]},
            "response": {"id": f"r{i}", "model": "gpt-4o-2024-11-20",
                         "choices": [{"message": {"role": "assistant", "content": f"Number {i}."},
                                      "finish_reason": "stop"}],
                         "usage": {"prompt_tokens": 2735, "completion_tokens": 4}},
        }
        for i in range(4)
    ]  # fmt: skip
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["show", "F1", str(native(tmp_path)), "--no-store", "--quiet", "--json"])
    assert ended.value.code == 0
    document = json.loads(capsys.readouterr().out)
    assert document["finding"]["title"] == "planner: clock in system prompt breaks the cache"
    assert document["calls"][0]["source_file"].endswith("calls.jsonl")
    assert document["calls"][0]["source_line"] in (2, 3, 4)
    assert document["calls"][0]["break"]["kind"] == "clock"


def test_no_id_says_how(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["show"])
    assert ended.value.code == 2
    assert "costopt show F1" in capsys.readouterr().err
