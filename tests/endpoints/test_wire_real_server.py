"""A whole conversation with tools, parts and parameters, as `transformers serve` takes it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from costopt.endpoints.openai_compatible import OpenAICompatible
from costopt.model.call import SegmentKind
from costopt.model.exchange import Block
from costopt.model.leaf import INPUT
from tests.endpoints.asking import completed, one
from tests.endpoints.test_wire_openai_chat import SPOKEN, request

pytestmark = [pytest.mark.heavy, pytest.mark.xdist_group("real servers")]
TOOL = Block(SegmentKind.TOOLS, '{"name":"look","input_schema":{"type":"object"}}', "look")
SETTINGS = (
    '{"top_p":0.9,"stop":["@@"],"seed":1,"tool_choice":"auto","parallel_tool_calls":false,'
    '"response_format":{"type":"text"},"thinking":{"type":"disabled"},"costopt.others":["mine"]}'
)
"""Of two providers, and one of nobody's: the server answers 422 to a name that OpenAI does not have."""


@pytest.mark.parametrize("stream", [True, False])
def test_every_kind_of_block_and_parameter_is_taken(tiny: tuple[str, str], stream: bool) -> None:
    url, model = tiny
    plain = replace(request(*SPOKEN, max_tokens=4), model=model)
    whole = replace(request(TOOL, *SPOKEN, max_tokens=4, settings=SETTINGS), model=model)
    told = [
        completed(one(OpenAICompatible, url, r, stream=stream, timeout_s=60))
        for r in (plain, whole)
    ]
    counts = [sum(t.answer.leaves[INPUT]) for t in told if t.answer.leaves is not None]
    assert len(counts) == 2 and min(counts) > 20
