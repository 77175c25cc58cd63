"""Templates, orders and fronts beside their plain twins, and what a layout may never do."""

from __future__ import annotations

import random
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costopt import api
from costopt.layers.base import ArtifactSpec
from costopt.layers.parts.layout_lead import Scene, hashes, lead_uses, leading, places_in
from costopt.layers.parts.layout_order import arranged
from costopt.layers.parts.slots import LONG, Template, Templates, common, fill, pieces, templates
from costopt.layers.prompt_layout import PromptLayout
from costopt.model.call import SegmentKind
from costopt.model.leaf import INPUT
from costopt.model.trace import Ragged
from costopt.model.view import View
from tests.billing.small import call, usage
from tests.fakes import FakeBook
from tests.layers.cases.prompt_layout import CASES, RULES, NoCache, clocked, flags_of, named
from tests.layers.context import evaluator_of

BODY = "You work at a desk.\n" + "".join(
    f"Rule {i}: answer in {i} words or fewer.\n" for i in range(40)
)


def member(template: Template, number: int) -> str:
    """The text again, from the template and what stands in its open places."""
    out = template.runs[0]
    for gap, run in zip(template.gaps[number], template.runs[1:], strict=True):
        out += gap + run
    return out


class TestTemplates:
    @given(st.text(max_size=2_000))
    def test_pieces_are_the_text_again(self, text: str) -> None:
        assert "".join(pieces(text)) == text

    def test_long_lines_are_cut_at_sentences_then_at_words(self) -> None:
        line = "It is 10:00. " + "word " * LONG
        assert pieces(line)[0] == "It is 10:00. " and pieces(line)[1] == "word "

    def test_a_clock_and_a_name(self) -> None:
        texts = [f"Now: {i}\n{BODY}Customer: {i % 3}\nThanks for all that you do, and be kind to them!\n"
                 for i in range(9)]  # fmt: skip
        (found,) = templates(texts)
        assert found.stable == BODY + "Thanks for all that you do, and be kind to them!\n"
        assert set(found.gaps) == {(f"Now: {i}\n", f"Customer: {i % 3}\n") for i in range(9)}
        assert found.behind(0) == len(found.stable) and found.behind(1) == 49

    def test_two_templates_in_one_place(self) -> None:
        other = BODY.replace("desk", "shop").replace("words", "lines")
        found = templates([f"{i}\n{BODY}" for i in range(3)] + [f"{i}\n{other}" for i in range(3)])
        assert sorted(sorted(t.members) for t in found) == [[0, 1, 2], [3, 4, 5]]

    def test_texts_with_little_in_common_are_no_template(self) -> None:
        assert templates([f"Be kind.\n{'abc'[i] * 500}\n" for i in range(3)]) == ()

    def test_half_a_line_between_two_places_goes_with_them(self) -> None:
        (found,) = templates([f"Id {i}\nName:\n{i}{i}\n{BODY}" for i in range(5)])
        assert found.runs == ("", BODY)

    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(st.lists(st.sampled_from(["a\n", "b\n", BODY, "clock 1\n", "clock 2\n", ""]), max_size=5)
                 .map("".join), max_size=8, unique=True),
        st.randoms(use_true_random=False),
    )  # fmt: skip
    def test_every_member_is_its_text_and_the_order_of_texts_does_not_matter(
        self, texts: list[str], chance: random.Random
    ) -> None:
        found = templates(texts)
        for template in found:
            for number, text in enumerate(template.members):
                assert member(template, number) == texts[text]
        assert len({m for t in found for m in t.members}) == sum(len(t.members) for t in found)
        moved = list(texts)
        chance.shuffle(moved)
        again = templates(moved)
        assert [t.runs for t in again] == [t.runs for t in found]
        assert [{moved[m] for m in t.members} for t in again] == [
            {texts[m] for m in t.members} for t in found
        ]

    def test_what_begins_and_ends_a_text_cannot_overlap(self) -> None:
        assert fill(("aba", "aba"), "aba") is None and fill(("ab", "a"), "aba") == ("",)

    def test_common_pieces_in_order(self) -> None:
        assert common(list("axbyc"), list("apbqc")) == ["a", "b", "c"]

    def test_a_hundred_thousand_clocks_take_seconds(self) -> None:
        texts = [f"Now: {i}\n{BODY}" for i in range(20_000)]
        started = time.process_time()
        (found,) = templates(texts)
        assert len(found.members) == 20_000 and time.process_time() - started < 4


class TestFronts:
    @given(st.lists(st.lists(st.integers(0, 5), max_size=6), max_size=8))
    def test_leading_as_read_one_by_one(self, requests: list[list[int]]) -> None:
        kind = np.array([SegmentKind.TOOLS, SegmentKind.SYSTEM, SegmentKind.USER,
                         SegmentKind.ASSISTANT, SegmentKind.SYSTEM, SegmentKind.BLOCK], np.int8)  # fmt: skip
        offsets = np.concatenate(([0], np.cumsum([len(r) for r in requests]))).astype(np.int64)
        ids = np.array([s for r in requests for s in r], np.int32)
        block = Ragged(offsets, ids, np.zeros(len(ids), np.uint8))
        plain = []
        for request in requests:
            front = 0
            while front < len(request) and request[front] in (0, 1, 4):
                front += 1
            plain.append(front)
        assert leading(block, kind).tolist() == plain

    def test_places(self) -> None:
        assert places_in(np.array([3, 3, 5, 9, 9, 9])).tolist() == [0, 1, 0, 0, 1, 2]
        assert not len(places_in(np.zeros(0, np.int64)))

    def test_equal_lists_of_an_agent_have_equal_hashes_and_no_others(self) -> None:
        tools = [["tools/a:1", "tools/b:2"], ["tools/b:2", "tools/a:1"], ["tools/a:1"], []]
        calls = [call(f"{agent}{i}", [*some, "user:hi"], usage(10), agent=agent)
                 for agent in "xy" for i, some in enumerate([*tools, tools[0]])]  # fmt: skip
        evaluator = evaluator_of(calls)
        view = evaluator.recorded
        scene = Scene.of(view, FakeBook(), evaluator.handed, ())
        uses, of = lead_uses(scene, SegmentKind.TOOLS)
        told = hashes(scene, view.request.ids[uses], of)
        plain = [(c.agent, tuple(s.text for s in (c.request or ())[:-1])) for c in calls]
        for i, a in enumerate(plain):
            for j, b in enumerate(plain):
                assert (told[i] == told[j]) == (a == b)


