"""Suffix decoding (vLLM's `suffix` method), measured on recorded answers.

Two collections of text are asked what follows the end of the text so far: the request's own (prompt and
answer so far) and all answers (the earlier ones and the one in progress). For each length m of the end, the
draft follows the most frequent continuation, at most m * `max_spec_factor` tokens, as long as its estimated
probability stays at `min_token_prob`; the draft with the largest sum of probabilities is taken, of equals
the one of the longer end, and the answers' only if it is larger than the own text's.

The rule is that of Arctic Inference, which vLLM calls:
https://github.com/snowflakedb/ArcticInference/blob/main/csrc/suffix_decoding/suffix_tree.cc and
https://github.com/vllm-project/vllm/blob/main/vllm/v1/spec_decode/suffix_decoding.py, checked 2026-11-25.
Where several continuations are equally frequent, the one that occurred first is taken; there it is left to
the history of its tree (on agents' logs the tokens a step differ by less than 0.2 %). Answers never leave
the collection here; there the oldest do beyond 10,000.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from costopt.errors import UsageError
from costopt.serving.speculation.drafted import Ids, Steps
from costopt.serving.speculation.ngram import common_length

ROUNDING = 1e-6
"""Added before m * factor is cut to whole tokens, as there."""


@dataclass(frozen=True, slots=True)
class Suffix:
    """Settings of suffix decoding; the names of `--speculative-config` beside them."""

    draft_tokens: int = 32
    """`num_speculative_tokens`: the most; the match decides how many."""
    tree_depth: int = 24
    """`suffix_decoding_max_tree_depth`: of a match and its draft together."""
    spec_factor: float = 1.0
    """`suffix_decoding_max_spec_factor`: drafted tokens per matched one."""
    min_token_prob: float = 0.1
    """`suffix_decoding_min_token_prob`"""

    def __post_init__(self) -> None:
        if self.draft_tokens < 1 or self.tree_depth < 2 or self.spec_factor < 0:
            raise UsageError("Suffix decoding needs a draft token, a depth of 2 and a factor >= 0.")

    def longest_draft(self, match: int) -> int:
        """Tokens drafted at most after a match of so many."""
        by_factor = int(match * self.spec_factor + ROUNDING)
        return max(0, min(self.draft_tokens, by_factor, self.tree_depth - match))


def propose_plain(context: list[int], answers: Sequence[list[int]], settings: Suffix) -> list[int]:
    """The draft after a text: the specification of the compiled one.

    Args:
        context: prompt and answer so far.
        answers: earlier answers in order, and last the answer so far.
    """
    own, own_score = _best([context], context, settings)
    other, other_score = _best(answers, context, settings)
    return other if other_score > own_score else own


def _best(
    texts: Sequence[list[int]], context: list[int], settings: Suffix
) -> tuple[list[int], float]:
    best: tuple[list[int], float] = ([], 0.0)
    for match in range(1, min(len(context), settings.tree_depth)):
        end = context[-match:]
        places = [
            (text, place + match)
            for text in texts
            for place in range(len(text) - match + 1)
            if text[place : place + match] == end
        ]
        if not places:
            break
        draft = _follow(places, settings.longest_draft(match), settings.min_token_prob)
        if draft[1] >= best[1]:
            best = draft
    return best


def _follow(
    places: list[tuple[list[int], int]], limit: int, min_prob: float
) -> tuple[list[int], float]:
    """The most frequent continuation and the sum of its tokens' probabilities."""
    draft: list[int] = []
    probability, score = 1.0, 0.0
    while len(draft) < limit:
        following = Counter(text[place] for text, place in places if place < len(text))
        if not following:
            break
        token, count = following.most_common(1)[0]  # of equals the one met first
        probability *= count / len(places)
        if probability < min_prob:
            break
        draft.append(token)
        score += probability
        places = [(t, p + 1) for t, p in places if p < len(t) and t[p] == token]
    return draft, score


def run_plain(prompt: Ids, answer: Ids, earlier: Sequence[Ids], settings: Suffix) -> Steps:
    """Step by step, as an engine would: the plain twin of `History.run`."""
    before = [one.tolist() for one in earlier]
    context, so_far, rest = prompt.tolist(), answer[:1].tolist(), answer[1:].tolist()
    drafted, accepted = [], []
    while rest:
        draft = propose_plain(context + so_far, [*before, so_far], settings)
        same = common_length(draft, rest)
        drafted.append(len(draft))
        accepted.append(same)
        so_far = so_far + rest[: same + 1]
        rest = rest[same + 1 :]
    return Steps(np.array(drafted, np.int64), np.array(accepted, np.int64), max(len(answer) - 1, 0))
