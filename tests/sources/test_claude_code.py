"""Claude Code lines: one call an answer, requests along the chain, copies told apart."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from costopt.model.call import Call, Segment, SegmentKind
from tests.sources.reading import SAMPLES, Reading, read, totals

SESSION, RESUMED = (f"5e551017-0000-4000-8000-00000000000{n}" for n in (1, 2))


def sample() -> dict[str, Call]:
    return {c.id: c for c in read(SAMPLES / "claude-code").calls}


def shown(blocks: list[Segment] | None) -> str:
    """Blocks as `kind:text` in one line."""
    return " | ".join(f"{s.kind.name.lower()}:{s.text}" for s in blocks or ())


def row(kind: str, uuid: str, parent: str | None, **more: Any) -> dict[str, Any]:
    at = f"2026-01-05T09:00:{more.pop('at', 0):02d}.000Z"
    return {
        "type": kind,
        "uuid": uuid,
        "parentUuid": parent,
        "sessionId": "s",
        "timestamp": at,
        **more,
    }


def answer(uuid: str, parent: str | None, id: str, output: int = 5, **more: Any) -> dict[str, Any]:
    blocks = more.pop("blocks", [{"type": "text", "text": uuid}])
    usage = {"input_tokens": 1, "cache_read_input_tokens": 2, "output_tokens": output}
    message = {"id": id, "model": "claude-sonnet-4-5", "content": blocks, "usage": usage}
    return row("assistant", uuid, parent, message=message, **more)


def said(uuid: str, parent: str | None, words: object, **more: Any) -> dict[str, Any]:
    return row("user", uuid, parent, message={"role": "user", "content": words}, **more)


def reading(tmp_path: Path, *rows: dict[str, Any]) -> Reading:
    path = tmp_path / "s.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    return read(path)


def test_the_last_line_of_an_answer_counts_and_all_its_blocks_stay() -> None:
    call = sample()["msg_one"]
    assert call.usage.output_tokens == 180
    assert call.finish == "tool_use"
    assert [s.kind for s in call.response or ()] == [
        SegmentKind.REASONING, SegmentKind.TOOL_CALL, SegmentKind.TOOL_CALL,
    ]  # fmt: skip


def test_results_of_parallel_tools_stand_behind_their_calls() -> None:
    assert shown(sample()["msg_two"].request) == (
        "user:Which colour has the sky? | reasoning:Look it up. | "
        'tool_call:{"file":"sky.txt"} | tool_call:{"prompt":"Look again"} | '
        "tool_result:grey | tool_result:Blue."
    )
    results = [s for s in sample()["msg_two"].request or () if s.kind == SegmentKind.TOOL_RESULT]
    assert [s.name for s in results] == ["Read", "Task"]


def test_a_result_on_another_branch_was_sent_all_the_same(tmp_path: Path) -> None:
    use = [{"type": "tool_use", "id": f"t{n}", "name": "Read", "input": {}} for n in (1, 2)]
    result = [{"type": "tool_result", "tool_use_id": f"t{n}", "content": f"r{n}"} for n in (1, 2)]
    calls = reading(
        tmp_path,
        said("u", None, "go"),
        answer("a1", "u", "m1", blocks=[use[0]]),
        answer("a2", "a1", "m1", blocks=[use[1]]),
        said("r1", "a1", [result[0]]),
        said("r2", "a2", [result[1]]),
        answer("b", "r2", "m2"),
    ).calls
    assert shown(calls[1].request) == (
        "user:go | tool_call:{} | tool_call:{} | tool_result:r1 | tool_result:r2"
    )


def test_requests_share_their_blocks(tmp_path: Path) -> None:
    rows = [said("u0", None, "go")]
    for n in range(1, 200):
        rows += [answer(f"a{n}", f"u{n - 1}", f"m{n}"), said(f"u{n}", f"a{n}", f"more {n}")]
    calls = reading(tmp_path, *rows).calls
    for before, after in zip(calls, calls[1:], strict=False):
        old, new = before.request or [], after.request or []
        assert len(new) == len(old) + 2
        assert all(a is b for a, b in zip(old, new, strict=False))


def test_a_sidechain_is_a_subagent_and_its_replay_no_call() -> None:
    found = sample()
    assert (found["msg_side"].agent, found["msg_side"].session_id) == ("subagent", SESSION)
    assert found["msg_side"].metadata["agent_id"] == "ab12"
    assert found["msg_two"].agent == "main"
    assert shown(found["msg_side"].request) == "user:Look again"


def test_sessions_that_share_a_conversation_keep_it_whole() -> None:
    found = sample()
    shared = {found["msg_one"].session_id, found["msg_two"].session_id}
    assert len(shared) == 1
    assert found["msg_three"].session_id == RESUMED
    assert shown(found["msg_three"].request).endswith("assistant:Blue. | user:Be brief.")


def test_the_order_of_files_decides_nothing() -> None:
    files = [p for p in sorted((SAMPLES / "claude-code").iterdir()) if p.suffix == ".jsonl"]
    forward, backward = read(*files), read(*reversed(files))
    for a, b in zip(
        *(sorted(r.calls, key=lambda c: c.key) for r in (forward, backward)), strict=True
    ):
        assert (a.key, a.session_id, a.usage, a.agent) == (b.key, b.session_id, b.usage, b.agent)
        assert shown(a.request) == shown(b.request)


def told(found: Reading) -> list[tuple[object, ...]]:
    """All that a call says, its line aside."""
    rows = [(c.key, c.session_id, c.agent, c.at_us, c.version_us, c.usage.leaves, shown(c.request),
             shown(c.response), [s.name for s in c.request or ()]) for c in found.calls]  # fmt: skip
    return sorted(rows, key=lambda row: str(row[0]))


def test_the_order_of_lines_decides_nothing(tmp_path: Path) -> None:
    """Nor does it matter whether the sessions lie in one file or in three."""
    files = [p for p in sorted((SAMPLES / "claude-code").iterdir()) if p.suffix == ".jsonl"]
    lines = [line for path in files for line in path.read_text().splitlines()]
    kept = [line for line in lines if line.endswith("}")]
    straight = told(read(*files))
    for seed in range(5):
        random.Random(seed).shuffle(kept)
        path = tmp_path / f"{seed}.jsonl"
        path.write_text("\n".join(kept) + "\n")
        assert told(read(path)) == straight


def test_an_answer_split_over_two_files_is_one_call(tmp_path: Path) -> None:
    lines = (SAMPLES / "claude-code" / f"{SESSION}.jsonl").read_text().splitlines()
    for place, part in enumerate((lines[:4], lines[4:])):
        (tmp_path / f"{place}.jsonl").write_text("\n".join(part) + "\n")
    found = {c.id: c.usage.output_tokens for c in read(tmp_path).calls}
    assert found == {"msg_one": 180, "msg_two": 12}


def test_a_chain_that_leaves_the_file_leaves_the_request_unknown(tmp_path: Path) -> None:
    calls = reading(tmp_path, said("u", "elsewhere", "go"), answer("a", "u", "m")).calls
    assert calls[0].request is None


def test_a_circle_of_parents_ends(tmp_path: Path) -> None:
    calls = reading(tmp_path, said("u", "v", "x"), said("v", "u", "y"), answer("a", "v", "m")).calls
    assert calls[0].request is None


def test_compaction_starts_a_new_request(tmp_path: Path) -> None:
    calls = reading(
        tmp_path,
        said("u", None, "go"),
        answer("a", "u", "m1"),
        row("system", "b", None, subtype="compact_boundary", logicalParentUuid="a"),
        said("c", "b", "the story so far", isCompactSummary=True),
        answer("d", "c", "m2"),
    ).calls
    assert shown(calls[1].request) == "user:the story so far"


def test_a_request_starts_when_its_last_message_was_written(tmp_path: Path) -> None:
    calls = reading(tmp_path, said("u", None, "go", at=1), answer("a", "u", "m", at=5)).calls
    assert calls[0].at_us is not None
    assert calls[0].at_us % 60_000_000 == 1_000_000
    assert calls[0].latency_ms == 4000.0


def test_without_request_id_or_message_id(tmp_path: Path) -> None:
    """Some gateways drop the request id; without a message id the line's own id is all there is."""
    nameless = answer("a", None, "")
    del nameless["message"]["id"]
    found = reading(tmp_path, nameless, nameless, answer("b", None, "m"), answer("b", None, "m"))
    assert totals(found)["calls"] == 2
    assert totals(found)["duplicates"] == 2


