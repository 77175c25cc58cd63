"""What both batch APIs share: one request to them and what a refusing answer means there, result lines."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import orjson

from costopt.endpoints import broken, outcome, scrub
from costopt.endpoints.client_library import http
from costopt.endpoints.connection import Connection
from costopt.endpoints.json_text import loads
from costopt.model.exchange import Completion, Origin, Outcome, Refusal, Trouble
from costopt.model.ports import BodyReader
from costopt.model.secrets import masked

TIER = "batch"
_NONE_HERE = (404, 405)
T = TypeVar("T")


async def sent(call: Awaitable[T], connection: Connection, need: str = "") -> T | Refusal:
    """What the server said to one request of a batch API, or why it said nothing that can be used.

    `need`: what its answer must have; the client itself checks nothing. A 404 or 405 stops nobody: a
    gateway without batches, or a job that is kept no longer.
    """
    import openai

    began = time.perf_counter()
    try:
        found = await call
        if not need or getattr(found, need, None) is not None:
            return found
        raise ValueError(f"without {need}")
    except openai.APIStatusError as error:
        reply = outcome.Reply(
            error.status_code, error.response.text, connection.host, "", _ms(began),
            {name.lower(): value for name, value in error.response.headers.items()},
        )  # fmt: skip
        refused = scrub.refusal(outcome.refusal(reply), connection.key)
        known = refused.trouble is Trouble.STOP and error.status_code in _NONE_HERE
        return replace(refused, trouble=Trouble.REFUSED, hint="") if known else refused
    except (openai.APIConnectionError, http().HTTPError, OSError) as error:
        return broken.refusal(error, connection, _ms(began))
    except (
        openai.OpenAIError,
        ValueError,
        AttributeError,
    ) as error:  # a page of text is no list to it
        return _no_answer(error, connection, _ms(began))


async def readable(work: Awaitable[T], connection: Connection) -> T | Refusal:
    """What is made of an answer. The client checks no types: one of other types ends no run, its job is
    looked at again."""
    try:
        return await work
    except (AttributeError, TypeError, ValueError) as error:
        return _no_answer(error, connection)


def _no_answer(error: Exception, connection: Connection, latency_ms: float = 0.0) -> Refusal:
    message = f"{connection.host} answers with what is no answer of a batch API ({error})"
    return Refusal(Trouble.UNREADABLE, masked(message[:300]), latency_ms=latency_ms)


def _ms(began: float) -> float:
    return (time.perf_counter() - began) * 1000.0


def rows_of(text: str) -> Iterator[Mapping[str, Any]]:
    """The objects of a results file; a line that is none is passed over, and its request stays unsettled."""
    for line in text.splitlines():
        try:
            row = loads(line.encode("utf-8", "surrogatepass")) if line.strip() else None
        except ValueError:
            continue
        if isinstance(row, dict):
            yield row


def answered(
    body: Mapping[str, Any], provider: str, reader: BodyReader, latency_ms: float, request_id: str = ""
) -> Outcome:  # fmt: skip
    """A line that was answered, at the batch tier whatever the body says; `latency_ms`: of its job."""
    try:
        answer = reader.answer(body, provider)
    except ValueError as error:
        return Refusal(Trouble.UNREADABLE, f"the batch's answer cannot be read: {error}")
    answer = replace(answer, service_tier=TIER)
    return Completion(answer, Origin.ENDPOINT, body, latency_ms, request_id=request_id)


def refused_line(status: int, body: object, connection: Connection) -> Refusal:
    """A line that the provider ran and refused. Lines without an answer are never charged, so that
    nothing is in doubt; what would end a replay concerns this line alone."""
    text = orjson.dumps(body).decode()
    found = outcome.refusal(outcome.Reply(status, text, connection.host, "", 0.0))
    here = {Trouble.STOP: Trouble.REFUSED, Trouble.UNSURE: Trouble.RETRY}
    return replace(found, trouble=here.get(found.trouble, found.trouble))


def not_run(why: str) -> Refusal:
    """A line that the provider did not run: it was not charged."""
    return Refusal(Trouble.NOT_SENT, f"not run by the provider: {why}")


def too_many(jobs: int) -> Refusal:
    """The list of jobs is longer than is looked through."""
    return Refusal(
        Trouble.REFUSED, f"more than {jobs:,} jobs are newer: it was not looked for further"
    )
