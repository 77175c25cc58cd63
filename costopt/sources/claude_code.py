"""Claude Code's own logs: `~/.claude/projects/<folder>/<session>.jsonl`, subagents in folders beside.

```json
{"type": "assistant", "uuid": "a1", "parentUuid": "u1", "sessionId": "s1", "timestamp": "2026-01-05T09:00:03Z",
 "requestId": "req_1", "message": {"id": "msg_1", "model": "claude-sonnet-4-5", "content": [], "usage": {}}}
```

* One answer is written as one line a block, all with one `message.id`: they are one call, and the last line's
  counts are its counts (the first ones are partial). `requestId` may be missing and is not needed.
* Resumed and forked sessions repeat the lines of another file: the same call, once, and all shared calls stay
  with one of the sessions. A sidechain that replays its parent's answer loses against the parent's own.
* A request is the chain of `parentUuid` before the answer, results of parallel tools behind all their calls. The
  system prompt and the tool schemas are not logged. A chain that leaves the file leaves the request unknown.
* `<synthetic>` messages and API errors cost nothing and are no calls; every other kind of line is none either.
* Cache writes are split by lifetime where the log does; `costUSD` (up to 1.0.8) is the recorded cost.
* The stream of `claude -p --output-format stream-json` is read too; its `result` line is a sum, and not added.
* `agent` is `main` or `subagent`; `metadata.agent_id`, `git_branch`, `version` can be asked for.

Fields: real logs of 1.0.53 to 2.1.81, and the reader of ccusage 20
(https://github.com/ccusage/ccusage, `rust/crates/ccusage/src/adapter/claude`, checked 2026-11-24).
"""  # noqa: E501 - one line of a log is one line

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import xxhash

from costopt.model.call import (
    Call,
    Record,
    Rejected,
    Repeat,
    Segment,
    SegmentKind,
    Skipped,
    UsageContradiction,
    UsageState,
)
from costopt.model.identity import SEED
from costopt.sources._chain import Chain
from costopt.sources._heads import head_records
from costopt.sources.base import Confidence, Head, SourceFile
from costopt.sources.bodies import anthropic
from costopt.sources.bodies.amounts import money_text
from costopt.sources.bodies.build import call_of, shown
from costopt.sources.bodies.openai_chat import maker
from costopt.sources.bodies.parts import mapping, text, time_us
from costopt.sources.bodies.segments import content
from costopt.sources.lines import records, rejected

SYNTHETIC = "<synthetic>"
MAIN, SUBAGENT = "main", "subagent"
# A copy in a sidechain is ranked this far before any line of the conversation itself (31 years).
_SIDECHAIN_US = 10**15
# An answer does not take longer than Claude Code waits for it.
_LONGEST_ANSWER_US = 600 * 1_000_000


class ClaudeCode:
    """Session files of Claude Code."""

    name = "claude-code"
    title = "Claude Code session log"

    def sniff(self, head: Head) -> tuple[Confidence, str]:
        """By the ids of a line, or by the lines that open a file."""
        for record in head_records(head):
            record = mapping(record)
            kind = record.get("type")
            if "sessionId" in record and ("uuid" in record or "parentUuid" in record):
                return Confidence.SURE, "lines with sessionId, uuid and parentUuid"
            if (kind == "summary" and "leafUuid" in record) or kind == "file-history-snapshot":
                return Confidence.SURE, f"opens with a {kind} line"
            if _is_stream(record):
                return Confidence.SURE, "a stream of claude -p"
        return Confidence.NO, "no lines with sessionId, uuid and parentUuid"

    def read(self, file: SourceFile) -> Iterator[Record]:
        """Refused and skipped lines as they come, then one call an answer."""
        session = _File()
        with file.open() as stream:
            for line, value in records(stream):
                if isinstance(value, Rejected):
                    yield value
                elif not isinstance(value, dict):
                    yield rejected(line, f"a {type(value).__name__}, not an object", value)
                else:
                    yield from session.line(line, value)
        yield from session.end()


def _is_stream(record: Mapping[str, Any]) -> bool:
    """A line of `claude -p --output-format stream-json`."""
    kind = record.get("type")
    if "session_id" not in record or "id" in record:
        return False
    return kind == "assistant" or (kind in ("system", "result") and "subtype" in record)


@dataclass(slots=True)
class _Line:
    """One line of an answer."""

    number: int
    row: dict[str, Any]
    parent: str
    blocks: list[Segment]


@dataclass(slots=True)
class _Answer:
    """The lines of one `message.id` in one session, as they were found."""

    lines: list[_Line] = field(default_factory=list)

    def in_order(self) -> list[_Line]:
        """By time; lines of one instant by who names whom as parent, whatever the file's order."""
        lines = sorted(self.lines, key=lambda line: (_stamp(line.row), line.number))
        for _ in lines[:8]:  # an answer has a handful of lines; a hostile one does not get to sort
            for i, (a, b) in enumerate(zip(lines, lines[1:], strict=False)):
                if a.parent and a.parent == b.row.get("uuid") and _stamp(a.row) == _stamp(b.row):
                    lines[i], lines[i + 1] = b, a
        return lines


