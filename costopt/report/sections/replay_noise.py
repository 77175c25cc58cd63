"""The noise floor: how often the same request, sent again, gets another answer; every layer is held to it."""

from __future__ import annotations

from costopt.model.replayed import Agreement
from costopt.model.result import Result
from costopt.report.card import Card, Cell, NotApplicable, Table
from costopt.report.replay_words import TESTS, excess_words, replay_of, share_words

ORDER = 23
NAME, TITLE = "replay_noise", "The noise floor, and answers against it"


def build(result: Result) -> Card | NotApplicable:
    """The floor by test, and each layer's agreement beside it."""
    info = replay_of(result, measured=True)
    if isinstance(info, str):
        return NotApplicable(NAME, TITLE, info)
    floor = [n for n in info.noise if n.answers]
    if not floor and not any(layer.agreement for layer in info.layers):
        return NotApplicable(NAME, TITLE, "no pair of answers was compared")
    first: list[tuple[Cell, ...]] = [
        (TESTS.get(n.test, n.test), n.answers, n.agree, share_words(n.rate, n.ci95), n.sessions)
        for n in floor
    ]  # fmt: skip
    rows: list[tuple[Cell, ...]] = [
        (
            f"{i} {layer.layer}", TESTS.get(a.test, a.test), a.answers, a.agree,
            share_words(a.rate, a.ci95), share_words(a.noise_rate, None), excess_words(a), a.sessions,
        )
        for i, layer in enumerate(info.layers, 1) for a in layer.agreement if a.answers
    ]  # fmt: skip
    tables = [
        Table("The same request sent again", ("test", "answers", "agree", "rate (95 %)", "sessions"),
              ("text", "count", "count", "text", "count"), first),
        Table("Answers by layer and test", ("layer", "test", "answers", "agree", "rate (95 %)",
              "noise floor", "disagreement above it", "sessions"),
              ("text", "text", "count", "count", "text", "text", "text", "count"), rows),
    ]  # fmt: skip
    notes = [
        "At a temperature above 0 a model disagrees with itself. A layer is dropped where its answers "
        "differ more than that floor, not where they differ at all.",
    ]
    return Card(NAME, TITLE, _lead(floor), tables=[t for t in tables if t.rows], notes=notes)


def _lead(floor: list[Agreement]) -> str:
    if not floor:
        return "No unchanged request was answered: there is no floor to hold a layer to."
    first = floor[0]
    return (
        f"The same request sent again agrees {first.agree:,} times in {first.answers:,}:"
        f" {share_words(first.rate, first.ci95)}."
    )
