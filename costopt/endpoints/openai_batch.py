"""OpenAI's Batch API, and what speaks it: a file of lines in, files of answers and of errors out.

https://platform.openai.com/docs/guides/batch and openai-python 3.57 `types/batch.py`, checked 2026-11-25.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import orjson

from costopt.endpoints.batch_client import CLOCKS_S, PAGE, PAGES, BatchClient
from costopt.endpoints.batch_lines import (
    answered,
    not_run,
    readable,
    refused_line,
    rows_of,
    sent,
    too_many,
)
from costopt.endpoints.connection import Connection
from costopt.endpoints.openai_compatible import ChatSpeech
from costopt.endpoints.scrub import scrubbed
from costopt.model.exchange import Outcome, Refusal, Request, Trouble
from costopt.model.marks import Mark
from costopt.model.ports import BodyReader

if TYPE_CHECKING:
    from openai.types import Batch

URL: Final = "/v1/chat/completions"
MARK = "costopt"
"""Key of the job's metadata that holds our mark."""
_ENDED = frozenset(("completed", "failed", "expired", "cancelled"))


class OpenAIBatch(BatchClient):
    """Sends lines as one job: half the price, answers within 24 hours (often within minutes).

    * **Submit**: the lines are uploaded as a file (purpose `batch`), then a job is created from it. Neither
      is ever repeated unseen: where the answer to the creation is lost, the job is looked for.
    * **Find**: the job carries our mark as metadata, so that after a crash it is found by it for certain,
      and so is its absence. An uploaded file without a job costs nothing.
    * **Poll and collect**: `validating`, `in_progress`, `finalizing` go on; `completed`, `expired` and
      `cancelled` have answers in the output file and refusals in the error file, in any order, joined
      by `custom_id`; `failed` means that the job's file was refused: no line was run.
    * **Cost**: answered lines at the batch price, whatever `service_tier` their bodies name; refused,
      expired and cancelled lines cost nothing.

    A line's time is its job's, from creation to end by the provider's clock. Prompts and answers lie in
    the provider's file store until they expire there (30 days unless the account says otherwise).
    """

    def __init__(self, connection: Connection, reader: BodyReader) -> None:
        self._speech = ChatSpeech(connection)
        super().__init__(connection, reader, self._speech.base(connection))
        self._headers = self._speech.headers(connection)

    @property
    def name(self) -> str:
        return f"{self._connection.host} (batch)"

    async def submit(self, requests: Sequence[tuple[str, Request]], mark: str) -> str | Refusal:
        """The id of the new job. custom_ids are those of `requests`."""
        try:
            lines = b"".join(orjson.dumps(self._line(i, r)) + b"\n" for i, r in requests)
        except (ValueError, TypeError) as error:  # orjson's own for half a character
            return Refusal(Trouble.REFUSED, str(error))
        upload = self._client.files.create(
            file=(f"{mark}.jsonl", lines, "application/jsonl"), purpose="batch",
            extra_headers=self._headers,
        )  # fmt: skip
        file = await sent(upload, self._connection, "id")
        if isinstance(file, Refusal):
            # Without its file there is no job, however the upload ended: it may be sent again.
            unclear = file.trouble in (Trouble.RETRY, Trouble.UNSURE, Trouble.UNREADABLE)
            return replace(file, trouble=Trouble.NOT_SENT) if unclear else file
        creation = self._client.batches.create(
            input_file_id=file.id, endpoint=URL, completion_window="24h", metadata={MARK: mark},
            extra_headers=self._headers,
        )  # fmt: skip
        job = await sent(creation, self._connection, "id")
        if isinstance(job, Refusal) or isinstance(job.id, str):
            return job if isinstance(job, Refusal) else job.id
        return Refusal(Trouble.UNREADABLE, "the answer to the batch's creation names no job")

    def _line(self, custom_id: str, request: Request) -> dict[str, Any]:
        """A line of the input file: the body that would be sent live. The tier is the job's alone."""
        body = self._speech.body(replace(request, service_tier="default"), stream=False)
        return {"custom_id": custom_id, "method": "POST", "url": URL, "body": body}

    async def find(self, mark: str) -> str | None | Refusal:
        """The job whose metadata holds this mark: jobs are listed newest first, back to its time."""
        oldest = Mark.read(mark).at_s - CLOCKS_S
        return await readable(self._found(mark, oldest), self._connection)

    async def _found(self, mark: str, oldest: int) -> str | None | Refusal:
        after = ""
        for _ in range(PAGES):
            more = {"after": after} if after else {}
            page = await sent(self._page(more), self._connection, "data")
            if isinstance(page, Refusal):
                return page
            for job in page.data:
                if (job.metadata or {}).get(MARK) == mark:
                    return _id_of(job)
            if (
                not page.data
                or page.has_more is False
                or (page.data[-1].created_at or oldest) < oldest
            ):
                return None
            after = page.data[-1].id
        return too_many(PAGES * PAGE)

    async def _page(self, more: dict[str, str]) -> Any:
        return await self._client.batches.list(
            limit=PAGE, extra_query=more, extra_headers=self._headers
        )

    async def collect(self, job: str) -> Mapping[str, Outcome] | None | Refusal:
        """Outcomes by custom_id of an ended job. A line that no file mentions is not run where the
        job's own counts say so, else it is absent."""
        return await readable(self._collected(job), self._connection)

    async def _collected(self, job: str) -> Mapping[str, Outcome] | None | Refusal:
        call = self._client.batches.retrieve(job, extra_headers=self._headers)
        batch = await sent(call, self._connection, "status")
        if isinstance(batch, Refusal):
            return batch
        if batch.status not in _ENDED:
            return None
        found: dict[str, Outcome] = {}
        for file in (batch.output_file_id, batch.error_file_id):
            text = await self._content(file)
            if isinstance(text, Refusal):
                return text
            for row in rows_of(text):
                outcome = scrubbed(self._outcome(row, batch), self._connection.key)
                found.setdefault(str(row.get("custom_id")), outcome)
        counts = batch.request_counts
        if batch.status == "completed" and counts and counts.total == len(found):
            return found
        return await self._with_the_unrun(batch, found)

    async def _content(self, file: str | None) -> str | Refusal:
        if not file:
            return ""
        call = self._client.files.content(file, extra_headers=self._headers)
        content = await sent(call, self._connection, "text")
        return content if isinstance(content, Refusal) else content.text

    async def _with_the_unrun(
        self, batch: Batch, found: dict[str, Outcome]
    ) -> Mapping[str, Outcome] | Refusal:
        """Lines of the input file that the results leave out, where the job counts no answer for them."""
        counts = batch.request_counts
        answers = sum(
            not isinstance(o, Refusal) or o.trouble is Trouble.UNREADABLE for o in found.values()
        )
        if batch.status != "failed" and (counts is None or counts.completed != answers):
            return found
        asked = await self._content(batch.input_file_id)
        if isinstance(asked, Refusal):
            # Without the input file nobody can say which they are; waiting may help.
            return found if asked.trouble is Trouble.REFUSED else asked
        why = "; ".join(
            e.message or e.code or "" for e in (batch.errors and batch.errors.data) or []
        )
        failed = Refusal(Trouble.REFUSED, f"{self._connection.host} refused the batch: {why}"[:300])
        rest = scrubbed(failed, self._connection.key)
        if batch.status != "failed":
            rest = not_run(f"the batch is {batch.status}")
        return {**{str(row.get("custom_id")): rest for row in rows_of(asked)}, **found}

    def _outcome(self, row: Mapping[str, Any], batch: Batch) -> Outcome:
        response, error = row.get("response"), row.get("error")
        if not isinstance(response, Mapping):
            told = error if isinstance(error, Mapping) else {}
            return not_run(str(told.get("message") or told.get("code") or "no reason given")[:300])
        status, body = response.get("status_code"), response.get("body")
        if status != 200:
            return refused_line(status if isinstance(status, int) else 500, body, self._connection)
        if not isinstance(body, Mapping):
            return Refusal(Trouble.UNREADABLE, "the batch's answer has no body")
        request_id = str(response.get("request_id") or "")
        return answered(body, "openai", self._reader, _turnaround_ms(batch), request_id)


def _id_of(job: Any) -> str:
    """Raises TypeError: one that is no text can be asked for by nobody."""
    if not isinstance(job.id, str):
        raise TypeError("a job without an id")
    return job.id


def _turnaround_ms(batch: Batch) -> float:
    ended = batch.completed_at or batch.expired_at or batch.cancelled_at or batch.finalizing_at
    return max(0, ended - batch.created_at) * 1000.0 if ended and batch.created_at else 0.0
