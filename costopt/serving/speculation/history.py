"""Earlier answers as suffix decoding keeps them, and the steps of the next one: compiled where numba is."""

from __future__ import annotations

from functools import cache
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from costopt.errors import MissingExtra, UsageError
from costopt.serving.speculation.drafted import Ids, Steps
from costopt.serving.speculation.suffix import Suffix, run_plain

SEPARATOR = -1
_PLAIN_TOKENS = 20_000
"""The plain twin looks at every place of every text for every step; beyond this it takes minutes."""
_FIRST_NODES = 1 << 12
_MOST_IDS = 1 << 22


class History:
    """Answers in the order in which they were given; asked for the steps that each would have taken."""

    def __init__(self, settings: Suffix, *, compiled: bool | None = None) -> None:
        """`compiled`: None takes numba where it is; False the plain twin."""
        self._settings = settings
        self._kernel = None if compiled is False else kernel()
        if compiled and self._kernel is None:
            raise MissingExtra("Suffix decoding on long texts", "kernel")
        self._answers: list[Ids] = []
        self._kinds = 1
        self._tokens = 0
        self._corpus = np.full(_FIRST_NODES, SEPARATOR, np.int32)
        self._length = 0
        self._used = 1
        self._nodes = np.zeros((4, _FIRST_NODES), np.int32)
        self._table = np.full((2, 2 * _FIRST_NODES), -1, np.int64)
        self._nodes[1:, 0] = -1

    def run(self, prompt: Ids, answer: Ids) -> Steps:
        """The steps of an answer; it is not added."""
        if len(answer) < 2:
            return Steps.joined([])
        self._tokens += len(prompt) + len(answer)
        if self._kernel is None:
            if self._tokens > _PLAIN_TOKENS and kernel() is None:
                raise MissingExtra("Suffix decoding on long texts", "kernel")
            return run_plain(prompt, answer, self._answers, self._settings)
        s = self._settings
        text = self._checked(np.concatenate([prompt, answer]))
        drafted, accepted, steps = self._kernel.steps_of(
            text, len(prompt), self._kinds, self._corpus, self._nodes, self._table,
            s.draft_tokens, s.tree_depth, s.spec_factor, s.min_token_prob,
        )  # fmt: skip
        return Steps(drafted[:steps].copy(), accepted[:steps].copy(), len(answer) - 1)

    def add(self, answer: Ids) -> None:
        """Puts an answer into the collection."""
        if self._kernel is None:
            self._answers.append(answer)
            return
        text = self._checked(answer)
        self._make_room(len(text))
        begin = self._length
        self._corpus[begin : begin + len(text)] = text
        self._length += len(text) + 1
        self._used = self._kernel.insert(
            begin, len(text), self._settings.tree_depth, self._corpus, self._nodes, self._table,
            self._used,
        )  # fmt: skip

    def _make_room(self, tokens: int) -> None:
        """Space for an answer's tokens and for the most nodes that they can make."""
        assert self._kernel is not None
        if self._length + tokens + 1 > len(self._corpus):
            longer = np.full(2 * (self._length + tokens + 1), SEPARATOR, np.int32)
            longer[: self._length] = self._corpus[: self._length]
            self._corpus = longer
        needed = self._used + 2 + tokens * (self._settings.tree_depth + 1)
        if needed > self._nodes.shape[1]:
            wider = np.zeros((4, 2 * needed), np.int32)
            wider[:, : self._used] = self._nodes[:, : self._used]
            self._nodes = wider
            size = 1 << int(4 * needed - 1).bit_length()
            self._table = self._kernel.rehashed(self._table, size)

    def _checked(self, text: Ids) -> NDArray[np.int32]:
        """Ids as the kernel takes them; it keeps a count for each, so they must be small numbers."""
        if len(text):
            if text.min() < 0 or text.max() >= _MOST_IDS:
                raise UsageError(f"Token ids must lie between 0 and {_MOST_IDS - 1}.")
            self._kinds = max(self._kinds, int(text.max()) + 1)
        return text.astype(np.int32)


@cache
def kernel() -> ModuleType | None:
    """The compiled functions; None where numba is not installed."""
    try:
        from costopt.serving.speculation import suffix_kernel
    except ImportError:
        return None
    return suffix_kernel
