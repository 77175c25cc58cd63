"""Acceptance of prompt look-up and suffix decoding, *measured* on texts that the user already has.

Both methods draft from text alone, so an answer that was recorded tells exactly what they would have drafted
and what a verifier would have kept: no model is run and no constant is assumed. What it does not tell: a
self-hosted model words its answers in its own way. The number is the one of the recorded model's answers.

Greedy decoding is simulated. For sampling the number holds on average: a token drafted by look-up is
accepted with the target's own probability p of it, and that is how often a recorded sample equals it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from costopt.serving.speculation.arithmetic import Acceptance
from costopt.serving.speculation.drafted import Ids, Spread, Steps, spread
from costopt.serving.speculation.history import History
from costopt.serving.speculation.load import Costs
from costopt.serving.speculation.ngram import NGram, run
from costopt.serving.speculation.suffix import Suffix

Settings = NGram | Suffix
Tokenizer = Callable[[str], Sequence[int]]

USUAL: tuple[Settings, ...] = (
    NGram(3, 5, 2), NGram(5, 5, 2), NGram(5, 5, 3), NGram(5, 5, 5), NGram(12, 5, 3),
    Suffix(5), Suffix(12), Suffix(32),
)  # fmt: skip
"""Settings worth comparing; the lengths are those that vLLM's own comparison of the two methods used."""


def steps_by_answer(
    exchanges: Iterable[tuple[Ids, Ids]], settings: Settings, *, compiled: bool | None = None
) -> Iterator[Steps]:
    """The decode steps of each answer, in the order given.

    Args:
        exchanges: (prompt ids, answer ids) in the order in which the requests were sent. Suffix decoding
            knows an answer from the next request on; requests that overlapped in time know a little less
            of each other in an engine.
        settings: which method and how.
        compiled: None takes the compiled twin where numba is installed.
    """
    if isinstance(settings, NGram):
        for prompt, answer in exchanges:
            yield run(prompt, answer, settings)
        return
    history = History(settings, compiled=compiled)
    for prompt, answer in exchanges:
        yield history.run(prompt, answer)
        history.add(answer)


def measured(exchanges: Iterable[tuple[Ids, Ids]], settings: Settings) -> Steps:
    """All steps together."""
    return Steps.joined(steps_by_answer(exchanges, settings))


@dataclass(frozen=True, slots=True)
class Exchange:
    """One recorded call as token ids."""

    prompt: Ids
    answer: Ids
    task: str = ""
    session: str = ""
    """Calls of one session repeat each other: their error is that of sessions, not of calls."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a look-up method does on the answers of one task."""

    answers: int
    acceptance: Acceptance | None
    """By place in the draft, with the share of steps that have one; None: nothing was drafted."""
    steps: Steps
    spread: Spread | None
    """Standard error of the tokens a step, over sessions; None: fewer than two."""


def measured_acceptance(
    exchanges: Iterable[Exchange], settings: Settings, *, compiled: bool | None = None
) -> dict[str, Measured]:
    """{task: what was drafted and accepted}, tasks in the order in which they come first.

    Args:
        exchanges: in the order in which the requests were sent: suffix decoding knows the earlier answers of
            every task.
        settings: which method and how.
        compiled: as in `steps_by_answer`.
    """
    told: dict[str, tuple[list[Steps], list[str]]] = {}
    calls = list(exchanges)
    pairs = ((call.prompt, call.answer) for call in calls)
    for number, (call, steps) in enumerate(
        zip(calls, steps_by_answer(pairs, settings, compiled=compiled), strict=True)
    ):
        parts, sessions = told.setdefault(call.task, ([], []))
        parts.append(steps)
        sessions.append(call.session or f"call {number}")
    return {task: _together(*one) for task, one in told.items()}


def _together(parts: list[Steps], sessions: list[str]) -> Measured:
    joined = Steps.joined(parts)
    groups = np.unique(sessions, return_inverse=True)[1].tolist()
    return Measured(len(parts), joined.acceptance(), joined, spread(parts, groups))


@dataclass(frozen=True, slots=True)
class Choice:
    """One way to look up, what it did on the texts, and what that gains at a batch."""

    settings: Settings
    steps: Steps
    gain: float


def compared(
    exchanges: Sequence[tuple[Ids, Ids]],
    costs: Costs,
    batch: float,
    rules: Sequence[Settings] = USUAL,
) -> list[Choice]:
    """Each rule measured and priced at a batch, the best first; a gain below 1: better not at all.

    Costs are those of a look-up: drafting is free, every drafted token is verified.
    """
    found = [(rule, measured(exchanges, rule)) for rule in rules]
    choices = [Choice(rule, steps, costs.gain(steps.as_yield(), batch)) for rule, steps in found]
    return sorted(choices, key=lambda one: -one.gain)


def ids_of(exchanges: Iterable[tuple[str, str]], tokenizer: Tokenizer) -> list[tuple[Ids, Ids]]:
    """Texts as token ids.

    Prompt and answer are tokenised apart, as an engine gets them.
    """
    return [(_ids(prompt, tokenizer), _ids(answer, tokenizer)) for prompt, answer in exchanges]


def measured_on_texts(
    exchanges: Iterable[tuple[str, str]], tokenizer: Tokenizer, settings: Settings
) -> Steps:
    """As `measured`, from texts; the tokenizer should be the target model's."""
    return measured(ids_of(exchanges, tokenizer), settings)


def _ids(text: str, tokenizer: Tokenizer) -> Ids:
    return np.fromiter(tokenizer(text), np.int64)
