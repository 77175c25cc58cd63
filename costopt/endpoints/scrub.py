"""The key of a connection goes out in a header and comes back in nothing that is kept: a server may repeat it
in its error, in a header, or as the very text of an answer."""

from __future__ import annotations

from dataclasses import replace

from costopt.model.exchange import Answer, Block, Completion, Outcome, Refusal

MIN_KEY_CHARS = 12
"""A shorter one is no secret but a placeholder (`none`, `test`), and a word that answers hold by chance."""
STARS = "***"


def scrubbed(told: Outcome, key: str | None) -> Outcome:
    """The outcome without the key. A body is kept nowhere and stays as it is."""
    if not key:
        return told
    if isinstance(told, Refusal):
        return refusal(told, key)
    if len(key) < MIN_KEY_CHARS or not _holds(told, key):
        return told
    return replace(
        told, answer=_answer(told.answer, key), request_id=told.request_id.replace(key, STARS)
    )


def refusal(told: Refusal, key: str | None) -> Refusal:
    """The same of what was not answered."""
    if not key or key not in told.message + told.request_id:
        return told
    return replace(
        told, message=told.message.replace(key, STARS),
        request_id=told.request_id.replace(key, STARS),
    )  # fmt: skip


def _holds(told: Completion, key: str) -> bool:
    answer = told.answer
    texts = [told.request_id, answer.finish, answer.model, answer.service_tier, answer.id]
    texts += [model for model, _ in answer.extra]
    for block in answer.blocks:
        texts += (block.text, block.name, block.call_id)
    return any(key in text for text in texts)


def _answer(answer: Answer, key: str) -> Answer:
    return replace(
        answer, blocks=tuple(_block(b, key) for b in answer.blocks),
        extra=tuple((model.replace(key, STARS), leaves) for model, leaves in answer.extra),
        finish=answer.finish.replace(key, STARS), model=answer.model.replace(key, STARS),
        service_tier=answer.service_tier.replace(key, STARS), id=answer.id.replace(key, STARS),
    )  # fmt: skip


def _block(block: Block, key: str) -> Block:
    return replace(
        block, text=block.text.replace(key, STARS), name=block.name.replace(key, STARS),
        call_id=block.call_id.replace(key, STARS),
    )  # fmt: skip
