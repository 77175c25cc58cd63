"""Recorded answers: the same each time, for the same bytes alone."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from costopt.endpoints.recorded import Recorded
from costopt.model.call import SegmentKind
from costopt.model.exchange import Block, Completion, Origin, Outcome, Refusal, Request, Trouble
from tests.replay.batch_fakes import completion

ASKED = Request("openai", "gpt-5.2", (Block(SegmentKind.USER, "how far is the moon?"),), 64, 0.5)
ANSWERS = {ASKED.key: replace(completion("384,400 km"), origin=Origin.RECORDED)}


def ask(request: Request) -> Outcome:
    return asyncio.run(Recorded(ANSWERS).complete(request, "item"))


def test_the_same_bytes_get_the_logs_answer_each_time() -> None:
    again = Request(**{n: getattr(ASKED, n) for n in ASKED.__dataclass_fields__})
    first, second = ask(ASKED), ask(again)
    assert isinstance(first, Completion) and first is second and first.origin is Origin.RECORDED
    assert Recorded(ANSWERS).origin is Origin.RECORDED and Recorded(ANSWERS).name


def test_what_the_provider_cannot_see_changes_nothing() -> None:
    assert isinstance(ask(replace(ASKED, cap_tokens=32)), Completion)


@pytest.mark.parametrize(
    "changed",
    [
        replace(ASKED, blocks=(Block(SegmentKind.USER, "how far is the moon? "),)),
        replace(ASKED, model="gpt-5.2-mini"),
        replace(ASKED, max_tokens=63),
        replace(ASKED, temperature=0.6),
        replace(ASKED, settings='{"top_p":1}'),
        replace(ASKED, blocks=(*ASKED.blocks, Block(SegmentKind.ASSISTANT, "far"))),
    ],
)
def test_any_other_bytes_have_no_answer(changed: Request) -> None:
    got = ask(changed)
    assert isinstance(got, Refusal) and got.trouble is Trouble.REFUSED
    assert got.message == "the log has no answer to these bytes"
