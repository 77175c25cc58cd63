"""The verdict's words: fail, pass, base already failing, not comparable."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from costopt.errors import UsageError
from costopt.gate.rules import DEFAULTS, Rule, Rules, read_rules
from costopt.gate.verdict import judge
from costopt.model.result import Result, SessionInfo
from tests.report.sample import result


def with_sessions(factor: float, count: int = 30, prefix: str = "s") -> Result:
    sessions = [
        SessionInfo(
            f"{prefix}{i}", f"t{i}", "a", 4, 4000, 400, str(int(factor * (100 + i) * 10**9)), None
        )
        for i in range(count)
    ]
    made = result()
    return replace(
        made, sessions=sessions, bill=replace(made.bill, unpriced_calls=0, unpriced_models=[])
    )


def one(**fields: object) -> Rules:
    return Rules(rules=[Rule(metric="usd_per_session", **fields)])  # type: ignore[arg-type]


def test_the_same_trace_passes() -> None:
    base = with_sessions(1)
    assert judge(base, base, DEFAULTS).verdict == "pass"


def test_a_clear_rise_fails() -> None:
    verdict = judge(with_sessions(1), with_sessions(1.2), one(max_increase_pct=5))
    assert verdict.verdict == "fail"
    assert verdict.rules[0].change_pct == pytest.approx(20, abs=0.01)


def test_a_tiny_rise_in_dollars_never_fails() -> None:
    rules = one(max_increase_pct=5, min_increase_usd=1)
    assert judge(with_sessions(1), with_sessions(1.2), rules).verdict == "pass"


def test_a_warning_changes_no_verdict() -> None:
    rules = one(max_increase_pct=5, level="warn")
    verdict = judge(with_sessions(1), with_sessions(2), rules)
    assert verdict.verdict == "pass"
    assert verdict.rules[0].verdict == "fail"


def test_a_limit_that_the_base_breaks_too() -> None:
    verdict = judge(with_sessions(1), with_sessions(1), one(max=0.01))
    assert verdict.verdict == "base_already_failing"


def test_too_few_sessions_cannot_be_compared() -> None:
    verdict = judge(with_sessions(1, 3), with_sessions(1, 3), one(max_increase_pct=5))
    assert verdict.verdict == "not_comparable"


def test_percentiles_need_a_hundred_sessions() -> None:
    rules = Rules(rules=[Rule(metric="p95_session_usd", max=0.5)])
    few = judge(with_sessions(1), with_sessions(1), rules)
    assert few.verdict == "not_comparable" and few.rules[0].sessions_needed == 100
    assert judge(with_sessions(1, 150), with_sessions(1, 150), rules).verdict == "pass"
    assert judge(with_sessions(1, 150), with_sessions(5, 150), rules).verdict == "fail"


def test_a_new_unpriced_model_fails() -> None:
    base = with_sessions(1)
    head = replace(base, bill=replace(base.bill, unpriced_calls=1, unpriced_models=["new-model"]))
    assert judge(base, head, DEFAULTS).verdict == "fail"
    assert judge(head, head, Rules(rules=[])).verdict == "not_comparable"


def test_the_checklist_rule() -> None:
    base = with_sessions(1)
    rules = Rules(rules=[Rule(metric="checklist", must_pass=[8])])
    assert judge(base, base, rules).verdict == "pass"
    broken = [replace(c, status="unknown") if c.id == 8 else c for c in base.checklist]
    assert judge(base, replace(base, checklist=broken), rules).verdict == "fail"


def test_the_same_seed_gives_the_same_verdict() -> None:
    rules = Rules(rules=[Rule(metric="p95_session_usd", max_increase_pct=5)])
    sides = with_sessions(1, 120), with_sessions(1.04, 120)
    assert judge(*sides, rules, seed=1) == judge(*sides, rules, seed=1)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("rules:\n  - {metric: usd_per_sesion, max: 1}\n", 2, "usd_per_session"),
        ("rules:\n  - metric: total_usd\n    max_increase: 5\n", 3, "max_increase_pct"),
        ("rules:\n  - {metric: total_usd}\n", 2, "limit"),
        ("rules:\n  - {metric: total_usd, max_decrease_pct: 5}\n", 2, "cache_read_share"),
        ("rules:\n  - {metric: cache_read_share, max_increase_pct: 5}\n", 2, "usd_per_session"),
        ("rules:\n  - {metric: unpriced_calls, max: 0, by: agent}\n", 2, "usd_per_session"),
        ("rules:\n  - {metric: total_usd, max: 9, max_increase_pct: 5}\n", 2, "two rules"),
        ("rules:\n  - {metric: total_usd, max: 9, by: tenant}\n", 2, "agent"),
    ],
)
def test_errors_name_the_line_and_the_nearest_word(
    tmp_path: Path, text: str, line: int, words: str
) -> None:
    path = tmp_path / "gate.yaml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_rules(path)
    assert f"gate.yaml:{line}" in str(caught.value)
    assert words in str(caught.value)
