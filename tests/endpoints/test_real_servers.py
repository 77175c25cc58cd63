"""`transformers serve` with a tiny model made on the spot: a server and token counts that are not ours."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from costopt.endpoints.connection import Connection
from costopt.endpoints.openai_compatible import OpenAICompatible
from costopt.model.exchange import Origin, Trouble
from costopt.model.leaf import INPUT, OUTPUT
from costopt.wiring.replaying.reader import SourcesReader
from scripts.servers import tiny_model
from tests.endpoints.asking import KEY, ask, completed, one, refused, request

pytestmark = [pytest.mark.heavy, pytest.mark.xdist_group("real servers")]
Tiny = tuple[str, str]
ASKED = ("yes", "What is the price of a thousand tokens?", "Show me the last ten lines. " * 9)


def counted(folder: Path, text: str) -> int:
    system = {"role": "system", "content": "Answer shortly."}
    return tiny_model.prompt_tokens(folder, [system, {"role": "user", "content": text}])


@pytest.mark.parametrize("stream", [True, False])
def test_tokens_are_those_of_the_models_own_tokenizer(tiny: Tiny, stream: bool) -> None:
    url, model = tiny
    asked = [request(text, model, max_tokens=5 + n) for n, text in enumerate(ASKED)]
    found, endpoint = ask(OpenAICompatible, url, *asked, stream=stream, timeout_s=60)
    for outcome, text, sent in zip(found, ASKED, asked, strict=True):
        answer = completed(outcome).answer
        assert answer.leaves is not None and not answer.cached_known
        assert sum(answer.leaves[INPUT]) == counted(Path(model), text)
        assert answer.finish == "length" and sum(answer.leaves[OUTPUT]) == sent.max_tokens
        assert completed(outcome).origin is Origin.ENDPOINT
    assert endpoint.notes == ()


def test_temperature_zero_says_the_same_streamed_or_not(tiny: Tiny) -> None:
    url, model = tiny
    asked = [request(text, model) for text in ASKED]
    streamed, _ = ask(OpenAICompatible, url, *asked, timeout_s=60)
    whole, _ = ask(OpenAICompatible, url, *asked, stream=False, timeout_s=60)
    said = [completed(o).answer.blocks[0].text for o in streamed]
    assert said == [completed(o).answer.blocks[0].text for o in whole]
    assert len(set(said)) == len(said)  # what is said depends on what was asked


def test_the_first_token_comes_before_the_last(tiny: Tiny) -> None:
    url, model = tiny
    found = completed(one(OpenAICompatible, url, request(model=model, max_tokens=40), timeout_s=60))
    assert found.ttft_ms is not None and 0 < found.ttft_ms < found.latency_ms
    assert found.request_id


def test_another_models_name_stops_the_run(tiny: Tiny) -> None:
    found = refused(one(OpenAICompatible, tiny[0], request(model="gpt-9"), key=KEY, timeout_s=60))
    assert found.trouble is Trouble.STOP and found.status == 400
    assert "'gpt-9'" in found.message and KEY not in repr(found)


def test_an_unknown_field_is_refused_and_the_next_request_passes(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    from costopt.endpoints.wire import openai_chat

    url, model = tiny
    write = openai_chat.body
    with monkeypatch.context() as patch:
        patch.setattr(openai_chat, "body", lambda *a, **m: {**write(*a, **m), "bogus": 1})
        found = refused(one(OpenAICompatible, url, request(model=model), timeout_s=60))
    assert (found.trouble, found.status) == (Trouble.REFUSED, 422) and "bogus" in found.message
    completed(one(OpenAICompatible, url, request(model=model), timeout_s=60))


def test_many_at_once_are_all_answered(tiny: Tiny) -> None:
    url, model = tiny

    async def run() -> list[int]:
        endpoint = OpenAICompatible(Connection(url, timeout_s=60), SourcesReader())
        asked = [request(f"Item {n}", model, max_tokens=3) for n in range(16)]
        found = await asyncio.gather(*(endpoint.complete(r, str(n)) for n, r in enumerate(asked)))
        await endpoint.close()
        return [sum(completed(o).answer.leaves or ()) for o in found]

    assert min(asyncio.run(run())) > 3
