"""How a server wants to be spoken to: streamed with usage, streamed, or whole. Learnt from its answers."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from dataclasses import dataclass, replace

from costopt.model.exchange import Completion, Outcome, Refusal, Trouble

PATIENCE_S = 5.0
"""The others wait this long for the first answer, which shows whether streams carry usage."""

_OPTIONS = re.compile(r"stream_options|include_usage", re.I)
_STREAM = re.compile(r"\bstream(?:ing|ed)?\b", re.I)
_UNSUITED = frozenset((400, 405, 406, 415, 422, 501))


@dataclass(frozen=True, slots=True)
class Manner:
    """How one request is sent."""

    stream: bool
    options: bool
    """`stream_options: {include_usage: true}` goes along."""


class Manners:
    """What is known of a server so far. One event loop's."""

    def __init__(self, stream: bool, host: str, known: bool) -> None:
        """`known`: the server's streams are known to carry usage, nobody waits for a first answer."""
        self._manner = Manner(stream, stream)
        self._host = host
        self._known = known or not stream
        self._counted = False
        """The server counts: an answer without usage is that answer's own fault."""
        self._first: asyncio.Event | None = None
        self.notes: list[str] = []

    async def enter(self) -> Manner:
        """How to send the next request. The first one goes alone: without usage it is worth nothing,
        and so would be all that were sent beside it."""
        if self._known:
            return self._manner
        if self._first is None:
            self._first = asyncio.Event()
            return self._manner
        with suppress(TimeoutError):
            await asyncio.wait_for(self._first.wait(), PATIENCE_S)
        return self._manner

    def leave(self) -> None:
        """The request is over, however it ended: who waits may go."""
        if self._first is not None:
            self._first.set()
            self._first = None

    def learn(self, sent: Manner, outcome: Outcome) -> Outcome:
        """The outcome, with a refusal of the manner turned into one that may be sent again."""
        if isinstance(outcome, Completion):
            self._known = True
            if outcome.answer.leaves is None:
                self._without_usage(sent)
            else:
                self._counted = True
            return outcome
        if sent.stream and self._dislikes(sent, outcome):
            return replace(outcome, trouble=Trouble.RETRY, hint="", retry_after_s=0.0)
        return outcome

    def _without_usage(self, sent: Manner) -> None:
        if self._counted:
            self._note(f"{self._host} gave no usage with some answers: they are not measured.")
        elif not sent.stream:
            self._note(f"{self._host} gives no usage: its tokens are not measured.")
        elif self._manner.stream:
            self._manner = Manner(False, False)
            self._note(
                f"{self._host} gives no usage in streams: requests are sent unstreamed, "
                "so the time to the first token is not measured."
            )

    def _dislikes(self, sent: Manner, outcome: Refusal) -> bool:
        """The server refuses the manner and not the request; others are sent in another."""
        if outcome.trouble is not Trouble.REFUSED or outcome.status not in _UNSUITED:
            return False
        if sent.options and _OPTIONS.search(outcome.message):
            if self._manner.options:
                self._manner = Manner(self._manner.stream, False)
            return True
        if not _STREAM.search(outcome.message):
            return False
        if self._manner.stream:
            self._manner = Manner(False, False)
            self._note(
                f"{self._host} does not stream: the time to the first token is not measured."
            )
        return True

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)
