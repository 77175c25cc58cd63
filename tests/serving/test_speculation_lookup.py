"""Look-up methods against recorded answers: worked examples, and each fast path against its plain twin."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costopt.errors import MissingExtra, UsageError
from costopt.serving.speculation import history as history_module
from costopt.serving.speculation import ngram, suffix
from costopt.serving.speculation.drafted import Ids, Steps, spread
from costopt.serving.speculation.history import History, kernel
from costopt.serving.speculation.load import Costs
from costopt.serving.speculation.lookup import (
    USUAL,
    Exchange,
    compared,
    measured,
    measured_acceptance,
    measured_on_texts,
    steps_by_answer,
)
from costopt.serving.speculation.ngram import NGram
from costopt.serving.speculation.suffix import Suffix


def ids(*tokens: int) -> Ids:
    return np.array(tokens, np.int64)


few = st.lists(st.integers(0, 3), max_size=24).map(lambda found: np.array(found, np.int64))
wide = few.map(lambda found: found * 987_654)
exchanges = st.lists(st.tuples(few, few), min_size=1, max_size=4)
ngrams = st.builds(
    lambda g, low, more: NGram(g, low + more, low),
    st.integers(1, 6), st.integers(1, 4), st.integers(0, 3),
)  # fmt: skip
suffixes = st.builds(
    Suffix, st.integers(1, 8), st.integers(2, 8), st.sampled_from((0.5, 1.0, 2.0)),
    st.sampled_from((0.0, 0.1, 0.4)),
)  # fmt: skip


def same(one: Steps, other: Steps) -> None:
    assert np.array_equal(one.drafted, other.drafted)
    assert np.array_equal(one.accepted, other.accepted)
    assert one.tokens == other.tokens


class TestNGram:
    def test_the_longest_match_wins_and_of_equals_the_earliest(self) -> None:
        rule = NGram(draft_tokens=2, longest=2, shortest=1)
        assert ngram.propose_plain([7, 8, 1, 5, 8, 2, 7, 8], rule) == [1, 5]  # (7, 8) before (8)
        assert ngram.propose_plain([8, 1, 8, 2, 8], rule) == [1, 8]  # the first 8
        assert ngram.propose_plain([1, 2, 3], rule) == []

    def test_a_match_may_overlap_the_end_and_the_draft_ends_with_the_text(self) -> None:
        assert ngram.propose_plain([4, 4, 4], NGram(5, 2, 2)) == [4]
        assert ngram.propose_plain([9], NGram(5, 1, 1)) == []

    def test_steps_of_an_answer_that_repeats_its_prompt(self) -> None:
        # Prefill gives 1. From (1) follow 2 3 4 in the prompt: all accepted, and 5 comes with them.
        # After 5 nothing follows in the text so far but the answer itself.
        found = ngram.run(ids(1, 2, 3, 4, 5, 1), ids(1, 2, 3, 4, 5), NGram(3, 1, 1))
        assert found.drafted.tolist() == [3]
        assert found.accepted.tolist() == [3]
        assert (found.tokens, found.tokens_per_step, found.acceptance_length) == (4, 4.0, 4.0)

    @settings(max_examples=300, deadline=None)
    @given(st.one_of(st.tuples(few, few), st.tuples(wide, wide)), ngrams)
    def test_fast_equals_plain(self, texts: tuple[Ids, Ids], rule: NGram) -> None:
        same(ngram.run(*texts, rule), ngram.run_plain(*texts, rule))

    def test_names_that_outgrow_one_number_are_counted_anew(self) -> None:
        rng = np.random.default_rng(5)
        text = rng.integers(0, 3, 60) * 2**40
        same(
            ngram.run(text, text[:30], NGram(4, 6, 4)),
            ngram.run_plain(text, text[:30], NGram(4, 6, 4)),
        )


class TestSuffix:
    def test_the_most_frequent_continuation_is_followed(self) -> None:
        # After 1 came 2 twice and 3 once: 2 with 2 of 4 places (the end itself is one of them).
        context = [1, 2, 5, 1, 2, 6, 1, 3, 9, 1]
        assert suffix.propose_plain(context, [[1]], Suffix(4, min_token_prob=0.1)) == [2]
        assert suffix.propose_plain(context, [[1]], Suffix(4, min_token_prob=0.6)) == []

    def test_a_longer_match_drafts_more_up_to_the_depth(self) -> None:
        context = [1, 2, 3, 4, 5, 6, 7, 1, 2, 3]
        assert suffix.propose_plain(context, [[]], Suffix(8)) == [4, 5, 6]
        assert suffix.propose_plain(context, [[]], Suffix(8, tree_depth=4)) == [4, 5]

    def test_an_earlier_answer_counts_only_where_it_is_surer(self) -> None:
        own = [1, 2, 8, 8, 1, 2]
        assert suffix.propose_plain(own, [[1, 2, 9, 9], [2]], Suffix(4)) == [9, 9]
        assert suffix.propose_plain(own, [[2]], Suffix(4)) == [8, 8]

    @pytest.mark.skipif(kernel() is None, reason="numba is not installed")
    @settings(max_examples=150, deadline=None)
    @given(exchanges, suffixes)
    def test_compiled_equals_plain(self, texts: list[tuple[Ids, Ids]], rule: Suffix) -> None:
        fast = steps_by_answer(texts, rule, compiled=True)
        plain = steps_by_answer(texts, rule, compiled=False)
        for one, other in zip(fast, plain, strict=True):
            same(one, other)

    @pytest.mark.skipif(kernel() is None, reason="numba is not installed")
    def test_compiled_equals_plain_where_the_tree_grows(self) -> None:
        rng = np.random.default_rng(3)
        answers = [rng.zipf(1.6, 400) % 40 for _ in range(12)]
        fast, plain = History(Suffix(8)), History(Suffix(8), compiled=False)
        for answer in answers:
            fast.add(answer)
            plain.add(answer)
        same(
            fast.run(answers[0][:50], answers[3][:60]), plain.run(answers[0][:50], answers[3][:60])
        )

    def test_long_texts_ask_for_the_extra(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(history_module, "kernel", lambda: None)
        with pytest.raises(MissingExtra, match="kernel"):
            History(Suffix()).run(np.arange(30_000), ids(1, 2, 3))
        with pytest.raises(MissingExtra, match="kernel"):
            History(Suffix(), compiled=True)

    @pytest.mark.skipif(kernel() is None, reason="numba is not installed")
    def test_ids_that_are_no_small_numbers_are_refused(self) -> None:
        for wrong in (ids(-1, 2, 3), ids(2**40, 1, 2)):
            with pytest.raises(UsageError):
                History(Suffix()).run(ids(1), wrong)


class TestMeasured:
    @settings(max_examples=60, deadline=None)
    @given(exchanges, st.sampled_from(USUAL))
    def test_every_token_is_yielded_once(self, texts: list[tuple[Ids, Ids]], rule: object) -> None:
        per_answer = list(steps_by_answer(texts, rule, compiled=False))  # type: ignore[arg-type]
        for (_, answer), steps in zip(texts, per_answer, strict=True):
            assert steps.tokens == max(len(answer) - 1, 0)
            assert len(steps) + steps.accepted_tokens - steps.tokens in (
                0,
                1,
            )  # the last bonus token
            assert np.all(steps.accepted <= steps.drafted)

    @settings(max_examples=60, deadline=None)
    @given(exchanges, ngrams)
    def test_sums_agree_with_each_other(self, texts: list[tuple[Ids, Ids]], rule: NGram) -> None:
        steps = measured(texts, rule)
        by_place, had = steps.accepted_per_position(), steps.drafted_per_position()
        assert by_place.sum() == steps.accepted_tokens
        assert had.sum() == steps.drafted_tokens
        assert np.all(np.diff(by_place) <= 0) and np.all(by_place <= had[: len(by_place)])
        if steps.drafts:
            known = steps.acceptance()
            assert known is not None and known.coverage == steps.drafts / len(steps)
            assert known.by_position[0] == by_place[:1].sum() / steps.drafts
            assert steps.acceptance_length == 1 + steps.accepted_tokens / steps.drafts

    def test_an_answer_given_before_is_drafted_by_suffix_decoding_alone(self) -> None:
        answer = ids(*range(10, 40))
        pairs = [(ids(1), answer), (ids(2), answer)]
        first, second = steps_by_answer(pairs, Suffix(12), compiled=False)
        assert first.accepted_tokens == 0
        assert second.tokens_per_step > 4
        assert measured(pairs, NGram(5, 3, 2)).accepted_tokens == 0

    def test_texts_go_through_the_tokenizer(self) -> None:
        pairs = [("say: to be or not to be", "to be or not to be")]
        steps = measured_on_texts(pairs, lambda text: [ord(one) for one in text], NGram(4, 3, 2))
        assert steps.tokens == 17 and steps.tokens_per_step > 2
        known = steps.as_yield()
        assert known.tokens == steps.tokens_per_step
        assert known.drafted == steps.drafted_tokens / len(steps)

    def test_rules_are_compared_by_what_they_gain(self) -> None:
        pairs = [(ids(*range(20), 3), ids(*range(3, 15)))] * 2
        binding = Costs(lambda batch, tokens: max(1.0, 0.05 * batch * tokens))
        calm, busy = (compared(pairs, binding, batch, USUAL[:3]) for batch in (1, 500))
        assert calm[0].gain >= calm[-1].gain and calm[0].gain > 1
        assert all(one.gain < 1 for one in busy)
        assert calm[0].gain == pytest.approx(calm[0].steps.tokens_per_step)

    def test_the_spread_is_that_of_sessions(self) -> None:
        same_tokens = [Steps(np.array([2, 2]), np.array([1, 1]), 4)] * 6
        even = spread(same_tokens, [0, 0, 1, 1, 2, 2])
        assert even is not None and (even.standard_error, even.groups) == (0.0, 3)
        # Two sessions of 2 steps: 4 and 2 tokens, 1.5 a step; off by +1 and -1: sqrt(2/1 * 2) / 4 = 0.5.
        uneven = [same_tokens[0], Steps(np.array([0, 0]), np.array([0, 0]), 2)]
        found = spread(uneven, [0, 1])
        assert found is not None and found.standard_error == pytest.approx(0.5)
        assert spread(uneven, [0, 0]) is None

    def test_no_texts_are_no_steps(self) -> None:
        steps = measured([], NGram())
        assert (len(steps), steps.tokens_per_step, steps.acceptance_length) == (0, 1.0, None)
        assert steps.reported_acceptance is None and steps.acceptance() is None

    def test_settings_that_cannot_be_are_refused(self) -> None:
        for wrong in (
            lambda: NGram(0),
            lambda: NGram(3, 1, 2),
            lambda: Suffix(0),
            lambda: Suffix(3, 1),
        ):
            with pytest.raises(UsageError):
                wrong()


class TestByTask:
    @settings(max_examples=60, deadline=None)
    @given(exchanges, st.one_of(ngrams, suffixes), st.lists(st.sampled_from("ab"), min_size=4))
    def test_tasks_share_the_history_and_their_steps_are_all_steps(
        self, texts: list[tuple[Ids, Ids]], rule: NGram | Suffix, names: list[str]
    ) -> None:
        calls = [Exchange(*pair, task) for pair, task in zip(texts, names, strict=False)]
        found = measured_acceptance(calls, rule, compiled=False)
        whole = list(steps_by_answer(texts, rule, compiled=False))
        for task, one in found.items():
            own = [
                steps for steps, call in zip(whole, calls, strict=True) if call.task == task
            ]  # fmt: skip
            same(one.steps, Steps.joined(own))
            assert one.answers == len(own)
        assert list(found) == list(dict.fromkeys(call.task for call in calls))

    def test_what_a_task_repeats_is_accepted_and_what_another_makes_up_is_not(self) -> None:
        copied, fresh = np.arange(40) % 20, np.arange(100, 140)
        calls = [
            Exchange(copied, copied[:20], "copy", f"s{n}") if n % 2 else
            Exchange(fresh + 40 * n, fresh + 40 * n + 20, "write", f"s{n}")
            for n in range(6)
        ]  # fmt: skip
        found = measured_acceptance(calls, NGram(3, 2, 2))
        sure = found["copy"].acceptance
        assert sure is not None and sure.at(0) == 1.0 and sure.coverage > 0.9
        assert found["copy"].spread is not None and found["copy"].spread.groups == 3
        assert found["write"].steps.tokens_per_step < found["copy"].steps.tokens_per_step

    def test_without_calls_there_is_nothing(self) -> None:
        assert measured_acceptance([], NGram()) == {}
