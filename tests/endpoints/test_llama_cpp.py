"""llama.cpp's Python server with the same weights: two engines that nobody here wrote agree."""

from __future__ import annotations

import pytest

from costopt.endpoints.openai_compatible import OpenAICompatible
from costopt.endpoints.wire import openai_chat
from costopt.model.leaf import INPUT, OUTPUT
from tests.endpoints.asking import ask, completed, request
from tests.endpoints.test_real_servers import ASKED, Tiny

pytestmark = [pytest.mark.heavy, pytest.mark.xdist_group("real servers")]


def test_both_engines_count_and_say_the_same(
    tiny: Tiny, llama: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """40 tokens each, once llama.cpp's server is asked not to punish repeated words, as it does unasked."""
    url, model = tiny
    theirs, _ = ask(
        OpenAICompatible, url, *[request(t, model, max_tokens=40) for t in ASKED], timeout_s=60
    )
    write = openai_chat.body
    monkeypatch.setattr(
        openai_chat, "body", lambda *a, **m: {**write(*a, **m), "repeat_penalty": 1.0}
    )
    asked = [request(t, "tiny", max_tokens=40) for t in ASKED]
    ours, _ = ask(OpenAICompatible, llama, *asked, stream=False)
    for one, other in zip(theirs, ours, strict=True):
        first, second = completed(one).answer, completed(other).answer
        assert first.leaves == second.leaves and first.blocks == second.blocks


def test_its_streams_have_no_usage_so_it_is_asked_for_whole_answers(llama: str) -> None:
    found, endpoint = ask(OpenAICompatible, llama, *[request(t, "tiny") for t in ASKED])
    answers = [completed(o) for o in found]
    assert [a.answer.leaves is None for a in answers] == [True, False, False]
    assert answers[0].ttft_ms is not None and answers[1].ttft_ms is None
    assert "no usage in streams" in endpoint.notes[0]
    leaves = answers[1].answer.leaves
    assert leaves is not None and sum(leaves[INPUT]) > 20 and sum(leaves[OUTPUT]) == 24
