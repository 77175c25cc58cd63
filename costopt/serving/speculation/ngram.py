"""Prompt look-up (vLLM's `ngram` method), measured on recorded answers.

The rule, as vLLM's NgramProposer has it: the last n tokens are sought in the text so far, for the largest n
from `prompt_lookup_min` to `prompt_lookup_max` that occurs before; of several places the *earliest* counts;
drafted is what follows there, up to g tokens or the end of the text. The place may overlap the end itself.
https://github.com/vllm-project/vllm/blob/main/vllm/v1/spec_decode/ngram_proposer.py, checked 2026-11-25
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from costopt.errors import UsageError
from costopt.serving.speculation.drafted import Ids, Steps, verified

_NAMES = 1 << 62


@dataclass(frozen=True, slots=True)
class NGram:
    """Settings of prompt look-up; the names of `--speculative-config` beside them."""

    draft_tokens: int = 5
    """`num_speculative_tokens`"""
    longest: int = 5
    """`prompt_lookup_max`"""
    shortest: int = 5
    """`prompt_lookup_min`; vLLM takes 5 for both where neither is given."""

    def __post_init__(self) -> None:
        if self.draft_tokens < 1 or not 1 <= self.shortest <= self.longest:
            raise UsageError(
                "Prompt look-up needs 1 <= prompt_lookup_min <= prompt_lookup_max and a draft token."
            )


def propose_plain(context: list[int], settings: NGram) -> list[int]:
    """The draft after a text: the specification of what `run` does for every place at once."""
    total = len(context)
    for n in range(min(settings.longest, total - 1), settings.shortest - 1, -1):
        suffix = context[total - n :]
        for start in range(total - n):
            if context[start : start + n] == suffix:
                return context[start + n : start + n + settings.draft_tokens]
    return []


def run_plain(prompt: Ids, answer: Ids, settings: NGram) -> Steps:
    """Step by step, as an engine would: the plain twin of `run`."""
    context, rest = [*prompt.tolist(), *answer[:1].tolist()], answer[1:].tolist()
    drafted, accepted = [], []
    while rest:
        draft = propose_plain(context, settings)
        same = common_length(draft, rest)
        drafted.append(len(draft))
        accepted.append(same)
        context += rest[: same + 1]
        rest = rest[same + 1 :]
    return Steps(np.array(drafted, np.int64), np.array(accepted, np.int64), max(len(answer) - 1, 0))


def common_length(draft: list[int], truth: list[int]) -> int:
    """Tokens that a greedy verifier accepts."""
    for place, (one, other) in enumerate(zip(draft, truth, strict=False)):
        if one != other:
            return place
    return min(len(draft), len(truth))


def run(prompt: Ids, answer: Ids, settings: NGram) -> Steps:
    """Steps that vLLM would have taken for this answer at temperature 0."""
    if len(answer) < 2:
        return Steps.joined([])
    text = np.concatenate([prompt, answer]).astype(np.int64)
    begin = _earliest(text, len(prompt), settings)
    ends = np.arange(len(prompt), len(text))
    found = begin >= 0
    drafted = np.where(found, np.minimum(settings.draft_tokens, ends - begin), 0)
    accepted = np.zeros_like(drafted)
    still = found.copy()
    for place in range(settings.draft_tokens):
        ahead = ends + place
        still &= (place < drafted) & (ahead < len(text))
        rows = np.flatnonzero(still)
        still[rows] = text[begin[rows] + place] == text[ahead[rows]]
        accepted += still
    return verified(accepted, drafted, len(answer))


def _earliest(text: Ids, first_end: int, settings: NGram) -> Ids:
    """[place] where the draft begins for the text up to place `first_end + i`; -1: nothing is found.

    An n-gram's name is (name of the n-1 before, token) as one number. Names that would no longer fit in one
    are counted anew from 0, so that equal names always mean equal n-grams.
    """
    begin = np.full(len(text) - first_end, -1, np.int64)
    kinds = names = int(text.max()) + 1
    name = text
    for n in range(1, min(settings.longest, len(text)) + 1):
        if n > 1:
            if names > _NAMES // kinds:
                seen, name = np.unique(name, return_inverse=True)
                names = len(seen)
            name = name[:-1] * kinds + text[n - 1 :]
            names *= kinds
        if n < settings.shortest:
            continue
        starts = np.arange(max(first_end - n, 0), len(name) - 1)
        if not len(starts):
            break
        earliest = _first_places(name, name[starts])
        known = earliest < starts
        begin[starts[known] + n - first_end] = earliest[known] + n
    return begin


def _first_places(names: Ids, asked: Ids) -> Ids:
    """[asked] where each name stands for the first time; each of them stands somewhere."""
    kinds, kind = np.unique(asked, return_inverse=True)
    place = np.minimum(np.searchsorted(kinds, names), len(kinds) - 1)
    hits = np.flatnonzero(kinds[place] == names)[::-1]
    first = np.zeros(len(kinds), np.int64)
    first[place[hits]] = hits  # of equal ones the last assignment stays: the earliest place
    return first[kind]
