"""What a call shares with earlier ones: by bytes, within a namespace, while alive, once answered."""

from __future__ import annotations

from typing import Any

from costopt.billing.prompt_cache.fit import rule_fit
from costopt.model.call import Call, CallStatus
from tests.billing.prompt_cache.world import LAUNCH_US, T0, Rules, modelled, prefixes, sent

SYSTEM = "system:" + "s" * 40
USER = "user:" + "u" * 30


def second(*requests: list[str], rules: Rules | None = None, **more: Any) -> int:
    """Shared tokens of the last of these calls, ten seconds apart."""
    calls = [sent(10 * i, r, **more) for i, r in enumerate(requests)]
    return int(prefixes(calls, rules).shared_tokens[-1])


def limit(calls: list[Call], rules: Rules) -> int:
    return int(modelled(calls, rules, rule_fit()).recorded.limit[-1])


def test_whole_segments_then_the_common_tokens_of_the_first_that_differs() -> None:
    assert second([SYSTEM, USER], [SYSTEM, USER, "user:more"]) == 70
    assert second([SYSTEM, USER], [SYSTEM, "user:" + "u" * 12 + "other"]) == 52
    assert second([SYSTEM, USER], ["system:" + "s" * 25 + "x", USER]) == 25
    assert second([SYSTEM, USER], ["system:other", USER]) == 0


def test_the_best_earlier_sibling_counts_not_the_last() -> None:
    near, far = "user:" + "u" * 20 + "a", "user:b"
    assert second([SYSTEM, near], [SYSTEM, far], [SYSTEM, "user:" + "u" * 20 + "c"]) == 60


def test_text_of_another_kind_is_another_prefix() -> None:
    assert second(["system:" + "x" * 40], ["user:" + "x" * 40 + "y"]) == 0


def test_a_clock_in_front_breaks_everything_behind_it() -> None:
    calls = [sent(i, [f"system:{i:02d} o'clock", SYSTEM, USER]) for i in range(5)]
    assert prefixes(calls).shared_tokens.tolist() == [0, 0, 0, 0, 0][:1] + [1] * 4
    calls = [sent(i, [SYSTEM, f"user:{i}:00", USER]) for i in range(5)]
    assert prefixes(calls).shared_tokens.tolist() == [0] + [40] * 4


def test_namespaces_share_nothing() -> None:
    for name in ("model", "provider", "workspace", "api_key_hash", "prompt_cache_key"):
        calls = [sent(0, [SYSTEM, USER], **{name: "one"}), sent(9, [SYSTEM, USER], **{name: "two"})]
        assert prefixes(calls).shared_tokens.tolist() == [0, 0], name
    calls = [sent(0, [SYSTEM], session_id="one"), sent(9, [SYSTEM, USER], session_id="two")]
    assert prefixes(calls).shared_tokens.tolist() == [0, 40], "sessions do share"


def test_calls_in_flight_do_not_see_each_other() -> None:
    slow = {"latency_ms": 9_000.0, "ttft_ms": 4_000.0}
    calls = [sent(0, [SYSTEM], **slow), sent(3, [SYSTEM, USER], session_id="b"),
             sent(5, [SYSTEM, USER, USER], session_id="c")]  # fmt: skip
    found = prefixes(calls)
    assert found.shared_tokens.tolist() == [0, 0, 70], "readable from the first byte of the answer"
    assert found.concurrent.tolist() == [False, True, False]


def test_only_what_reached_the_provider_warms() -> None:
    for status in (CallStatus.FAILED, CallStatus.GATEWAY_HIT):
        calls = [sent(0, [SYSTEM], status=status), sent(9, [SYSTEM])]
        assert prefixes(calls).shared_tokens.tolist() == [0, 0]


def test_the_last_answer_is_part_of_the_next_prefix() -> None:
    from tests.billing.small import seg

    first = sent(0, [SYSTEM])
    first.response = [seg("assistant:" + "a" * 9)]
    calls = [first, sent(9, [SYSTEM, "assistant:" + "a" * 9, USER])]
    found = prefixes(calls)
    assert found.shared_tokens[1] == 49 and found.ideal_tokens[1] == 40


