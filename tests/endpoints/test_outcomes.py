"""What an endpoint makes of everything that a server can do, streamed or not, in both languages."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import AsyncIterator
from itertools import product

import orjson
import pytest

from costopt.endpoints.anthropic import Anthropic
from costopt.endpoints.connection import Connection
from costopt.endpoints.events import events
from costopt.endpoints.openai_compatible import OpenAICompatible
from costopt.model.exchange import Completion, Origin, Refusal, Trouble
from costopt.model.leaf import INPUT, OUTPUT, Leaf
from costopt.wiring.replaying.reader import SourcesReader
from tests.endpoints.asking import KEY, Kind, ask, completed, one, refused, request
from tests.endpoints.behaviour import Behaviour
from tests.endpoints.fault_server import running

T = Trouble
BOTH = pytest.mark.parametrize(
    ("kind", "stream"), list(product((OpenAICompatible, Anthropic), (True, False)))
)
EXPECTED = {
    "429": T.RETRY, "500": T.RETRY, "503": T.RETRY, "overloaded": T.RETRY,
    "401": T.STOP, "403": T.STOP, "404": T.STOP, "quota": T.STOP, "402": T.STOP,
    "unknown_model": T.STOP, "redirect": T.STOP,
    "400": T.REFUSED, "413": T.REFUSED, "422": T.REFUSED, "error_200": T.REFUSED,
    "504": T.UNSURE, "cut": T.UNSURE, "close_before": T.UNSURE, "close_after": T.UNSURE,
    "json": T.UNREADABLE, "html": T.UNREADABLE, "no_choices": T.UNREADABLE, "empty": T.UNREADABLE,
}  # fmt: skip


@BOTH
def test_every_fault_is_sorted_by_what_may_be_done_next(kind: Kind, stream: bool) -> None:
    with running(Behaviour(script=",".join(EXPECTED))) as server:
        asked = [request()] * len(EXPECTED)
        found, _ = ask(kind, server.url, *asked, key=KEY, stream=stream)
    assert dict(zip(EXPECTED, (refused(o).trouble for o in found), strict=True)) == EXPECTED
    assert len(server.seen) == len(EXPECTED)  # each was sent once: no retries underneath
    assert {line["item"] for line in server.seen} == {f"item{i}" for i in range(len(EXPECTED))}


@BOTH
def test_an_answer_has_the_servers_own_counts(kind: Kind, stream: bool) -> None:
    with running(Behaviour(cache="prefix", cache_block=4, rate_limit=100)) as server:
        (first, again), _ = ask(kind, server.url, request(), request(), key=KEY, stream=stream)
    told, second = completed(first), completed(again)
    seen = server.seen[0]
    leaves = told.answer.leaves
    assert leaves is not None and told.origin is Origin.ENDPOINT
    assert (sum(leaves[INPUT]), sum(leaves[OUTPUT])) == (seen["input"], seen["output"])
    assert told.answer.blocks == second.answer.blocks and told.answer.cached_known
    assert second.answer.leaves is not None
    assert second.answer.leaves[Leaf.CACHE_READ] == server.seen[1]["read"]
    assert told.request_id == "req_0" and told.limits.requests_left == 99
    assert told.limits.requests_reset_s is not None and told.limits.requests_reset_s >= 60


@BOTH
def test_the_first_token_is_timed_only_in_a_stream(kind: Kind, stream: bool) -> None:
    with running(Behaviour(latency_ms=60, token_ms=20, words=12)) as server:
        found = completed(one(kind, server.url, stream=stream))
    assert found.latency_ms >= 60
    if not stream:
        assert found.ttft_ms is None
    else:
        assert found.ttft_ms is not None and 60 <= found.ttft_ms < found.latency_ms


@BOTH
def test_duplicate_ids_are_answers_like_any_other(kind: Kind, stream: bool) -> None:
    with running(Behaviour(script="dup_id,dup_id")) as server:
        found, _ = ask(kind, server.url, request("a"), request("b c"), stream=stream)
    first, second = (completed(o).answer for o in found)
    assert first.id == second.id and first.leaves != second.leaves


@pytest.mark.parametrize("kind", [OpenAICompatible, Anthropic])
def test_a_tool_call_comes_back_whole(kind: Kind) -> None:
    from costopt.model.call import SegmentKind
    from costopt.model.exchange import Block

    schema = '{"type":"function","function":{"name":"find","parameters":{"type":"object"}}}'
    asked = request()
    asked = type(asked)(
        "openai", "m", (Block(SegmentKind.TOOLS, schema), *asked.blocks), max_tokens=24
    )
    with running(Behaviour(tool_share=1.0)) as server:
        streamed, whole = one(kind, server.url, asked), one(kind, server.url, asked, stream=False)
    said, same = completed(streamed).answer, completed(whole).answer
    assert [b.kind for b in said.blocks] == [SegmentKind.TOOL_CALL]
    assert [(b.name, b.text) for b in said.blocks] == [(b.name, b.text) for b in same.blocks]
    assert said.blocks[0].text.startswith("{") and said.finish in ("tool_calls", "tool_use")


@pytest.mark.parametrize(
    ("retry_after", "least", "most"),
    [("1.5", 1.5, 1.5), ("Wed, 21 Oct 2099 07:28:00 GMT", 1e6, 1e7), ("", None, None)],
)
def test_retry_after_is_obeyed_in_seconds_and_as_a_date(
    retry_after: str, least: float | None, most: float | None
) -> None:
    with running(Behaviour(script="429", retry_after=retry_after)) as server:
        found = refused(one(OpenAICompatible, server.url))
    if least is None or most is None:
        assert found.retry_after_s is None
    else:
        assert found.retry_after_s is not None and least <= found.retry_after_s <= most


def test_a_server_whose_streams_have_no_usage_is_asked_without_streams() -> None:
    with running(Behaviour(stream_usage=False)) as server:
        found, endpoint = ask(OpenAICompatible, server.url, *[request()] * 3)
    answers = [completed(o) for o in found]
    assert [a.answer.leaves is None for a in answers] == [True, False, False]
    assert [a.ttft_ms is None for a in answers] == [False, True, True]
    assert [line["stream"] for line in server.seen] == [True, False, False]
    assert "no usage in streams" in " ".join(endpoint.notes)


def test_of_many_at_once_only_the_first_goes_without_usage() -> None:
    async def run(url: str) -> list[bool]:
        endpoint = OpenAICompatible(Connection(url), SourcesReader())
        found = await asyncio.gather(*(endpoint.complete(request(), str(i)) for i in range(20)))
        await endpoint.close()
        return [completed(o).answer.leaves is None for o in found]

    with running(Behaviour(stream_usage=False, latency_ms=20)) as server:
        assert sum(asyncio.run(run(server.url))) == 1


@pytest.mark.parametrize("how", [Behaviour(stream_options=False), Behaviour(streams=False)])
def test_a_refused_manner_may_be_sent_again_in_another(how: Behaviour) -> None:
    with running(how) as server:
        found, _ = ask(OpenAICompatible, server.url, *[request()] * 3)
    assert refused(found[0]).trouble is T.RETRY and refused(found[0]).retry_after_s == 0
    assert isinstance(found[1], Completion) and isinstance(found[2], Completion)
    assert completed(found[2]).answer.leaves is not None


def test_one_answer_without_usage_does_not_end_streaming() -> None:
    with running(Behaviour(script="ok,no_usage,ok")) as server:
        found, endpoint = ask(OpenAICompatible, server.url, *[request()] * 3)
    assert [completed(o).answer.leaves is None for o in found] == [False, True, False]
    assert all(line["stream"] for line in server.seen) and "some answers" in endpoint.notes[0]


def test_contradicting_counts_are_no_answer() -> None:
    with running(Behaviour(script="contradiction")) as server:
        found = refused(one(OpenAICompatible, server.url))
    assert found.trouble is T.UNREADABLE and "cached input" in found.message


@pytest.mark.parametrize("kind", [OpenAICompatible, Anthropic])
def test_an_error_inside_a_stream_is_in_doubt_once_something_was_said(kind: Kind) -> None:
    with running(Behaviour(script="stream_error", words=12)) as server:
        found = refused(one(kind, server.url, request("say more than one word")))
    assert found.trouble in (T.UNSURE, T.RETRY) and "Overloaded" in found.message


def test_cached_tokens_are_unknown_where_the_usage_has_no_field_for_them() -> None:
    with running(Behaviour(cache="off")) as off, running(Behaviour(cache="zero")) as zero:
        assert not completed(one(OpenAICompatible, off.url)).answer.cached_known
        assert completed(one(OpenAICompatible, zero.url)).answer.cached_known


def test_a_server_that_takes_too_long_is_in_doubt() -> None:
    with running(Behaviour(script="slow", slow_s=3.0)) as server:
        found = refused(one(OpenAICompatible, server.url, timeout_s=0.2))
    assert found.trouble is T.UNSURE and "within 0.2 s" in found.message
    assert len(server.seen) == 1


def test_nobody_listening_was_never_sent() -> None:
    found = refused(one(OpenAICompatible, "http://127.0.0.1:9"))
    assert found.trouble is T.NOT_SENT and "connection refused" in found.message


def test_a_name_that_is_no_host_stops_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*args: object, **more: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    found = refused(one(OpenAICompatible, "http://no-such-host.invalid/v1"))
    assert found.trouble is T.STOP and "no-such-host.invalid" in found.message


def test_an_unknown_model_is_named_and_how_to_map_it() -> None:
    with running(Behaviour(models="a,b")) as server:
        found = refused(one(OpenAICompatible, server.url, request(model="gpt-9")))
    assert found.trouble is T.STOP and "'gpt-9'" in found.message
    assert "--model-map gpt-9=" in found.hint


@BOTH
def test_the_key_stands_nowhere_but_in_its_header(
    kind: Kind, stream: bool, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-environment-0123456789")
    caplog.set_level(logging.DEBUG)
    with running(Behaviour(key=KEY, script="ok,401,json,500,cut")) as server:
        found, endpoint = ask(kind, server.url, *[request()] * 5, key=KEY, stream=stream)
        wrong = one(kind, server.url, key="sk-of-nobody-0123456789abcdef", stream=stream)
        none = one(kind, server.url, stream=stream)
    assert isinstance(found[0], Completion)
    assert refused(wrong).trouble is T.STOP and refused(none).trouble is T.STOP
    said = repr(found) + repr(wrong) + repr(endpoint.__dict__["_connection"]) + caplog.text
    for key in (KEY, "sk-of-nobody", "sk-of-the-environment", "sk-wrong-0123456789abcdef"):
        assert key not in said
    assert str(Connection(server.url, key=KEY)).count("key") == 0


def test_a_redirect_takes_the_key_nowhere() -> None:
    with running(Behaviour(script="redirect")) as server:
        found = refused(one(OpenAICompatible, server.url, key=KEY))
    assert "127.0.0.1:9/elsewhere" in found.message and "not sent there" in found.message


def test_cancelling_leaves_nothing_behind() -> None:
    async def run(url: str) -> None:
        endpoint = OpenAICompatible(Connection(url, stream=False), SourcesReader())
        task = asyncio.create_task(endpoint.complete(request(), "x"))
        await asyncio.sleep(0.15)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert isinstance(await endpoint.complete(request(), "y"), Completion)
        await endpoint.close()

    before = threading.active_count()
    with running(Behaviour(script="slow,ok", slow_s=5.0)) as server:
        asyncio.run(run(server.url))
    assert threading.active_count() <= before


def test_a_body_that_cannot_be_written_is_refused_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no(*args: object, **more: object) -> dict[str, object]:
        raise ValueError("a picture cannot be sent as chat")

    monkeypatch.setattr("costopt.endpoints.wire.openai_chat.body", no)
    with running() as server:
        found = one(OpenAICompatible, server.url)
    assert found == Refusal(T.REFUSED, "a picture cannot be sent as chat") and not server.seen


def test_half_a_surrogate_pair_is_refused_before_anything_is_sent() -> None:
    with running() as server:
        found, _ = ask(OpenAICompatible, server.url, request("broken \ud83d here"), request())
    assert refused(found[0]).trouble is T.REFUSED and isinstance(found[1], Completion)
    assert len(server.seen) == 1


def test_events_end_at_line_feeds_alone_however_they_are_cut() -> None:
    """U+2028 and a carriage return's kin stand raw in what models say."""
    said = [{"a": "x\u2028y\x85z \u00e9"}, {"b": [1, 2]}]
    raw = b": hello\r\n\r\n" + b"".join(
        b"event: e\r\ndata: " + orjson.dumps(e) + b"\r\n\r\n" for e in said
    )

    async def read(size: int, tail: bytes) -> list[object]:
        async def chunks() -> AsyncIterator[bytes]:
            whole = raw + tail
            for at in range(0, len(whole), size):
                yield whole[at : at + size]

        return [event async for event in events(chunks())]

    for size in (1, 2, 7, 4096):
        for tail in (
            b"",
            b"data: [DONE]\n\n",
            b"data:[DONE]",
            b"data: [DONE]\n\ndata: nonsense\n\n",
        ):
            assert asyncio.run(read(size, tail)) == said
