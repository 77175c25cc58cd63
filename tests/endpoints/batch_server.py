"""A small server on this machine that speaks both batch APIs as their documents define them.

OpenAI: https://platform.openai.com/docs/api-reference/batch; Anthropic:
https://platform.claude.com/docs/en/api/messages/batches (both checked 2026-11-25). It runs no model: a
line's answer repeats the last message, its usage is counted in characters. It keeps its own log of the
jobs that were created, against which a test holds the ledger.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

KEY = "sk-only-for-tests"
TOOK_S = 754
"""Seconds between a job's creation and its end, by this server's clock."""


@dataclass
class Job:
    """A job as the server holds it. `lines`: custom_id to the request's body."""

    id: str
    lines: dict[str, dict[str, Any]]
    metadata: dict[str, str] = field(default_factory=dict)
    input_file: str = ""
    created: int = field(default_factory=lambda: int(time.time()))
    polls: int = 0
    output: str | None = None
    errors: str | None = None


@dataclass
class BatchState:
    """What the server does, and what it saw."""

    polls: int = 2
    """Looks at a job before it has ended."""
    expire: set[str] = field(default_factory=set)
    """custom_ids (their end) that are not run in time."""
    refuse: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    """custom_ids that the results do not mention."""
    broken: set[str] = field(default_factory=set)
    """custom_ids whose counts contradict each other."""
    archived: bool = False
    """Results are kept no longer (Anthropic)."""
    invalid: str = ""
    """Why the whole job fails its validation."""
    cut_after_create: int = 0
    """So many creations are carried out and never answered: the socket closes."""
    busy: int = 0
    """So many creations are answered with 429."""
    jobs: list[Job] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)

    def hit(self, wanted: set[str], custom_id: str) -> bool:
        return any(custom_id.endswith(w) for w in wanted)

    def file(self, content: bytes) -> str:
        name = f"file-{len(self.files) + 1}"
        self.files[name] = content
        return name

    def job(self, id: str) -> Job | None:
        return next((j for j in self.jobs if j.id == id), None)