def test_minimum_and_step() -> None:
    calls = [sent(0, [SYSTEM, USER]), sent(9, [SYSTEM, USER, "user:more"])]
    assert limit(calls, Rules(min_tokens=70)) == 70
    assert limit(calls, Rules(min_tokens=71)) == 0
    assert limit(calls, Rules(min_tokens=20, step_tokens=16)) == 64


def test_no_cache_before_its_launch_nor_for_models_that_never_had_one() -> None:
    early = [sent(0, [SYSTEM]), sent(9, [SYSTEM, USER])]
    for call in early:
        call.at_us = (call.at_us or 0) - T0 + LAUNCH_US - 10**12
    assert prefixes(early).shared_tokens.tolist() == [0, 0]
    never = [sent(0, [SYSTEM], model="never-1"), sent(9, [SYSTEM, USER], model="never-1")]
    assert prefixes(never).shared_tokens.tolist() == [0, 0]
    assert modelled(never).recorded.served.tokens.tolist() == [0.0, 0.0]


def test_batch_reads_only_where_the_discounts_stack() -> None:
    calls = [sent(0, [SYSTEM], service_tier="batch"), sent(9, [SYSTEM], service_tier="batch")]
    assert prefixes(calls, Rules()).shared_tokens.tolist() == [0, 0]
    assert prefixes(calls, Rules(batch_stacks=True)).shared_tokens.tolist() == [0, 40]


def test_an_entry_beyond_its_life_is_served_seldom() -> None:
    def chance(gap_s: float) -> float:
        calls = [sent(0, [SYSTEM, USER]), sent(gap_s, [SYSTEM, USER, USER])]
        return float(modelled(calls, fit=rule_fit()).recorded.served.hit[1])

    assert chance(5) > 0.75 and chance(299) > 0.6
    assert chance(5) > chance(200) > chance(900) > chance(7200)
    assert chance(7200) < 0.15


def test_breaks_are_where_shared_text_follows() -> None:
    grown = [sent(0, [SYSTEM, USER]), sent(9, [SYSTEM, USER, "user:x"])]
    assert prefixes(grown).break_use.tolist() == [-1, -1]
    clock = [sent(0, ["system:10:00", SYSTEM]), sent(9, ["system:10:01", SYSTEM])]
    assert prefixes(clock).break_use.tolist() == [-1, 2]
    edited = [sent(0, [SYSTEM, "user:a", USER]), sent(9, [SYSTEM, "user:b", USER])]
    assert prefixes(edited).break_use.tolist() == [-1, 4]
    asked_anew = [sent(0, [SYSTEM, "user:a"]), sent(9, [SYSTEM, "user:b"])]
    assert prefixes(asked_anew).break_use.tolist() == [-1, -1]


def test_a_log_without_content_is_marked_as_assumed() -> None:
    calls = [sent(0, None, size=100), sent(9, None, size=150)]
    found = prefixes(calls)
    assert found.assumed.tolist() == [True, True]
    assert found.shared_tokens.tolist() == [0, 100] and found.ideal_tokens.tolist() == [0, 0]
    mixed = [sent(0, None, size=100), sent(9, [SYSTEM]), sent(20, [USER], session_id="b")]
    assert prefixes(mixed).shared_tokens.tolist() == [0, 0, 0], (
        "nobody knows what the first one sent"
    )


def test_a_hidden_prompt_is_a_prefix_of_all_sessions_of_its_agent() -> None:
    calls = []
    for s in range(6):
        text = [f"user:{s}" + "x" * 60]
        for step in range(3):
            text = [*text, f"user:{s}{step}" + "y" * 80]
            shown = sum(len(t) - 5 for t in text)
            calls.append(sent(100 * s + step, list(text), size=shown + 500, session_id=f"s{s}"))
    found = prefixes(calls)
    first = found.first_of_session
    assert first.sum() == 6 and found.opens.sum() == 1
    assert found.shared_tokens[first & ~found.opens].tolist() == [500] * 5
