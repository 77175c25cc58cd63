"""Titled pairs of answers: which test they are held to, and what it says."""

from __future__ import annotations

import numpy as np
import pytest

from costopt.layers.parts.answers import (
    Answers,
    Basis,
    Verdict,
    answers_of,
    basis_words,
    self_disagreement,
)
from costopt.model.view import View
from tests.billing.small import call, timed, usage

SAME, DIFFERENT, NOT_IDENTICAL, UNKNOWN = Verdict

PAIRS = [
    ("bytes are enough", ["assistant:Sure."], ["assistant:Sure."], Basis.TEXT, SAME),
    ("white space does not count", ["assistant:a  b\n"], ["assistant:a b"], Basis.TEXT, SAME),
    ("free text is only not identical", ["assistant:A b c."], ["assistant:A b d."],
     Basis.TEXT, NOT_IDENTICAL),
    ("thinking is not handed on", ["reasoning:hm", "assistant:Yes it is."],
     ["reasoning:oh", "assistant:Yes it is."], Basis.TEXT, SAME),
    ("same tool and arguments, keys in any order", ['call/find:{"a": 1, "b": 2}'],
     ['call/find:{"b": 2, "a": 1.0}'], Basis.TOOL, SAME),
    ("words beside a tool call do not count", ["assistant:I look", 'call/find:{"a": 1}'],
     ['call/find:{"a": 1}'], Basis.TOOL, SAME),
    ("another argument", ['call/find:{"a": 1}'], ['call/find:{"a": 2}'], Basis.TOOL, DIFFERENT),
    ("another tool", ['call/find:{"a": 1}'], ['call/drop:{"a": 1}'], Basis.TOOL, DIFFERENT),
    ("the order of calls counts", ["call/f:{}", "call/g:{}"], ["call/g:{}", "call/f:{}"],
     Basis.TOOL, DIFFERENT),
    ("a call and a sentence", ["call/f:{}"], ["assistant:I shall call f."], Basis.TOOL, DIFFERENT),
    ("json by value", ['assistant:{"x": [1, 2], "y": null}'],
     ['assistant:```json\n{"y": null,\n "x": [1, 2]}\n```'], Basis.JSON, SAME),
    ("the order of a list counts", ["assistant:[1, 2]"], ["assistant:[2, 1]"], Basis.JSON, DIFFERENT),
    ("json and a sentence", ['assistant:{"x": 1}'], ["assistant:x is 1"], Basis.JSON, DIFFERENT),
    ("broken json is text", ['assistant:{"x": 1'], ['assistant:{"x": 2'], Basis.TEXT, NOT_IDENTICAL),
    ("numbers by value", ["assistant:1,234.50"], ["assistant:1234.5"], Basis.NUMBER, SAME),
    ("another number", ["assistant:41"], ["assistant:42"], Basis.NUMBER, DIFFERENT),
    ("another unit", ["assistant:42"], ["assistant:42%"], Basis.NUMBER, DIFFERENT),
    ("minus zero", ["assistant:-0"], ["assistant:0.00"], Basis.NUMBER, SAME),
    ("a number inside a sentence may be the same", ["assistant:42"], ["assistant:It is 42, I think."],
     Basis.TEXT, NOT_IDENTICAL),
    ("no answer in the log", ["assistant:42"], None, Basis.UNKNOWN, UNKNOWN),
]  # fmt: skip


@pytest.mark.parametrize(("title", "first", "second", "basis", "verdict"), PAIRS)
def test_a_pair(
    title: str, first: list[str], second: list[str] | None, basis: Basis, verdict: Verdict
) -> None:
    answers, _ = answered([first, second])
    for one, other in ((0, 1), (1, 0)):
        found = answers.compare(np.array([one]), np.array([other]))
        assert (found.basis[0], found.verdict[0]) == (basis, verdict), title


def test_few_short_answers_that_come_again_are_labels() -> None:
    intents = ["refund", "Refund.", "cancel", "status"] * 10
    answers, rows = answered([[f"assistant:{i}"] for i in intents])
    assert set(answers.basis) == {Basis.LABEL}
    found = answers.compare(rows[:3], rows[1:4])
    assert found.verdict.tolist() == [SAME, DIFFERENT, DIFFERENT]


