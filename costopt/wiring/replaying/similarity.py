"""What compares the meaning of answers: an embedder of `accel`, or nothing."""

from __future__ import annotations

from collections.abc import Sequence

from costopt.accel.embed import embedder_of
from costopt.errors import UsageError
from costopt.replay.compare.agreement.similarity import Similarity
from costopt.replay.items import Plan
from costopt.wiring.replaying.answers import LogAnswers

NONE = "none"
MAX_TEXTS = 20_000


def similarity_of(
    setting: str, plan: Plan, answers: LogAnswers, *, offline: bool
) -> Similarity | None:
    """None: answers are compared as texts alone. UsageError: no such embedder."""
    if setting == NONE:
        return None
    try:
        return embedder_of(setting, lambda: _corpus(plan, answers), offline=offline)
    except UsageError as error:
        error.where = "--embedder"
        raise


def _corpus(plan: Plan, answers: LogAnswers) -> Sequence[str]:
    """The log's answers to the sampled calls: what is rare in them tells two apart."""
    rows = sorted({item.row for item in plan.items})[:MAX_TEXTS]
    found = (answers.reference(row) for row in rows)
    return [" ".join(b.text for b in blocks) for blocks in found if blocks]