def when(seconds: int) -> str:
    """RFC 3339, as Anthropic writes times."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def words(body: dict[str, Any]) -> tuple[str, int, int]:
    """(answer, input, output tokens) of a request: a count a character."""
    last = body["messages"][-1]["content"]
    said = last if isinstance(last, str) else last[-1].get("text", "")
    return f"you said {said}", len(json.dumps(body["messages"])), len(said) + 9


def openai_line(state: BatchState, n: int, custom_id: str, body: dict[str, Any]) -> dict[str, Any]:
    """A line of the output or the error file."""
    line: dict[str, Any] = {"id": f"batch_req_{n}", "custom_id": custom_id, "error": None}
    if state.hit(state.expire, custom_id):
        told = {"code": "batch_expired", "message": "not executed before the window ended"}
        return {**line, "response": None, "error": told}
    if state.hit(state.refuse, custom_id):
        error = {"error": {"message": "too long", "type": "invalid_request_error", "code": None}}
        return {**line, "response": {"status_code": 400, "request_id": f"r{n}", "body": error}}
    said, into, out = words(body)
    cached = into + 1 if state.hit(state.broken, custom_id) else 0
    answer = {
        "id": f"chatcmpl-{n}", "object": "chat.completion", "created": 1_790_000_000,
        "model": body["model"], "service_tier": "default",
        "choices": [{"index": 0, "finish_reason": "stop",
                     "message": {"role": "assistant", "content": said}}],
        "usage": {"prompt_tokens": into, "completion_tokens": out, "total_tokens": into + out,
                  "prompt_tokens_details": {"cached_tokens": cached}},
    }  # fmt: skip
    return {**line, "response": {"status_code": 200, "request_id": f"r{n}", "body": answer}}


def anthropic_line(
    state: BatchState, n: int, custom_id: str, body: dict[str, Any]
) -> dict[str, Any]:
    """A line of the results."""
    if state.hit(state.expire, custom_id):
        return {"custom_id": custom_id, "result": {"type": "expired"}}
    if state.hit(state.refuse, custom_id):
        error = {"type": "invalid_request_error", "message": "too long"}
        told = {"type": "error", "error": error}
        return {"custom_id": custom_id, "result": {"type": "errored", "error": told}}
    said, into, out = words(body)
    message = {
        "id": f"msg_{n}", "type": "message", "role": "assistant", "model": body["model"],
        "content": [{"type": "text", "text": said}], "stop_reason": "end_turn",
        "usage": {"input_tokens": -1 if state.hit(state.broken, custom_id) else into,
                  "output_tokens": out, "cache_read_input_tokens": 0,
                  "cache_creation_input_tokens": 0, "service_tier": "batch"},
    }  # fmt: skip
    return {"custom_id": custom_id, "result": {"type": "succeeded", "message": message}}


class _Handler(BaseHTTPRequestHandler):
    state: BatchState
    base: str
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # an answer in one piece: two wait for each other 40 ms

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def _say(self, told: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        raw = told if isinstance(told, bytes) else json.dumps(told).encode()
        self.send_response(status)
        for name, value in {"content-length": str(len(raw)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(raw)

    def _allowed(self) -> bool:
        self.state.paths.append(f"{self.command} {urlsplit(self.path).path}")
        sent = self.headers.get("x-api-key") or self.headers.get("authorization") or ""
        if sent.removeprefix("Bearer ") == KEY:
            return True
        error = {"type": "authentication_error", "message": "invalid key"}
        self._say({"type": "error", "error": error}, 401)
        return False

    def _read(self) -> bytes:
        return self.rfile.read(int(self.headers.get("content-length", 0)))

    def do_POST(self) -> None:
        raw, path = self._read(), urlsplit(self.path).path
        if not self._allowed():
            return
        if path == "/v1/files":
            head = b"content-type: " + self.headers["content-type"].encode() + b"\r\n\r\n"
            parts = BytesParser().parsebytes(head + raw).get_payload()
            name = self.state.file(_part(parts, "file"))
            assert _part(parts, "purpose") == b"batch"
            return self._say({"id": name, "object": "file", "purpose": "batch", "bytes": 1,
                              "created_at": 1, "filename": "f", "status": "processed"})  # fmt: skip
        if path == "/v1/chat/completions":  # asked at once, beside the jobs
            return self._say(openai_line(BatchState(), 0, "", json.loads(raw))["response"]["body"])
        if self.state.busy:
            self.state.busy -= 1
            error = {"error": {"type": "rate_limit_error", "message": "later"}}
            return self._say(error, 429, {"retry-after": "0.01"})
        job = self._created(path, json.loads(raw))
        self.state.jobs.append(job)
        if self.state.cut_after_create:
            self.state.cut_after_create -= 1
            self.close_connection = True
            return self.connection.close()
        return self._say(self._shown(path, job))

    def _created(self, path: str, body: dict[str, Any]) -> Job:
        id = f"job{len(self.state.jobs) + 1}"
        if path == "/v1/batches":
            content = self.state.files[body["input_file_id"]]
            rows = [json.loads(line) for line in content.splitlines()]
            assert {row["url"] for row in rows} == {body["endpoint"]}
            lines = {row["custom_id"]: row["body"] for row in rows}
            assert len(lines) == len(rows)
            return Job(f"batch_{id}", lines, body.get("metadata") or {}, body["input_file_id"])
        rows = body["requests"]
        assert all(len(row["custom_id"]) <= 64 and "stream" not in row["params"] for row in rows)
        return Job(f"msgbatch_{id}", {row["custom_id"]: row["params"] for row in rows})

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if not self._allowed():
            return
        if path.startswith("/v1/files/"):
            found = self.state.files.get(path.split("/")[3])
            return self._say(found) if found is not None else self._say({"error": {}}, 404)
        if path in ("/v1/batches", "/v1/messages/batches"):
            return self._listed(path, {k: v[0] for k, v in parse_qs(query).items()})
        root, last = path.rsplit("/", 1)
        job = self.state.job(root.rsplit("/", 1)[1] if last == "results" else last)
        if job is None:
            error = {"type": "error", "error": {"type": "not_found_error", "message": "no job"}}
            return self._say(error, 404)
        if last == "results":
            return self._say((job.output or "").encode())
        self._look(path, job)
        return self._say(self._shown(path, job))

    def _look(self, path: str, job: Job) -> None:
        """Each look at a job brings it nearer to its end."""
        job.polls += 1
        if job.polls > self.state.polls and job.output is None:
            self._finish(path, job)

    def _listed(self, path: str, query: dict[str, str]) -> None:
        """Newest first, two a page, so that paging is always walked."""
        kind = "msgbatch" if "messages" in path else "batch"
        jobs = [j for j in reversed(self.state.jobs) if j.id.startswith(f"{kind}_")]
        after = query.get("after") or query.get("after_id")
        start = [j.id for j in jobs].index(after) + 1 if after else 0
        page = jobs[start : start + 2]
        for job in page:
            self._look(path, job)
        self._say({
            "object": "list", "data": [self._shown(path, j) for j in page],
            "first_id": page[0].id if page else None, "last_id": page[-1].id if page else None,
            "has_more": start + 2 < len(jobs),
        })  # fmt: skip

    def _finish(self, path: str, job: Job) -> None:
        """Results in another order than the lines came in."""
        make = anthropic_line if "messages" in path else openai_line
        lines = [
            make(self.state, n, custom_id, body)
            for n, (custom_id, body) in enumerate(reversed(job.lines.items()))
            if not self.state.hit(self.state.silent, custom_id)
        ]
        if make is anthropic_line:
            job.output = "".join(json.dumps(line) + "\n" for line in lines)
            return
        good = [x for x in lines if (x["response"] or {}).get("status_code") == 200]
        bad = [x for x in lines if x not in good]
        if self.state.invalid:
            good, bad = [], []
        job.output = self.state.file("\n".join(map(json.dumps, good)).encode()) if good else ""
        job.errors = self.state.file("\n".join(map(json.dumps, bad)).encode()) if bad else None

    def _shown(self, path: str, job: Job) -> dict[str, Any]:
        ended = job.output is not None
        if job.id.startswith("msgbatch_"):
            number = len(job.lines)
            return {
                "id": job.id, "type": "message_batch", "created_at": when(job.created),
                "ended_at": when(job.created + TOOK_S) if ended else None,
                "processing_status": "ended" if ended else "in_progress",
                "request_counts": {"processing": 0 if ended else number, "errored": 0,
                                   "succeeded": number if ended else 0, "canceled": 0, "expired": 0},
                "results_url": f"{self.base}/v1/messages/batches/{job.id}/results"
                if ended and not self.state.archived else None,
            }  # fmt: skip
        good = len(self.state.files.get(job.output or "", b"").splitlines())
        status = "in_progress" if not ended else "expired" if self.state.expire else "completed"
        status = "failed" if ended and self.state.invalid else status
        why = {"object": "list", "data": [{"code": "invalid", "message": self.state.invalid}]}
        return {
            "id": job.id, "object": "batch", "endpoint": "/v1/chat/completions",
            "completion_window": "24h", "input_file_id": job.input_file, "status": status,
            "created_at": job.created, "metadata": job.metadata,
            "output_file_id": job.output or None, "error_file_id": job.errors,
            "errors": why if status == "failed" else None,
            f"{status}_at": job.created + TOOK_S if ended else None,
            "request_counts": {"total": len(job.lines), "completed": good,
                               "failed": len(job.lines) - good if ended else 0},
        }  # fmt: skip


def _part(parts: Any, name: str) -> bytes:
    for part in parts:
        if part.get_param("name", header="content-disposition") == name:
            return bytes(part.get_payload(decode=True))
    raise AssertionError(f"no {name} in the form")


@contextmanager
def batch_server(state: BatchState) -> Iterator[str]:
    """Its base address, without a path."""
    handler = type("Handler", (_Handler,), {"state": state})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    base = f"http://127.0.0.1:{server.server_address[1]}"
    handler.base = base  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield base
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
