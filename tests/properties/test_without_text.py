"""A log without its text costs the same, and nothing is claimed about what cannot be seen."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from costopt.wiring.auditing import Audited
from tests.properties.auditing import audited
from tests.properties.mutating import LONGER, ROOT, SAMPLES
from tests.properties.silence import twin

ABOUT_TEXT = {
    "resent_system_prompt", "history_resent", "cache_breakers", "tools_never_called", "loops",
    "repeated_tool_calls", "oversized_tool_results", "resent_requests", "short_prefix",
}  # fmt: skip
JUDGE_TEXT = {"system_prompt", "tool_outputs", "window", "semantic_cache"}
LOGS = [p.parent for p in sorted(SAMPLES.glob("*/expected.json"))]
LOGS += [ROOT / "sample_traces" / name for name in sorted(LONGER)]
COUNTED_FROM_TEXT = {"tau-bench"}
"""Logs that report no usage at all: their bill is an estimate from the text, and is gone with it."""

BOTH_WAYS = {
    "costopt-jsonl",
    "langsmith",
    "langfuse",
    "helicone",
    "litellm",
    "claude-code",
    *LONGER,
}
"""Logs that are twinned with fields emptied and with fields gone; the others only with fields gone."""


def money(done: Audited) -> tuple[object, ...]:
    """The bill; a call that was counted from text beside it is missing without."""
    bill = done.result.bill
    unknown = bill.missing_usage_calls + bill.estimated_calls
    leaves = done.context.trace.leaves.sum(axis=0).tolist()
    return done.context.bill.total_pusd, bill.recorded_usd, done.context.trace.n, unknown, leaves


@pytest.mark.parametrize("log", LOGS, ids=lambda p: p.name)
def test_the_twin_costs_the_same_and_claims_nothing(log: Path, tmp_path: Path) -> None:
    loud = log
    if log.is_dir():
        skip = shutil.ignore_patterns("expected.json")
        loud = shutil.copytree(log, tmp_path / "loud", ignore=skip)
    with audited(loud) as told:
        whole = money(told)
    for removed in (False, True) if log.name in BOTH_WAYS else (True,):
        with audited(twin(log, tmp_path / f"quiet{removed}", removed=removed)) as quiet:
            if log.name in COUNTED_FROM_TEXT:
                assert quiet.result.bill.recorded_usd == whole[1]
                assert quiet.result.bill.estimated_calls == 0
            else:
                assert money(quiet) == whole
            _claims_nothing(quiet)


def _claims_nothing(quiet: Audited) -> None:
    assert quiet.result.coverage.content == "none"
    assert not ABOUT_TEXT & {f.name for f in quiet.result.findings}
    judged = {c.name: c.status for c in quiet.result.checklist if c.name in JUDGE_TEXT}
    assert set(judged.values()) <= {"unknown", "not_applicable"}, judged
    assert any("text" in note for note in quiet.result.coverage.notes)


@pytest.mark.parametrize(
    "word", ["redacted-by-litellm", "__REDACTED__", "[REDACTED]", "<redacted>"]
)
def test_a_placeholder_is_no_text(word: str, tmp_path: Path) -> None:
    text = (SAMPLES / "plain-pairs" / "pairs.jsonl").read_text()
    for said in ("Answer in one word.", "Which colour has the sky?", "Blue."):
        text = text.replace(f'"{said}"', f'"{word}"')
    (tmp_path / "pairs.jsonl").write_text(text)
    with audited(tmp_path) as done:
        _claims_nothing(done)