def test_an_open_set_of_short_answers_is_text() -> None:
    """Names: one in two stands alone, so the next one is likely to be new."""
    names = [f"name {i // 2 if i % 4 else i}" for i in range(60)]
    answers, _ = answered([[f"assistant:{i}"] for i in names])
    assert set(answers.basis) == {Basis.TEXT}


def test_labels_of_one_group_say_nothing_of_another() -> None:
    texts = ["yes", "no"] * 15 + [f"a title {i}" for i in range(10)] + ["yes", "no"]
    group = np.array([0] * 30 + [1] * 12)
    answers, _ = answered([[f"assistant:{t}"] for t in texts], group)
    assert answers.basis[0] == Basis.LABEL and answers.basis[40] == Basis.TEXT
    across = answers.compare(np.array([0, 0]), np.array([40, 41]))
    assert across.verdict.tolist() == [SAME, NOT_IDENTICAL]


def test_too_few_answers_are_no_set_of_labels() -> None:
    answers, _ = answered([["assistant:yes"], ["assistant:no"]] * 9)
    assert set(answers.basis) == {Basis.TEXT}


def test_one_answer_for_all_is_no_label() -> None:
    """A canned sentence tells nothing apart."""
    answers, _ = answered([["assistant:Done."]] * 40)
    assert set(answers.basis) == {Basis.TEXT}


def test_hashes_alone_tell_identical_from_not() -> None:
    answers, rows = answered([["assistant:a"], ["assistant:a"], ["assistant:b"]], texts=False)
    found = answers.compare(rows[[0, 0]], rows[[1, 2]])
    assert found.verdict.tolist() == [SAME, NOT_IDENTICAL]
    assert set(found.basis) == {Basis.BYTES}


def test_the_log_disagrees_with_itself() -> None:
    """One prompt three times with two answers, another twice with one, a third once."""
    said = ["One thing.", "One thing.", "Another.", "Same here.", "Same here.", "Alone."]
    answers, rows = answered([[f"assistant:{t}"] for t in said])
    first, again = self_disagreement(answers, np.array([7, 7, 7, 8, 8, 9]), rows)
    assert (first.tolist(), again.tolist()) == ([0, 0, 3], [1, 2, 4])
    assert answers.compare(first, again).false.tolist() == [False, True, False]


def test_the_basis_is_named_with_its_pairs() -> None:
    assert basis_words({"compared_by_json": 4}) == "json"
    assert basis_words({"compared_by_json": 4, "compared_by_text": 2}) == "json 4, not_identical 2"


def test_hostile_answers_are_text() -> None:
    deep = "[" * 100_000
    answers, _ = answered([[f"assistant:{deep}"], ["assistant:[1e999999]"], ["assistant:{}}"]])
    assert answers.basis[0] == Basis.TEXT and answers.basis[2] == Basis.TEXT


class TextsByWord:
    """Texts of a small trace's segments; `kept` False: the log kept none."""

    def __init__(self, texts: dict[int, str], kept: bool) -> None:
        self._texts, self._kept = texts, kept

    def get(self, segments: np.ndarray) -> list[str | None]:
        return [self._texts[int(i)] if self._kept else None for i in segments]


def answered(
    said: list[list[str] | None], group: np.ndarray | None = None, texts: bool = True
) -> tuple[Answers, np.ndarray]:
    calls = [call(f"c{i}", [f"user:q{i}"], usage(1), a) for i, a in enumerate(said)]
    trace = timed(calls)
    known: dict[int, str] = {}
    for row, parts in enumerate(said):
        ids = trace.response.row(row).tolist()
        known.update(zip(ids, (p.partition(":")[2] for p in parts or []), strict=True))
    rows = np.arange(trace.n)
    groups = np.zeros(trace.n, np.int64) if group is None else group
    return answers_of(View.of(trace), TextsByWord(known, texts), rows, groups), rows
