"""One passing and one failing trace an item, worked out by hand, and what makes it unknown.

Fake prices a token: input $1e-6, cached $0.1e-6, output $10e-6. One byte of text is one token.
"""

from __future__ import annotations

import pytest

from costopt.checklist.discover import checks
from costopt.checklist.evidence import Evidence, Kind, Topic
from costopt.findings.background_on_demand import find
from costopt.model.call import Call, CallStatus
from costopt.model.finding import CheckStatus
from tests.billing.small import call, usage
from tests.checklist.context import check, context, evidence

MICRO = 1_000_000  # pico-dollars of one fresh input token


def asked(key: str, text: str, **more: object) -> Call:
    """A single call with its own session."""
    return call(
        key, [f"user:{text}"], usage(len(text), out=10), ["assistant:ok"], session_id=key, **more
    )  # type: ignore[arg-type]


def chat(turns: int, system: str = "s", read: bool = False, cap: int = 0) -> list[Call]:
    """One session whose request grows by an answer and a reply a turn, all bytes counted."""
    made, sent = [], [f"system:{system}", "user:" + "q" * 600]
    for i in range(turns):
        size = sum(len(s.partition(":")[2]) for s in sent)
        cached = (size - 600) // 128 * 128 if read and i else 0
        cached = cached if cached >= 1024 else 0
        answer = f"assistant:{i:03d}" + "a" * 300
        extra = {"max_tokens": cap} if cap else {}
        made.append(
            call(f"c{i}", list(sent), usage(size - cached, cached, out=303), [answer], **extra)
        )
        sent += [answer, f"user:{i:03d}" + "b" * 297]
    return made


# 1 semantic cache ---------------------------------------------------------------------------------


def test_semantic_cache_passes_when_half_is_answered_by_it() -> None:
    calls = [asked(f"k{i}", f"question {i}") for i in range(4)]
    for one in calls[:2]:
        one.status = CallStatus.GATEWAY_HIT
    assert check(1, context(calls)).status == CheckStatus.PASS


def test_semantic_cache_fails_with_the_dollars_of_exact_repeats() -> None:
    calls = [asked("a", "same"), asked("b", "same"), asked("c", "other")]
    found = check(1, context(calls))
    assert found.status == CheckStatus.FAIL
    assert found.usd == 4 * MICRO + 10 * 10 * MICRO  # the second "same": 4 in, 10 out


def test_semantic_cache_does_not_apply_inside_loops() -> None:
    assert check(1, context(chat(6))).status == CheckStatus.NOT_APPLICABLE


# 2 routing ----------------------------------------------------------------------------------------


def test_routing_fails_without_a_small_model_and_passes_without_simple_calls() -> None:
    # The fake book asks $10 a million for every model's output: none is small.
    found = check(2, context([asked("a", "is this spam?")]))
    assert found.status == CheckStatus.FAIL
    long = [call("a", ["user:x"], usage(3000, out=10))]
    assert check(2, context(long)).status == CheckStatus.NOT_APPLICABLE


# 3 system prompt ----------------------------------------------------------------------------------


def test_system_prompt_short() -> None:
    assert check(3, context(chat(2, "s" * 500))).status == CheckStatus.PASS


def test_system_prompt_long_is_worth_its_excess() -> None:
    found = check(3, context([call("a", ["system:" + "s" * 700, "user:hi"], usage(702, out=1))]))
    assert found.status == CheckStatus.FAIL
    assert found.usd == 200 * MICRO


def test_system_prompt_cut_below_the_cache_minimum_is_harmful() -> None:
    # 1,536 sent, 1,408 of it read. With 500 of 1,400 the rest of the read is 508 < 1,024: lost.
    calls = [
        call(f"c{i}", ["system:" + "s" * 1400, "user:" + "u" * 136], usage(128, 1408, out=1))
        for i in range(2)
    ]
    found = check(3, context(calls))
    # Before: 128 + 140.8 = 268.8 micro; after: 636 fresh.
    assert found.status == CheckStatus.HARMFUL
    assert found.usd == -2 * (636 * MICRO - 268_800_000)


def test_system_prompt_left_out_of_the_log_is_unknown() -> None:
    calls = [
        call(f"c{i}", ["user:hello"], usage(2005, out=1), session_id=f"s{i}") for i in range(20)
    ]
    assert check(3, context(calls)).status == CheckStatus.UNKNOWN


# 4 window -----------------------------------------------------------------------------------------


def test_window_passes_on_short_sessions() -> None:
    assert check(4, context(chat(9))).status == CheckStatus.PASS  # the ninth call holds 8 turns


def test_window_saves_without_a_cache() -> None:
    made = context(chat(11))
    found = check(4, made)
    assert found.status == CheckStatus.FAIL
    # Calls 10 and 11 drop 1 and 2 turns of 603 tokens.
    assert found.usd == 3 * 603 * MICRO


