"""Anthropic's Message Batches: a list of requests in, a results file out, half the price.

https://platform.claude.com/docs/en/build-with-claude/batch-processing and
https://platform.claude.com/docs/en/api/messages/batches/list, checked 2026-11-25.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from costopt.endpoints.anthropic import message_headers
from costopt.endpoints.batch_client import CLOCKS_S, PAGE, PAGES, BatchClient
from costopt.endpoints.batch_lines import answered, not_run, refused_line, rows_of, sent, too_many
from costopt.endpoints.client_library import http
from costopt.endpoints.connection import Connection
from costopt.endpoints.scrub import scrubbed
from costopt.endpoints.wire import anthropic_messages
from costopt.model.exchange import Outcome, Refusal, Request, Trouble
from costopt.model.marks import Mark
from costopt.model.ports import BodyReader

PATH = "/v1/messages/batches"
GONE = "its results are kept no longer"
_JOB = re.compile(r"[A-Za-z0-9_-]+")
_STATUS = {"invalid_request_error": 400, "request_too_large": 413, "not_found_error": 404,
           "authentication_error": 401, "permission_error": 403, "rate_limit_error": 429,
           "billing_error": 402, "timeout_error": 504, "overloaded_error": 529}  # fmt: skip


class AnthropicBatch(BatchClient):
    """Sends lines as one message batch: half the price, answers within 24 hours (mostly within one).

    * **Submit**: one request holds all lines. It is never repeated unseen.
    * **Find**: a message batch has no field for a name of ours, and the API no idempotency key. So the
      mark's token is put in front of every `custom_id`, which only the results of an *ended* batch show.
      After a crash between sending and noting, batches of the workspace are listed newest first, back
      to a day before the mark: one with as many requests is opened once it has ended. Found by a
      custom_id: it is ours, for certain. All such have ended and none is: it was never sent, for
      certain. As long as one of them runs nobody can say, and the lines stay open, in doubt, until a
      later `--resume` can tell (24 hours at most); they stay so where the results of one have been
      archived. Batches that were deleted meanwhile are not seen.
    * **Poll and collect**: results come in any order, each `succeeded`, `errored`, `canceled` or `expired`.
    * **Cost**: only `succeeded` is charged, at the batch price; its usage says `service_tier: batch`.

    A line's time is its job's, from `created_at` to `ended_at`.
    """

    def __init__(self, connection: Connection, reader: BodyReader) -> None:
        super().__init__(connection, reader, connection.root)

    @property
    def name(self) -> str:
        return f"{self._connection.host} (message batches)"

    async def submit(self, requests: Sequence[tuple[str, Request]], mark: str) -> str | Refusal:
        """The id of the new batch; `custom_id` on the wire is the mark's token and the line's own id."""
        token = Mark.read(mark).token
        try:
            lines = [{"custom_id": f"{token}_{i}", "params": _params(r)} for i, r in requests]
        except ValueError as error:
            return Refusal(Trouble.REFUSED, str(error))
        call = self._client.post(
            PATH, cast_to=http().Response, body={"requests": lines},
            options={"headers": message_headers(self._connection)},
        )  # fmt: skip
        job = await sent(_json(call), self._connection)
        if isinstance(job, Refusal):
            return job
        if isinstance(job.get("id"), str):
            return str(job["id"])
        return Refusal(Trouble.UNREADABLE, "the answer to the batch's creation names no job")

    async def find(self, mark: str) -> str | None | Refusal:
        """The batch whose results carry the mark; a refusal to come again while one runs that may be it."""
        wanted, after = Mark.read(mark), ""
        unclear: Refusal | None = None
        for _ in range(PAGES):
            query = f"?limit={PAGE}&after_id={after}" if after else f"?limit={PAGE}"
            page = await sent(_json(self._get(PATH + query)), self._connection)
            if isinstance(page, Refusal):
                return page
            for job in _objects(page.get("data")):
                if _seconds(job.get("created_at"), wanted.at_s) < wanted.at_s - CLOCKS_S:
                    return unclear
                if _requests(job) != wanted.lines:
                    continue
                known = await self._carries(job, wanted.token)
                if known is True:
                    return str(job["id"])
                if isinstance(known, Refusal) and (
                    unclear is None or known.trouble is Trouble.RETRY
                ):
                    unclear = known  # one that will be readable later is worth waiting for
            after = str(page.get("last_id") or "")
            if not page.get("has_more") or not after:
                return unclear
        return too_many(PAGES * PAGE)

    async def _carries(self, job: Mapping[str, Any], token: str) -> bool | Refusal:
        """Its results name this mark. A refusal: they cannot be read, not yet or not any more."""
        id = str(job.get("id"))
        if job.get("processing_status") != "ended":
            return Refusal(Trouble.RETRY, f"batch {id} runs and may be the one")
        if not job.get("results_url"):
            return Refusal(Trouble.REFUSED, f"batch {id} may be the one, and {GONE}")
        text = await self._results(id)
        if isinstance(text, Refusal):
            return text
        return any(str(row.get("custom_id")).startswith(f"{token}_") for row in rows_of(text))

    async def collect(self, job: str) -> Mapping[str, Outcome] | None | Refusal:
        """Outcomes by the lines' own ids once the batch has ended."""
        if not _JOB.fullmatch(job):
            return Refusal(Trouble.REFUSED, f"{job!r} is no id of a message batch")
        told = await sent(_json(self._get(f"{PATH}/{job}")), self._connection)
        if isinstance(told, Refusal):
            return told
        if told.get("processing_status") != "ended":
            return None
        if not told.get("results_url"):
            return Refusal(Trouble.REFUSED, GONE)
        text = await self._results(job)
        if isinstance(text, Refusal):
            return text
        took = _seconds(told.get("ended_at"), 0) - _seconds(told.get("created_at"), 0)
        return {
            str(row.get("custom_id")).partition("_")[2]: scrubbed(
                self._outcome(row, max(0.0, took) * 1000.0), self._connection.key
            )
            for row in rows_of(text)
        }

    async def _results(self, job: str) -> str | Refusal:
        """The results file by its documented path: the key goes to no address that an answer names."""
        call = _text(self._get(f"{PATH}/{job}/results"))
        return await sent(call, self._connection)

    def _get(self, path: str) -> Any:
        headers = message_headers(self._connection)
        return self._client.get(path, cast_to=http().Response, options={"headers": headers})

    def _outcome(self, row: Mapping[str, Any], latency_ms: float) -> Outcome:
        result = row.get("result")
        result = result if isinstance(result, Mapping) else {}
        kind = str(result.get("type") or "no result")
        if kind == "succeeded":
            message = result.get("message")
            if not isinstance(message, Mapping):
                return Refusal(Trouble.UNREADABLE, "the batch's answer has no message")
            return answered(message, "anthropic", self._reader, latency_ms)
        if kind != "errored":
            return not_run(kind)
        error = result.get("error")
        inner = error.get("error") if isinstance(error, Mapping) else None
        said = str(inner.get("type")) if isinstance(inner, Mapping) else ""
        return refused_line(_STATUS.get(said, 500), error, self._connection)


def _params(request: Request) -> dict[str, Any]:
    """The body that would be sent live; a batch takes no stream and no tier."""
    body = anthropic_messages.body(replace(request, service_tier="default"), stream=False)
    return {name: value for name, value in body.items() if name not in ("stream", "service_tier")}


def _objects(told: object) -> list[dict[str, Any]]:
    return [one for one in told if isinstance(one, dict)] if isinstance(told, list) else []


def _requests(job: Mapping[str, Any]) -> int:
    """How many it has, whatever became of them."""
    counts = job.get("request_counts")
    return sum(n for n in counts.values() if isinstance(n, int)) if isinstance(counts, dict) else -1


def _seconds(told: object, otherwise: float) -> float:
    """Unix seconds of an RFC 3339 time."""
    try:
        return datetime.fromisoformat(str(told)).timestamp()
    except ValueError:
        return otherwise


async def _text(call: Any) -> str:
    return str((await call).text)


async def _json(call: Any) -> dict[str, Any]:
    """Raises ValueError where the answer is no JSON object."""
    found = (await call).json()
    if not isinstance(found, dict):
        raise ValueError("no JSON object")
    return found
