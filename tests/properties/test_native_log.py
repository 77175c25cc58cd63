"""Every way the native log may be written, through the whole audit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.properties.auditing import audited

T = "2026-05-01T10:00:00.000Z"
COUNTS = {"prompt_tokens": 2000, "completion_tokens": 100}
USAGE = COUNTS | {"prompt_tokens_details": {"cached_tokens": 1024}}
ANSWER = {
    "id": "chatcmpl-abcdefghijkl", "model": "gpt-4o-2024-11-20", "usage": USAGE,
    "choices": [{"message": {"role": "assistant", "content": "Hi."}, "finish_reason": "stop"}],
}  # fmt: skip
ASKED = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello, who are you?"}]}
CLAUDE = {
    "id": "msg_01", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5-20250929",
    "content": [], "stop_reason": "end_turn", "usage": {"input_tokens": 1000, "output_tokens": 0},
}  # fmt: skip
CONVERSE = {"output": {"message": {"role": "assistant", "content": []}},
            "usage": {"inputTokens": 1000, "outputTokens": 0}}  # fmt: skip
GEMINI = {"candidates": [], "usageMetadata": {"promptTokenCount": 1000, "totalTokenCount": 1000}}
EMBEDDED = {"object": "list", "data": [{"embedding": [0.1]}], "model": "text-embedding-3-small",
            "usage": {"prompt_tokens": 1000, "total_tokens": 1000}}  # fmt: skip
# 976 x $2.50 + 1,024 x $1.25 + 100 x $10 a million tokens.
USD = 976 * 2_500_000 + 1024 * 1_250_000 + 100 * 10_000_000
SPAN = "openinference.span.kind"
OWN = {"id": "c1", "session_id": "s1", "timestamp": T, "agent": "a"}
MODEL_ID = "anthropic.claude-sonnet-4-5-20250929-v1:0"
LONE = {"timestamp": T, "response": {"model": "gpt-4o", "usage": USAGE}}

CASES: list[tuple[str, list[dict[str, Any]], int]] = [
    ("all", [{**OWN, "request": ASKED, "response": ANSWER, "error": None, "cost_usd": 0.1}], USD),
    ("a response and the log's fields", [{**OWN, "cost_usd": 0.1, "response": ANSWER}], USD),
    ("a response alone", [{"response": ANSWER}], USD),
    ("a model and its usage alone", [LONE], USD),
    ("no request", [{"request": None, "response": ANSWER}], USD),
    ("a bare response", [ANSWER], USD),
    ("a request without words", [{"request": {"model": "gpt-4o"}, "response": {"usage": USAGE}}], USD),
    ("the model on the record", [{**OWN, "model": "gpt-4o", "response": {"usage": USAGE}}], USD),
    ("unknown fields", [{**OWN, "type": "llm", "x": {"y": [1]}, "response": ANSWER}], USD),
    ("ids as numbers", [{**OWN, "id": 17, "session_id": 4, "response": {**ANSWER, "id": 5}}], USD),
    ("time as a number", [{**OWN, "timestamp": 1777629600, "response": ANSWER}], USD),
    ("an agent above", [{**OWN, "kind": "agent", "response": ANSWER}, {"response": ANSWER}], USD),
    ("a chain", [{**OWN, "metadata": {SPAN: "CHAIN"}}, {**OWN, "response": ANSWER}], USD),
    ("a nested kind", [{**OWN, "metadata": {"openinference": {"span": {"kind": "CHAIN"}}}},
                       {**OWN, "response": ANSWER}], USD),
    ("own cache", [{**OWN, "request": ASKED, "response": ANSWER, "cache_hit": True}], 0),
    ("a failure in words", [{**OWN, "request": ASKED, "error": "boom"}], 0),
    ("flex served", [{**OWN, "service_tier": "priority", "response": {
        **ANSWER, "usage": {**USAGE, "service_tier": "flex"}}}], USD // 2),
    ("Converse", [{**OWN, "request": {"model": f"us.{MODEL_ID}"}, "response": CONVERSE}], 3_300_000_000),
    ("Converse modelId", [{**OWN, "request": {"modelId": f"global.{MODEL_ID}"}, "response": CONVERSE}],
     3_000_000_000),
    ("InvokeModel", [{**OWN, "request": {"model": f"us.{MODEL_ID}"}, "response": CLAUDE}], 3_300_000_000),
    ("Anthropic", [{**OWN, "response": CLAUDE}], 3_000_000_000),
    ("Gemini", [{**OWN, "request": {"model": "gemini-2.5-flash"}, "response": GEMINI}], 300_000_000),
    ("embeddings", [{**OWN, "request": {"model": "e", "input": "x"}, "response": EMBEDDED}], 20_000_000),
    ("bare embeddings", [EMBEDDED], 20_000_000),
]  # fmt: skip


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize(("rows", "usd"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_a_way_to_write_a_call(rows: list[dict[str, Any]], usd: int, tmp_path: Path) -> None:
    with audited(written(tmp_path / "calls.jsonl", rows)) as done:
        (file,) = done.result.trace.files
        assert (file.format, file.accepted, file.rejected) == ("costopt-jsonl", 1, 0)
        assert done.context.bill.total_pusd == usd
        assert done.result.bill.unpriced_calls + done.result.bill.missing_usage_calls == 0


def test_words_without_counts_are_counted_or_missing_and_never_free(tmp_path: Path) -> None:
    silent = {k: v for k, v in ANSWER.items() if k != "usage"}
    for response, state in ((silent, (1, 0)), ("Hi.", (1, 0)), (None, (0, 1))):
        rows = [{**OWN, "request": ASKED, "response": response}]
        with audited(written(tmp_path / "calls.jsonl", rows)) as done:
            bill = done.result.bill
            assert (bill.estimated_calls, bill.missing_usage_calls) == state


def _bytes() -> list[tuple[str, bytes, int, list[int]]]:
    rows = [
        {**OWN, "id": f"c{i}", "response": {**ANSWER, "id": f"chatcmpl-{i:012d}"}} for i in range(3)
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows).encode()
    return [
        ("crlf", text.replace(b"\n", b"\r\n"), 3, []),
        ("byte order mark", b"\xef\xbb\xbf" + text, 3, []),
        ("UTF-16", text.decode().encode("utf-16"), 3, []),
        ("blank lines", b"\n\n" + text.replace(b"\n", b"\n \n"), 3, []),
        ("a cut last line", text + text[:90], 3, [4]),
        ("a cut last line behind blank ones", b"\n" + text + b"\n" + text[:90], 3, [6]),
        ("a cut first line", text[40:], 2, [1]),
        ("a heading", b"# calls\n" + text, 3, [1]),
        ("damage in the middle", text.replace(b"\n", b"\nnot JSON\n", 1), 3, [2]),
        ("an array", json.dumps(rows, indent=1).encode(), 3, []),
        (
            "objects over many lines",
            b"\n".join(json.dumps(r, indent=1).encode() for r in rows),
            3,
            [],
        ),
    ]


@pytest.mark.parametrize(("data", "calls", "refused"), [b[1:] for b in _bytes()],
                         ids=[b[0] for b in _bytes()])  # fmt: skip
def test_a_way_to_lay_out_a_file(
    data: bytes, calls: int, refused: list[int], tmp_path: Path
) -> None:
    (tmp_path / "calls.jsonl").write_bytes(data)
    with audited(tmp_path / "calls.jsonl") as done:
        assert done.context.bill.total_pusd == calls * USD
        found = done.reading.store.rejections(done.reading.dataset)
        assert [row.line for row in found] == refused