def test_window_harms_what_the_cache_serves() -> None:
    found = check(4, context(chat(40, read=True), recorded=0.9))
    assert found.status == CheckStatus.HARMFUL
    assert found.usd is not None and found.usd < 0


def test_window_on_a_sample_scales_to_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions that are all alike: a sample of one, scaled, says what all of them say."""
    calls = []
    for session in range(8):
        for one in chat(12):
            one.key = one.id = f"{session}-{one.key}"
            one.session_id = f"s{session}"
            calls.append(one)
    made = context(calls)
    whole = check(4, made)
    monkeypatch.setattr("costopt.engine.trial.MOST_USES", 200)
    monkeypatch.setattr("costopt.engine.trial.SAMPLE_CALLS", 48)
    part = check(4, made)
    assert part.usd == pytest.approx(whole.usd, rel=0.01)
    assert "sample" in part.usd_basis


def test_window_does_not_apply_to_single_turns() -> None:
    assert check(4, context([asked("a", "x")])).status == CheckStatus.NOT_APPLICABLE


# 5 tool outputs -----------------------------------------------------------------------------------


def results(size: int) -> list[Call]:
    sent = ["user:go", "call/search:{}", "result/search:" + "r" * size]
    return [call("a", sent, usage(4 + size, out=1))]


def test_tool_outputs() -> None:
    assert check(5, context(results(2000))).status == CheckStatus.PASS
    found = check(5, context(results(4000)))
    assert (found.status, found.usd) == (CheckStatus.FAIL, 2000 * MICRO)
    assert check(5, context([asked("a", "x")])).status == CheckStatus.NOT_APPLICABLE


# 6 max_tokens -------------------------------------------------------------------------------------


def test_max_tokens() -> None:
    assert check(6, context(chat(25, cap=512))).status == CheckStatus.PASS
    unset = [asked(f"k{i}", "x", temperature=0.0) for i in range(5)]
    assert check(6, context(unset)).status == CheckStatus.FAIL
    assert check(6, context([asked("a", "x")])).status == CheckStatus.UNKNOWN


def test_one_limit_for_unlike_tasks_fails() -> None:
    calls = []
    for i in range(40):
        task, out = ("label", 5) if i % 2 else ("essay", 900)
        calls.append(
            call(
                f"k{i}",
                ["user:x"],
                usage(5, out=out),
                task=task,
                max_tokens=4096,
                session_id=f"{i}",
            )
        )
    assert check(6, context(calls)).status == CheckStatus.FAIL


def test_answers_cut_by_the_limit_are_told_in_every_provider_s_word() -> None:
    words = ["stop", "length", "MAX_TOKENS", "max_output_tokens", "model_length", "content_filter"]
    calls = [asked(f"k{i}", "x", max_tokens=9, finish=word) for i, word in enumerate(words)]
    assert "4 answers were cut" in check(6, context(calls)).evidence


# 7 batch ------------------------------------------------------------------------------------------


def test_batch_halves_what_runs_at_night() -> None:
    calls = [asked(f"k{i}", "x" * 1000, agent="nightly-digest") for i in range(3)]
    found = check(7, context(calls))
    assert found.status == CheckStatus.FAIL
    assert found.usd == 3 * (1000 + 10 * 10) * MICRO // 2
    for one in calls:
        one.service_tier = "batch"
    assert check(7, context(calls)).status == CheckStatus.PASS


def test_batch_that_loses_the_cache_is_harmful() -> None:
    # 2,000 read at $0.1e-6 cost 200 micro-dollars; in a batch without a cache they cost 1,000.
    calls = [asked(f"k{i}", "x" * 2000, agent="nightly") for i in range(2)]
    for one in calls:
        one.usage = usage(0, 2000, out=1)
    found = check(7, context(calls))
    assert found.status == CheckStatus.HARMFUL
    assert found.usd == -2 * (1000 + 5 - 200 - 10) * MICRO


def test_batch_leaves_loops_alone() -> None:
    loop = chat(5)
    for one in loop:
        one.agent = "nightly-loop"
    assert check(7, context(loop)).status == CheckStatus.NOT_APPLICABLE


def test_batch_is_told_by_the_time_of_day() -> None:
    for gap_s, status in ((86_400, CheckStatus.FAIL), (10, CheckStatus.NOT_APPLICABLE)):
        calls = [asked(f"k{i}", "x", agent="reporter") for i in range(20)]
        assert check(7, context(calls, gap_s=gap_s)).status == status


# 8 prefix caching ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("recorded", "ideal", "status"),
    [
        (0.8, 0.9, CheckStatus.PASS),
        (0.1, 0.9, CheckStatus.FAIL),
        (0.0, 0.02, CheckStatus.NOT_APPLICABLE),
        (0.9, None, CheckStatus.PASS),
    ],
)
def test_prefix_caching_by_share(recorded: float, ideal: float | None, status: CheckStatus) -> None:
    """`within reach`: the test's report says that all of a long request stood in an earlier one."""
    shares = {"recorded": recorded} | ({} if ideal is None else {"ideal": ideal})
    text = "x" * (2000 if ideal != 0.02 else 20)
    assert check(8, context([asked("a", text)], **shares)).status == status