class TestOrder:
    def view(self) -> View:
        names = [f"tools/t{i}:{i}" for i in range(5)]
        return evaluator_of([call("a", names, usage(5))]).recorded

    def test_the_most_frequent_list_keeps_its_order(self) -> None:
        a, b, c, d, _ = self.view().request.row(0).tolist()
        lists = [(c, a, b), (a, b, c), (b, c, a, d)]
        assert arranged(lists, [6, 3, 3], self.view(), keep=False) == [
            (c, a, b), (c, a, b), (c, a, b, d)]  # fmt: skip

    def test_what_few_calls_send_stands_behind(self) -> None:
        a, b, c, *_ = self.view().request.row(0).tolist()
        assert arranged([(a, b), (c, a, b)], [3, 1], self.view(), keep=False)[1] == (a, b, c)

    def test_prompts_that_are_sent_equally_widely_keep_their_own_order(self) -> None:
        a, b, c, *_ = self.view().request.row(0).tolist()
        assert arranged([(b, a), (a, b, c)], [1, 5], self.view(), keep=True)[0] == (b, a)


def test_the_parts_of_a_prompt_sum_to_its_tokens() -> None:
    """Without an own message nothing is added: input is what it was, to the token."""
    calls = [c for i in range(4) for c in clocked(f"n{i}")]
    for i, c in enumerate(calls):
        assert c.request is not None
        c.request[0] = replace(c.request[0], text=f"Time {i}\n{named(i // 4)}")
        c.usage = usage(sum(len(s.text) for s in c.request), out=5)
    evaluator = evaluator_of(calls)
    layers = (PromptLayout(overhead_tokens=0),)
    before, after = evaluator.recorded, evaluator.state(layers).view
    assert np.array_equal(before.leaves[:, INPUT].sum(axis=1), after.leaves[:, INPUT].sum(axis=1))
    assert evaluator.effect(layers).tally["moved_segments"] == 32
    texts = evaluator.handed.texts(after)
    for row in range(len(calls)):
        was = "".join(t or "" for t in evaluator.handed.texts(before).get(before.request.row(row)))
        now = "".join(t or "" for t in texts.get(after.request.row(row)))
        assert sorted(was) == sorted(now), "the same words"


def test_equal_prompts_are_compared_once() -> None:
    evaluator = evaluator_of(clocked())
    shelf: Templates = evaluator.handed.build(ArtifactSpec("templates"), evaluator.recorded)
    evaluator.effect((PromptLayout(),))
    assert len(shelf.found) <= 1
    evaluator.effect((PromptLayout(pad=0.1),))
    assert len(shelf.found) <= 1


def test_a_cache_that_only_the_reads_prove_is_one() -> None:
    more = [call(f"r{i}", ["system:" + RULES, f"user:{i}"], usage(100, 1_700), agent="other",
                 session_id=f"r{i}") for i in range(4)]  # fmt: skip
    layers = (PromptLayout(),)
    assert evaluator_of(clocked(), prices=NoCache()).effect(layers).is_empty
    assert not evaluator_of([*clocked(), *more], prices=NoCache()).effect(layers).is_empty


def test_where_marks_stand() -> None:
    """Behind the prompts' common text, and on the last message in front of the clock."""
    told = {case.name: case for case in CASES}
    assert flags_of(told["marks that only the usage tells of are set anew around what moved"]) == [
        [1, 1, 0], [1, 0, 0, 1, 0], [1, 0, 0, 0, 0, 1, 0], [1, 0, 0, 0, 0, 0, 0, 1, 0]]  # fmt: skip
    assert flags_of(told["marks for an agent that never set any"])[2] == [1, 0, 0, 0, 0, 1]
    assert flags_of(told["a mark stays on what the prompts share"])[2] == [1, 0, 0]


@pytest.mark.parametrize(
    ("file", "found"), [("langsmith-support.jsonl", "clock"), ("helicone-digest.jsonl", "minimum")]
)
def test_the_samples_save_what_their_finding_says(file: str, found: str, tmp_path: Path) -> None:
    """Two ways to the same dollars: the finding mends call by call, the layer bills its edit."""
    sample = Path(__file__).parents[2] / "sample_traces" / file
    policy = tmp_path / "policy.yaml"
    policy.write_text("version: 1\nlayers:\n  - prompt_layout: {}\n")
    finding = next(f for f in api.audit(sample).findings if found in f.title)
    projection = api.simulate(sample, policy=policy).projection
    assert projection is not None and finding.layer == "prompt_layout"
    saved = projection.savings_usd
    assert 0.85 * float(finding.usd) < float(saved) < 1.05 * float(finding.usd)
    (layer,) = projection.layers
    assert layer["verified"] and layer["risk"]["value"] == 0.0
