"""Both batch APIs against a server on this machine: submit, poll, collect, find again, go wrong."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from costopt.endpoints.anthropic_batch import AnthropicBatch
from costopt.endpoints.connection import Connection
from costopt.endpoints.openai_batch import OpenAIBatch
from costopt.model.exchange import Completion, Refusal, Trouble
from costopt.model.leaf import Leaf
from costopt.model.marks import Mark
from costopt.wiring.replaying.reader import SourcesReader
from tests.endpoints.batch_server import KEY, TOOK_S, BatchState, batch_server, words
from tests.replay.batch_fakes import line

Endpoint = OpenAIBatch | AnthropicBatch
NOW_US = time.time_ns() // 1_000
KINDS: dict[str, Any] = {"openai": OpenAIBatch, "anthropic": AnthropicBatch}
MODELS = {"openai": "gpt-5.2", "anthropic": "claude-sonnet-4-5"}


class Case:
    """One API, its server, and a client with a key."""

    def __init__(self, kind: str, base: str, state: BatchState) -> None:
        self.kind, self.base, self.state = kind, base, state
        self.lines = [(i.id, i.request) for i in (line(n, MODELS[kind], kind) for n in range(1, 5))]
        self.mark = str(Mark.of(1, [i for i, _ in self.lines], NOW_US))

    def run(self, use: Callable[[Endpoint], Awaitable[Any]], key: str | None = KEY) -> Any:
        """One connection, one event loop."""

        async def main() -> Any:
            endpoint = KINDS[self.kind](Connection(self.base, key, timeout_s=5), SourcesReader())
            try:
                return await use(endpoint)
            finally:
                await endpoint.close()

        return asyncio.run(main())

    def whole(self) -> Mapping[str, Any] | Refusal:
        """Submit, then poll to the end."""

        async def use(endpoint: Endpoint) -> Any:
            job = await endpoint.submit(self.lines, self.mark)
            assert isinstance(job, str), job
            looks = 0
            while (got := await endpoint.collect(job)) is None:
                looks += 1
            assert looks == self.state.polls
            return got

        return self.run(use)


@pytest.fixture(params=["openai", "anthropic"])
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    state = BatchState()
    with batch_server(state) as base:
        yield Case(request.param, base, state)


def test_answers_come_back_by_custom_id_at_the_batch_tier_in_the_jobs_own_time(case: Case) -> None:
    got = case.whole()
    assert isinstance(got, Mapping) and set(got) == {i for i, _ in case.lines}
    (custom_id, request), sent = case.lines[1], case.state.jobs[0].lines
    body = next(b for i, b in sent.items() if i.endswith(custom_id))
    outcome, (said, into, out) = got[custom_id], words(body)
    assert isinstance(outcome, Completion) and said == "you said question 2"
    assert [b.text for b in outcome.answer.blocks] == [said]
    leaves = outcome.answer.leaves
    assert leaves and (leaves[Leaf.INPUT_FRESH], leaves[Leaf.OUTPUT_TEXT]) == (into, out)
    assert outcome.answer.service_tier == "batch"
    assert outcome.latency_ms == TOOK_S * 1000 and outcome.ttft_ms is None
    assert body["model"] == request.model and "service_tier" not in body and "stream" not in body


def test_lines_that_are_refused_expired_broken_or_left_out_each_end_in_their_own_way(
    case: Case,
) -> None:
    refused, expired, broken, silent = (i for i, _ in case.lines)
    case.state.refuse, case.state.expire = {refused}, {expired}
    case.state.broken, case.state.silent = {broken}, {silent}
    got = case.whole()
    assert isinstance(got, Mapping)
    troubles = {i: o.trouble for i, o in got.items() if isinstance(o, Refusal)}
    assert troubles[refused] is Trouble.REFUSED and "too long" in got[refused].message
    assert troubles[expired] is Trouble.NOT_SENT
    assert troubles[broken] is Trouble.UNREADABLE
    if case.kind == "openai":  # the job's own counts say that it was not run
        assert troubles[silent] is Trouble.NOT_SENT
    else:
        assert silent not in got


def test_a_job_is_found_by_its_mark_among_others_and_its_absence_is_certain(case: Case) -> None:
    others = [str(Mark.of(n, ["x"], NOW_US)) for n in range(2, 7)]

    async def use(endpoint: Endpoint) -> Any:
        made = [await endpoint.submit(case.lines[:n], others[n]) for n in (1, 2)]
        mine = await endpoint.submit(case.lines, case.mark)
        made += [await endpoint.submit(case.lines, others[n]) for n in (3, 4)]
        for job in [mine, *made]:
            while await endpoint.collect(job) is None:  # type: ignore[arg-type]
                pass
        absent = str(Mark.of(9, [i for i, _ in case.lines], NOW_US))
        return mine, await endpoint.find(case.mark), await endpoint.find(absent)

    mine, found, absent = case.run(use)
    assert found == mine and isinstance(mine, str) and absent is None


def test_a_running_message_batch_may_be_the_one_until_it_has_ended() -> None:
    with batch_server(BatchState()) as base:
        case = Case("anthropic", base, BatchState())

        async def use(endpoint: Endpoint) -> Any:
            job = await endpoint.submit(case.lines, case.mark)
            early = await endpoint.find(case.mark)
            other = replace(Mark.read(case.mark), lines=3)
            assert await endpoint.find(str(other)) is None  # another number of requests
            while await endpoint.collect(str(job)) is None:
                pass
            return job, early, await endpoint.find(case.mark)

        job, early, late = case.run(use)
    assert isinstance(early, Refusal) and early.trouble is Trouble.RETRY and late == job


def test_a_batch_whose_results_are_archived_may_have_been_the_one() -> None:
    with batch_server(state := BatchState(polls=0, archived=True)) as base:
        case = Case("anthropic", base, state)

        async def use(endpoint: Endpoint) -> Any:
            job = await endpoint.submit(case.lines, case.mark)
            return await endpoint.find(case.mark), await endpoint.collect(str(job))

        for got in case.run(use):
            assert isinstance(got, Refusal) and got.trouble is Trouble.REFUSED
            assert "kept no longer" in got.message


def test_a_creation_whose_answer_is_lost_is_unsure_and_was_sent_once(case: Case) -> None:
    case.state.cut_after_create, case.state.polls = 1, 0

    async def use(endpoint: Endpoint) -> Any:
        lost = await endpoint.submit(case.lines, case.mark)
        await endpoint.collect(case.state.jobs[0].id)
        return lost, await endpoint.find(case.mark)

    lost, found = case.run(use)
    assert isinstance(lost, Refusal) and lost.trouble is Trouble.UNSURE
    assert len(case.state.jobs) == 1 and found == case.state.jobs[0].id


def test_a_busy_server_is_told_from_one_that_refuses(case: Case) -> None:
    case.state.busy = 1
    got = case.run(lambda endpoint: endpoint.submit(case.lines, case.mark))
    assert isinstance(got, Refusal) and got.trouble is Trouble.RETRY
    assert got.retry_after_s == 0.01 and not case.state.jobs


@pytest.mark.parametrize("key", ["sk-wrong-key-of-this-test", None])
def test_a_wrong_key_stops_and_is_never_shown(case: Case, key: str | None) -> None:
    async def use(endpoint: Endpoint) -> list[Any]:
        return [
            await endpoint.submit(case.lines, case.mark), await endpoint.find(case.mark),
            await endpoint.collect("batch_job1"),
        ]  # fmt: skip

    for got in case.run(use, key):
        assert isinstance(got, Refusal) and got.trouble is Trouble.STOP and got.status == 401
        assert "sk-wrong" not in repr(got) and got.hint


def test_an_unknown_job_and_a_server_without_batches_stop_nobody(case: Case) -> None:
    async def use(endpoint: Endpoint) -> Any:
        return await endpoint.collect("batch_job99")

    got = case.run(use)
    assert isinstance(got, Refusal) and got.trouble is Trouble.REFUSED and got.status == 404


def test_nobody_listens(case: Case) -> None:
    case.base = "http://127.0.0.1:9"
    got = case.run(lambda endpoint: endpoint.submit(case.lines, case.mark))
    assert isinstance(got, Refusal) and got.trouble is Trouble.NOT_SENT


def test_a_batch_whose_file_is_refused_ran_no_line() -> None:
    with batch_server(state := BatchState(invalid="line 2: model mismatch")) as base:
        case = Case("openai", base, state)
        got = case.whole()
    assert isinstance(got, Mapping) and set(got) == {i for i, _ in case.lines}
    assert {o.trouble for o in got.values()} == {Trouble.REFUSED}
    assert "line 2: model mismatch" in got[case.lines[0][0]].message


def test_an_id_that_is_none_is_not_put_into_a_path() -> None:
    with batch_server(state := BatchState()) as base:
        case = Case("anthropic", base, state)
        got = case.run(lambda endpoint: endpoint.collect("../../v1/organizations"))
    assert isinstance(got, Refusal) and not state.paths


class Page(BaseHTTPRequestHandler):
    """Answers everything with a page for people."""

    def log_message(self, *_: Any) -> None: ...

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(b"<html>Welcome</html>")

    do_POST = do_GET


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_for_people_is_no_answer(kind: str) -> None:
    server = HTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    case = Case(kind, f"http://127.0.0.1:{server.server_address[1]}", BatchState())

    async def use(endpoint: Endpoint) -> list[Any]:
        return [
            await endpoint.submit(case.lines, case.mark), await endpoint.find(case.mark),
            await endpoint.collect("batch_job1"),
        ]  # fmt: skip

    try:
        got = case.run(use)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert all(isinstance(g, Refusal) for g in got)
    assert [g.trouble for g in got[1:]] == [Trouble.UNREADABLE] * 2
