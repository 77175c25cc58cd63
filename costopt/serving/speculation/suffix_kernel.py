"""Suffix decoding as numba compiles it; imported only where numba is installed (see `history.py`).

Same drafts as `suffix.propose_plain`. Earlier answers stand in a tree (`suffix_tree.py`). The request's own
text needs none: the places of its last token are few, and each further token of the match thins them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from costopt.serving.core.jit import jit
from costopt.serving.speculation.suffix_tree import down, insert, most_pieces, pieces, rehashed

__all__ = ["insert", "rehashed", "steps_of"]

I4 = NDArray[np.int32]
I8 = NDArray[np.int64]
_LATER = 1 << 40
"""Rank of a token that no earlier answer has here: after all that have."""


@jit
def _most_frequent(
    text: I4, end: int, ends: I4, n: int, tally: I4,
    node: int, rest: int, corpus: I4, nodes: I4, table: I8,
) -> tuple[int, int]:  # fmt: skip
    """(token, count) of the most frequent continuation of own places and earlier pieces; count 0: none."""
    for i in range(n):
        if ends[i] < end:
            tally[text[ends[i]]] += 1
    best, most, first = most_pieces(node, rest, corpus, nodes)
    if most > 0:
        most += tally[best]
    for i in range(n):
        if ends[i] >= end:
            continue
        token = text[ends[i]]
        after, into = down(node, rest, token, corpus, nodes, table)
        count = tally[token] + pieces(after, into, nodes)
        rank = _LATER if after == -1 else after
        if count > most or (count == most and rank < first):
            best, most, first = token, count, rank
    for i in range(n):
        if ends[i] < end:
            tally[text[ends[i]]] = 0
    return best, most


@jit
def _follow(
    text: I4, end: int, ends: I4, n: int, node: int, rest: int, limit: int, min_prob: float,
    corpus: I4, nodes: I4, table: I8, tally: I4, work: I4, draft: I4,
) -> tuple[int, float]:  # fmt: skip
    """Writes the most frequent continuation to `draft`: (tokens, sum of their probabilities)."""
    work[:n] = ends[:n]
    length, probability, score = 0, 1.0, 0.0
    while length < limit:
        total = n + pieces(node, rest, nodes)
        token, count = _most_frequent(text, end, work, n, tally, node, rest, corpus, nodes, table)
        if count == 0:
            break
        probability *= count / total
        if probability < min_prob:
            break
        draft[length] = token
        length += 1
        score += probability
        kept = 0
        for i in range(n):
            if work[i] < end and text[work[i]] == token:
                work[kept] = work[i] + 1
                kept += 1
        n = kept
        node, rest = down(node, rest, token, corpus, nodes, table)
    return length, score


@jit
def _places(end: int, previous: I4, ends: I4) -> int:
    """Writes where the last token stands, each place plus one, ascending; the end itself is the last."""
    n, at = 0, end - 1
    while at >= 0:
        n += 1
        at = previous[at]
    at = end - 1
    for i in range(n - 1, -1, -1):
        ends[i] = at + 1
        at = previous[at]
    return n


@jit
def _thinned(text: I4, end: int, match: int, ends: I4, n: int) -> int:
    """Keeps the places where one more token before the match is the same."""
    kept, back = 0, 1 + match
    if end < back:
        return 0
    for i in range(n):
        if ends[i] >= back and text[ends[i] - back] == text[end - back]:
            ends[kept] = ends[i]
            kept += 1
    return kept


@jit
def _matched(text: I4, end: int, match: int, corpus: I4, nodes: I4, table: I8) -> tuple[int, int]:
    """Where the last `match` tokens lead in the tree; node -1: nowhere."""
    node, rest = 0, -1
    for place in range(end - match, end):
        node, rest = down(node, rest, text[place], corpus, nodes, table)
    return node, rest


@jit
def _propose(
    text: I4, n_prompt: int, end: int, previous: I4, corpus: I4, nodes: I4, table: I8,
    draft_tokens: int, depth: int, factor: float, min_prob: float,
    tally: I4, ends: I4, work: I4, draft: I4, chosen: I4,
) -> int:  # fmt: skip
    """Writes the draft after `text[:end]` to `chosen`; gives its length."""
    n = _places(end, previous, ends)
    own_length, own_score, own = 0, 0.0, chosen[: len(draft)]
    other_length, other_score, other = 0, 0.0, chosen[len(draft) :]
    for match in range(1, min(end, depth)):
        limit = max(0, min(draft_tokens, int(match * factor + 1e-6), depth - match))
        length, score = _follow(
            text, end, ends, n, -1, -1, limit, min_prob, corpus, nodes, table, tally, work, draft
        )
        if score >= own_score:
            own_length, own_score = length, score
            own[:length] = draft[:length]
        node, rest = _matched(text, end, match, corpus, nodes, table)
        first = int(np.searchsorted(ends[:n], n_prompt + match))
        if node == -1 and n <= 1:
            break  # only the end itself is left, and nothing follows it
        length, score = _follow(
            text, end, ends[first:], n - first, node, rest, limit, min_prob,
            corpus, nodes, table, tally, work, draft,
        )  # fmt: skip
        if score >= other_score:
            other_length, other_score = length, score
            other[:length] = draft[:length]
        n = _thinned(text, end, match, ends, n)
    if other_score > own_score:
        own[:other_length] = other[:other_length]
        return other_length
    return own_length


@jit
def steps_of(
    text: I4, n_prompt: int, kinds: int, corpus: I4, nodes: I4, table: I8,
    draft_tokens: int, depth: int, factor: float, min_prob: float,
) -> tuple[I8, I8, int]:  # fmt: skip
    """(drafted, accepted, steps) of the answer `text[n_prompt:]`."""
    total = len(text)
    previous = np.full(total, -1, np.int32)
    last = np.full(kinds, -1, np.int32)
    for place in range(total):
        previous[place] = last[text[place]]
        last[text[place]] = place
    tally = np.zeros(kinds, np.int32)
    ends, work = np.zeros(total + 1, np.int32), np.zeros(total + 1, np.int32)
    longest = max(draft_tokens, depth)
    draft, chosen = np.zeros(longest, np.int32), np.zeros(2 * longest, np.int32)
    drafted, accepted = np.zeros(total, np.int64), np.zeros(total, np.int64)
    steps, done = 0, n_prompt + 1
    while done < total:
        length = _propose(
            text, n_prompt, done, previous, corpus, nodes, table, draft_tokens, depth, factor,
            min_prob, tally, ends, work, draft, chosen,
        )  # fmt: skip
        same = 0
        while same < length and done + same < total and chosen[same] == text[done + same]:
            same += 1
        drafted[steps] = length
        accepted[steps] = same
        steps += 1
        done += same + 1
    return drafted, accepted, steps
