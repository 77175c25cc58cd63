"""Worst disagreements of a replay, side by side: what the reference said and what came back."""

from __future__ import annotations

from costopt.model.escape import fit
from costopt.model.replayed import Disagreement
from costopt.model.result import Result
from costopt.model.secrets import masked
from costopt.report.card import Card, Item, NotApplicable
from costopt.report.replay_words import ARMS, TESTS, replay_of
from costopt.report.words import plural

ORDER = 24
NAME, TITLE = "replay_disagreements", "Worst disagreements"
MAX_SHOWN = 10
MAX_COLUMNS = 600
"""Of each answer; the run's diff.md has more."""


def build(result: Result) -> Card | NotApplicable:
    """One item a pair; texts are masked, cut and shown as they are."""
    info = replay_of(result, measured=True)
    if isinstance(info, str):
        return NotApplicable(NAME, TITLE, info)
    if not info.worst:
        return NotApplicable(NAME, TITLE, "no answer differed from its reference")
    shown = info.worst[:MAX_SHOWN]
    rest = len(info.worst) - len(shown)
    notes = [f"{plural(rest, 'more pair')} in the run's diff.md."] if rest else []
    return Card(
        NAME, TITLE, f"{plural(len(info.worst), 'pair')} of answers that differ most, worst first.",
        items=[_item(i, pair) for i, pair in enumerate(shown, 1)], notes=notes,
    )  # fmt: skip


def _item(number: int, pair: Disagreement) -> Item:
    arm = ARMS.get(pair.arm, pair.arm)
    test = TESTS.get(pair.test, pair.test)
    return Item(
        f"D{number}", masked(f"{pair.layer or 'the policy'}, call {pair.call}"),
        f"{100 * pair.score:.0f} % alike",
        (f"{arm}; test: {test}", f"reference: {_shown(pair.reference)}", f"answer: {_shown(pair.answer)}"),
    )  # fmt: skip


def _shown(text: str) -> str:
    return fit(masked(text), MAX_COLUMNS) or "(empty)"