def test_a_refused_last_line_leaves_the_answer_its_earlier_counts(tmp_path: Path) -> None:
    broken = answer("a2", "a1", "m", output=-1)
    found = totals(reading(tmp_path, answer("a1", None, "m", output=3), broken))
    assert found == {"calls": 1, "rejected": 1, "input": 3, "cached": 2, "output": 3}


def test_other_models_behind_a_gateway_are_not_anthropics(tmp_path: Path) -> None:
    row = answer("a", None, "m")
    row["message"]["model"] = "glm-4.6"
    bedrock = answer("b", None, "msg_bdrk_1")
    calls = reading(tmp_path, row, bedrock).calls
    assert [c.provider for c in calls] == ["", "bedrock"]


def test_the_stream_of_a_headless_run(tmp_path: Path) -> None:
    """`claude -p --output-format stream-json`: no parents, no times, and a sum at the end."""
    usage = {"input_tokens": 5, "output_tokens": 7}
    message = {"id": "m1", "model": "claude-sonnet-4-5", "usage": usage, "content": []}
    rows: list[dict[str, Any]] = [
        {"type": "system", "subtype": "init", "session_id": "s", "tools": [], "uuid": "i"},
        {"type": "user", "session_id": "s", "uuid": "u", "message": {"role": "user", "content": "go"}},
        {"type": "assistant", "session_id": "s", "uuid": "a", "parent_tool_use_id": None,
         "message": message},
        {"type": "result", "subtype": "success", "session_id": "s", "total_cost_usd": 1.0,
         "usage": {"input_tokens": 500, "output_tokens": 700}, "uuid": "z"},
    ]  # fmt: skip
    found = reading(tmp_path, *rows)
    assert totals(found) == {"calls": 1, "skipped": 3, "input": 5, "output": 7}
    assert shown(found.calls[0].request) == "user:go"