def test_prefix_caching_dollars_are_the_modelled_share_over_the_recorded_one() -> None:
    made = context([asked("a", "x" * 2000)], recorded=0.0, ideal=0.9, modelled=0.8)
    assert check(8, made).usd == 1600 * (MICRO - MICRO // 10)


def test_prefix_caching_by_arguments() -> None:
    made = context([asked("a", "x")])
    assert check(8, made, evidence((Topic.PREFIX_CACHING, True))).status == CheckStatus.PASS
    assert check(8, made, evidence((Topic.PREFIX_CACHING, False))).status == CheckStatus.FAIL
    assert check(8, made).status == CheckStatus.UNKNOWN


# 9 session budget ---------------------------------------------------------------------------------


def test_session_budget() -> None:
    made = context([asked(f"k{i}", "x" * 1000) for i in range(30)])
    assert check(9, made).status == CheckStatus.UNKNOWN
    assert check(9, made, evidence((Topic.SESSION_BUDGET, True))).status == CheckStatus.PASS
    assert check(9, made, evidence((Topic.OTHER_BUDGET, True))).status == CheckStatus.FAIL
    assert check(9, made, Evidence(kinds=(Kind.LITELLM,))).status == CheckStatus.FAIL


def test_session_budget_is_worth_what_runs_away() -> None:
    """A hard stop before the next call: the two calls that spend the budget are still paid."""
    calls = [asked(f"k{i}", "x" * 900) for i in range(40)]
    for i in range(10):
        calls.append(asked(f"r{i}", "x" * 900))
        calls[-1].session_id = "runaway"
    found = check(9, context(calls))
    assert found.usd == 8 * 1000 * MICRO
    assert "Of 1 sessions above the stop," in found.evidence


def test_without_a_trial_nothing_is_claimed() -> None:
    """What the dollars would decide is unknown, with the reason; what the log shows still counts."""
    calls = [asked(f"k{i}", "x", agent="nightly") for i in range(3)]
    for item, made in ((4, context(chat(11))), (7, context(calls)), (5, context(results(4000)))):
        found = checks()[item](made, Evidence())
        assert (found.status, found.usd) == (CheckStatus.UNKNOWN, None)
        assert "It was not tried on this log." in found.evidence
    assert checks()[4](context(chat(9)), Evidence()).status == CheckStatus.PASS


def test_the_checklist_and_the_finding_agree_on_background_work() -> None:
    """One rule for the layer, the check and the finding: the same calls at the same dollars."""
    for gap_s, found in ((86_400.0, True), (10.0, False)):
        calls = [asked(f"k{i}", "x" * 1000, agent="reporter") for i in range(25)]
        made = context(calls, gap_s=gap_s)
        item, finding = check(7, made), find(made)
        assert bool(finding) == found == (item.status == CheckStatus.FAIL)
        if found:
            assert finding[0].usd == item.usd


def test_a_proposed_budget_is_a_plain_number() -> None:
    calls = [
        call(f"k{i}", ["user:x"], usage(65_000_000, out=1), session_id=f"{i}") for i in range(40)
    ]
    assert check(9, context(calls)).fix.endswith("max_budget_per_session: 130.")


def test_an_error_that_names_a_budget_proves_one() -> None:
    calls = [asked("a", "x"), asked("b", "y")]
    calls[1].status, calls[1].error = CallStatus.FAILED, "ExceededBudget: 0.51 > 0.50"
    assert check(9, context(calls)).status == CheckStatus.PASS


# 10 dashboards ------------------------------------------------------------------------------------


def test_dashboards() -> None:
    made = context([asked("a", "x")])
    both = ((Topic.COST_PANEL, True), (Topic.P95_ALERT, True))
    files = (Kind.GRAFANA, Kind.PROMETHEUS)
    assert check(10, made).status == CheckStatus.UNKNOWN
    assert check(10, made, evidence(*both, kinds=files)).status == CheckStatus.PASS
    assert check(10, made, evidence(both[0], kinds=files)).status == CheckStatus.FAIL


# all ----------------------------------------------------------------------------------------------


def test_ten_items_in_order_and_none_claims_content_of_a_log_without_text() -> None:
    bare = [call(f"k{i}", None, usage(1000, 500, out=9), session_id=f"{i}") for i in range(4)]
    from costopt.checklist.discover import run_all

    found = run_all(context(bare, recorded=0.33), Evidence())
    assert [c.id for c in found] == list(range(1, 11))
    needs_text = [c for c in found if c.id in (1, 3, 4, 5)]
    assert {c.status for c in needs_text} == {CheckStatus.UNKNOWN}
    assert all(c.usd is None for c in needs_text)


def test_an_empty_log_raises_nothing() -> None:
    from costopt.checklist.discover import run_all

    assert len(run_all(context([]), Evidence())) == 10