class _File:
    """One file: the tree of its lines, and its answers. They are read when the tree is whole."""

    def __init__(self) -> None:
        self.chain = Chain()
        self.answers: dict[str, _Answer] = {}

    def line(self, line: int, row: dict[str, Any]) -> Iterator[Record]:
        """Take one line; what is no line of an answer is settled at once."""
        kind = row.get("type")
        if kind == "user":
            self._user(row)
            yield Skipped(line, "user")
        elif kind == "assistant":
            yield from self._assistant(line, row)
        elif isinstance(kind, str) and kind:
            if row.get("uuid"):
                self.chain.add(row, [])
            yield Skipped(line, kind)
        else:
            yield rejected(line, "no type", row)

    def end(self) -> Iterator[Record]:
        """All calls, in the order of their times."""
        self.chain.name_results()
        found = [answer.in_order() for answer in self.answers.values()]
        self.answers.clear()
        for lines in sorted(found, key=lambda lines: _stamp(lines[0].row)):
            yield from self._answered(lines)

    def _user(self, row: dict[str, Any]) -> None:
        blocks: list[Segment] = []
        if not row.get("isVisibleInTranscriptOnly"):  # shown to the user, never sent
            said = mapping(row.get("message")).get("content")
            content(blocks, said, SegmentKind.USER, self.chain.names)
        self.chain.add(row, blocks)

    def _assistant(self, line: int, row: dict[str, Any]) -> Iterator[Record]:
        message = row.get("message")
        if not isinstance(message, dict):
            yield rejected(line, "an assistant line without its message", row)
            return
        if message.get("model") == SYNTHETIC or row.get("isApiErrorMessage") is True:
            self.chain.add(row, [])
            yield Skipped(line, "api error" if row.get("isApiErrorMessage") else "synthetic")
            return
        blocks: list[Segment] = []
        content(blocks, message.get("content"), SegmentKind.ASSISTANT, self.chain.names)
        message["content"] = None  # held as blocks from here on
        key = text(message.get("id")) or text(row.get("uuid")) or f"line {line}"
        parent = self.chain.parent_of(row)
        self.chain.add(row, blocks, key)
        group = f"{_session(row)}|{row.get('isSidechain') is True}|{key}"
        self.answers.setdefault(group, _Answer()).lines.append(_Line(line, row, parent, blocks))

    def _answered(self, lines: list[_Line]) -> Iterator[Record]:
        """The call of an answer, its counts from the last line that has them; the rest are repeats."""
        call: Call | None = None
        for line in reversed(lines):
            if call is not None and call.usage.state == UsageState.REPORTED:
                yield Repeat(line.number)
                continue
            try:
                said = anthropic.response(line.row["message"])
            except UsageContradiction as error:
                yield rejected(line.number, str(error), line.row)
                continue
            if call is not None:
                yield Repeat(line.number)
            if call is None or said.usage.state == UsageState.REPORTED:
                call = call_of(line.number, None, said)
        if call is not None:
            call.request = shown(self.chain.before(lines[0].parent))
            yield _finished(lines, call, self.chain.time_of(lines[0].parent))


def _session(row: dict[str, Any]) -> str:
    return text(row.get("sessionId")) or text(row.get("session_id"))


def _stamp(row: dict[str, Any]) -> str:
    """ISO times of one log sort as text."""
    return text(row.get("timestamp"))


def _finished(lines: list[_Line], call: Call, asked_us: int | None) -> Call:
    """The answer's call: counts of its last line, everything else of its first."""
    row, last = lines[0].row, lines[-1].row
    side = row.get("isSidechain") is True or bool(row.get("parent_tool_use_id"))
    call.source_line = lines[0].number
    call.id = call.id or text(row.get("uuid"))
    call.key = call.key or call.id
    call.session_id = _session(row)
    call.provider = _provider(call)
    call.agent = SUBAGENT if side else MAIN
    call.project = text(row.get("cwd"))
    call.recorded_usd = money_text(last["costUSD"]) if last.get("costUSD") else None
    call.response = _said(lines) or None
    call.metadata = _metadata(row)
    call.stream = True
    last_us = time_us(last.get("timestamp"))
    _add_times(call, asked_us, time_us(row.get("timestamp")), last_us)
    call.version_us = _version(call, last_us, side)
    return call


def _said(lines: list[_Line]) -> list[Segment]:
    """The blocks of an answer; a line may have been written again as it was."""
    said: list[Segment] = []
    for line in lines:
        if line.blocks != said[-len(line.blocks) :]:
            said += line.blocks
    return said


def _add_times(call: Call, asked: int | None, first: int | None, last: int | None) -> None:
    """Asked when the line before it was written, unless that was long ago; else when it began to answer."""
    call.at_us = first
    if asked is None or first is None or last is None:
        return
    if 0 <= first - asked <= _LONGEST_ANSWER_US:
        call.at_us = asked
        call.latency_ms = max(0, last - asked) / 1000


def _version(call: Call, last_us: int | None, side: bool) -> int | None:
    """Rank among copies. Times are whole milliseconds: the rest of one tells copies of equal time apart,
    first by whether the request is there, then by session: a conversation that two share stays whole.
    """
    if last_us is None:
        return None
    digest = xxhash.xxh3_64_intdigest(call.session_id.encode("utf-8", "surrogatepass"), seed=SEED)
    ranked = last_us - _SIDECHAIN_US if side else last_us
    rest = digest % 500 + (500 if call.request is not None else 0)
    return max(0, ranked // 1000 * 1000 + rest)


def _provider(call: Call) -> str:
    """Claude's own API, or what the message's id or the model's name tells instead."""
    if call.id.startswith("msg_bdrk_"):
        return "bedrock"
    if call.id.startswith("msg_vrtx_"):
        return "vertex"
    return "anthropic" if "claude" in call.model else maker(call.model)


_METADATA = (("gitBranch", "git_branch"), ("version", "version"), ("agentId", "agent_id"),
             ("entrypoint", "entrypoint"), ("slug", "slug"))  # fmt: skip


def _metadata(row: dict[str, Any]) -> dict[str, str]:
    return {name: value for key, name in _METADATA if (value := text(row.get(key)))}


SOURCE = ClaudeCode()
