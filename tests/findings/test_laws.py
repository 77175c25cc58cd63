"""What every finding must keep, whatever it looks for."""

from __future__ import annotations

import copy
import importlib
import inspect
import json
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from costopt.billing.context import AuditContext
from costopt.findings.discover import MOST_PLACES, find_all, finders
from costopt.model.call import Call, CallStatus, missing_usage
from costopt.money import exact_sum
from tests.billing.small import call, usage
from tests.findings.context import context_of

NAMES = sorted(finders())
TEXTS = ["system:Time 10:00:01. " + "s" * 1500, "system:Time 10:00:02. " + "s" * 1500, "tools/a:{}",
         "tools/b:{}", "user:" + "u" * 700, "user:hi \x1b[31m", "assistant:" + "a" * 300, "call/a:{}",
         "call/a:{ }", "result/a:" + "r" * 5000, "result/a:ok", "reasoning:hm", "user:"]  # fmt: skip
SETTINGS = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def call_lists(draw: st.DrawFn) -> list[Call]:
    """Small, odd traces: missing usage, text, times, sessions, prices."""
    calls, numbers = [], st.integers(0, 3000)
    for i in range(draw(st.integers(0, 14))):
        used = usage(*(draw(numbers) for _ in range(5)))
        calls.append(call(
            f"c{i}", draw(st.none() | st.lists(st.sampled_from(TEXTS), max_size=7)),
            draw(st.sampled_from([used, used, used, missing_usage()])),
            draw(st.none() | st.lists(st.sampled_from(TEXTS[6:]), max_size=2)),
            session_id=draw(st.sampled_from(["s", "t", ""])),
            agent=draw(st.sampled_from(["planner", "", "nightly"])),
            model=draw(st.sampled_from(["m", "gpt-4o", "unknown-x", ""])),
            status=draw(st.sampled_from([CallStatus.OK, CallStatus.OK, CallStatus.FAILED,
                                         CallStatus.GATEWAY_HIT])),
            finish=draw(st.sampled_from(["stop", "length", ""])),
            max_tokens=draw(st.none() | st.integers(1, 9000)),
            at_us=draw(st.none() | st.integers(1_790_000_000_000_000, 1_790_000_900_000_000)),
        ))  # fmt: skip
    return calls


def snapshot(context: AuditContext) -> list[bytes]:
    parts = (context.trace, context.bill, context.attribution, context.cache)
    values = [getattr(p, f.name) for p in parts for f in fields(p)]
    return [v.tobytes() for v in values if isinstance(v, np.ndarray)]


def test_all_findings_of_the_folder_are_found() -> None:
    assert len(NAMES) >= 17
    assert "discover" not in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_finding_has_its_page(name: str) -> None:
    module = importlib.import_module(f"costopt.findings.{name}")
    page = inspect.getdoc(module) or ""
    for heading in ("Where the money goes", "How it is found", "What can go wrong", "Fix"):
        assert f"## {heading}" in page, heading
    assert name == module.NAME


@SETTINGS
@given(call_lists())
def test_findings_are_pure_and_say_nothing_odd(calls: list[Call]) -> None:
    context = context_of(calls)
    before = snapshot(context)
    found = find_all(context)
    assert snapshot(context) == before
    spent = int(exact_sum(context.bill.net_pusd))
    for number, (id, f) in enumerate(found, start=1):
        assert id == f"F{number}"
        assert 0 <= f.usd <= spent, "more than was spent"
        assert f.already_saved >= 0
        assert len(f.calls) and len(np.unique(f.calls)) == len(f.calls)
        assert f.fix.endswith(".") and f.fix[0].isupper()
        assert json.loads(json.dumps(f.evidence)) == f.evidence
        assert "\x1b" not in f.title + f.fix + json.dumps(f.evidence, ensure_ascii=False)
        assert not f.estimated or "basis" in f.evidence
    worth = [f.usd for _, f in found]
    assert worth == sorted(worth, reverse=True)


@SETTINGS
@given(call_lists())
def test_the_same_trace_gives_the_same_findings(calls: list[Call]) -> None:
    def told(given_calls: list[Call]) -> list[tuple[object, ...]]:
        return [(id, f.title, f.usd, f.already_saved, f.calls.tolist(), f.fix, f.evidence)
                for id, f in find_all(context_of(given_calls))]  # fmt: skip

    assert told(copy.deepcopy(calls)) == told(copy.deepcopy(calls))


@SETTINGS
@given(call_lists())
def test_without_text_nothing_about_text_is_claimed(calls: list[Call]) -> None:
    about_text = {"cache_breakers", "history_resent", "resent_system_prompt", "short_prefix",
                  "long_pauses", "tools_never_called", "repeated_tool_calls", "loops",
                  "oversized_tool_results"}  # fmt: skip
    for c in calls:
        c.request = c.response = None
    assert not about_text & {f.name for _, f in find_all(context_of(calls))}


def test_a_thousand_agents_do_not_fill_a_thousand_rows() -> None:
    calls = [
        call(f"c{i}", None, usage(fresh=100, out=10), session_id=f"s{i}", agent=f"nightly-{i}")
        for i in range(50)
    ]
    found = find_all(context_of(calls))
    assert sum(f.name == "background_on_demand" for _, f in found) == MOST_PLACES
