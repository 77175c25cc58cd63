"""The log's own answers: what a replay without an endpoint is asked."""

from __future__ import annotations

from collections.abc import Mapping

from costopt.model.exchange import Completion, Origin, Outcome, Refusal, Request, Trouble

NO_ANSWER = "the log has no answer to these bytes"


class Recorded:
    """Answers a request with what the log holds for the very same bytes, and refuses every other.

    It sends nothing, costs nothing and says the same each time. An answer that the log already holds
    proves that requests are built, priced and compared rightly: it proves nothing about what a model
    would say to a changed request. So its answers carry the origin `recorded`, and no number of theirs
    ever stands as measured.
    """

    def __init__(self, answers: Mapping[str, Completion]) -> None:
        """`answers`: by `Request.key`."""
        self._answers = answers

    @property
    def name(self) -> str:
        return "recorded answers"

    @property
    def origin(self) -> Origin:
        return Origin.RECORDED

    async def complete(self, request: Request, item: str) -> Outcome:
        """The log's answer to these bytes; a changed prompt, model or parameter has none."""
        found = self._answers.get(request.key)
        return found if found is not None else Refusal(Trouble.REFUSED, NO_ANSWER)

    async def close(self) -> None:
        """Nothing is open."""
