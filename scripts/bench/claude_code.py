"""A folder of Claude Code sessions of any size, with everything that makes readers disagree.

Answers over several lines with partial counts, parallel tools, thinking, subagents in files of their own,
resumed sessions that repeat another file, both cache lifetimes, API errors. Every answer has its request
id: without one ccusage 20.0.24 counts each line of an answer, and the totals would differ for that alone.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.generate import words

MODELS = ("claude-sonnet-4-20250514", "claude-opus-4-20250514")
SMALL_MODEL = "claude-3-5-haiku-20241022"
TURNS = 60
RESUMED_ONE_IN = 8
SUBAGENT_ONE_IN = 3
ERROR_ONE_IN = 40
Row = dict[str, Any]


def claude_code(folder: Path, total_bytes: int, seed: int = 1) -> int:
    """Write sessions below `folder/projects` until `total_bytes` are reached; returns the bytes."""
    rng = random.Random(seed)
    project = folder / "projects" / "-home-u-app"
    project.mkdir(parents=True, exist_ok=True)
    written = number = 0
    while written < total_bytes:
        for path, rows in _files(rng, project, number):
            path.parent.mkdir(parents=True, exist_ok=True)
            # Compact, as Claude Code writes: ccusage looks for the bytes `"usage":{` before it parses.
            path.write_text("".join(json.dumps(r, separators=(",", ":")) + "\n" for r in rows))
            written += path.stat().st_size
        number += 1
    return written


def _files(rng: random.Random, project: Path, number: int) -> Iterator[tuple[Path, list[Row]]]:
    """A session, sometimes its subagent, sometimes a second session that goes on from it."""
    first = _Session(rng, f"{number:08d}-0000-4000-8000-000000000000", number)
    for _ in range(TURNS):
        first.turn()
    yield project / f"{first.id}.jsonl", first.rows
    if rng.randrange(SUBAGENT_ONE_IN) == 0:
        agent = _Session(rng, first.id, number, agent=f"{number:04x}")
        for _ in range(TURNS // 6):
            agent.turn()
        yield project / first.id / "subagents" / f"agent-{agent.agent}.jsonl", agent.rows
    if rng.randrange(RESUMED_ONE_IN) == 0:
        id = f"{number:08d}-1111-4000-8000-000000000000"
        again = _Session(rng, id, number, rows=[{**r, "sessionId": id} for r in first.rows])
        again.parent, again.turns, again.cached = first.parent, first.turns, first.cached
        for _ in range(TURNS // 4):
            again.turn()
        yield project / f"{id}.jsonl", again.rows


@dataclass
class _Session:
    """One conversation as it is written down."""

    rng: random.Random
    id: str
    number: int
    agent: str = ""
    rows: list[Row] = field(default_factory=list)
    parent: str | None = None
    turns: int = 0
    cached: int = 12_000
    tools: list[str] = field(default_factory=list)

    def turn(self) -> None:
        """What the user or the tools say, then one answer over two to four lines."""
        results = [{"type": "tool_result", "tool_use_id": t, "content": words(self.rng, 2500)}
                   for t in self.tools]  # fmt: skip
        self._add("user", message={"role": "user", "content": results or words(self.rng, 300)})
        if self.rng.randrange(ERROR_ONE_IN) == 0:
            self._error()
        self._answer()
        self.turns += 1

    def _answer(self) -> None:
        blocks = self._blocks()
        made, output = self.rng.randrange(300, 1500), self.rng.randrange(40, 900)
        long = made // 2 if self.number % 2 else 0
        model = SMALL_MODEL if self.agent else MODELS[self.number % len(MODELS)]
        name = f"{self.id}_{self.agent}_{self.turns}"
        for place, block in enumerate(blocks, 1):
            last = place == len(blocks)
            usage = {
                "input_tokens": 4, "cache_creation_input_tokens": made,
                "cache_read_input_tokens": self.cached, "output_tokens": output if last else 3,
                "cache_creation": {"ephemeral_5m_input_tokens": made - long,
                                   "ephemeral_1h_input_tokens": long},
                "service_tier": "standard",
            }  # fmt: skip
            message = {
                "id": f"msg_{name}", "type": "message", "role": "assistant", "model": model,
                "content": [block], "usage": usage, "stop_reason": "end_turn" if last else None,
            }  # fmt: skip
            self._add("assistant", message=message, requestId=f"req_{name}")
        self.cached += made

    def _blocks(self) -> list[Row]:
        found: list[Row] = [{"type": "text", "text": words(self.rng, 400)}]
        if self.rng.randrange(4) == 0:
            found.insert(
                0, {"type": "thinking", "thinking": words(self.rng, 600), "signature": "s"}
            )
        self.tools = [f"toolu_{self.id}_{self.turns}_{n}" for n in range(self.rng.randrange(3))]
        for tool in self.tools:
            given = {"command": words(self.rng, 80)}
            found.append({"type": "tool_use", "id": tool, "name": "Bash", "input": given})
        return found

    def _error(self) -> None:
        """What Claude Code writes when the API refused; no call, and all counts zero."""
        usage = {"input_tokens": 0, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
                 "output_tokens": 0}  # fmt: skip
        message = {"id": f"err_{self.id}_{self.turns}", "type": "message", "role": "assistant",
                   "model": "<synthetic>", "usage": usage,
                   "content": [{"type": "text", "text": "API Error: 529"}]}  # fmt: skip
        self._add("assistant", message=message, isApiErrorMessage=True)

    def _add(self, kind: str, **more: Any) -> None:
        place = len(self.rows)
        uuid = f"{self.id}-{self.agent}-{place}"
        day, second = 1 + self.number % 28, place * 5
        clock = f"{8 + second // 3600 % 12:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
        row = {
            "parentUuid": self.parent, "isSidechain": bool(self.agent), "userType": "external",
            "cwd": "/home/u/app", "sessionId": self.id, "version": "2.0.30", "gitBranch": "main",
            "type": kind, "uuid": uuid, "timestamp": f"2025-09-{day:02d}T{clock}.000Z",
        }  # fmt: skip
        if self.agent:
            row["agentId"] = self.agent
        self.rows.append({**row, **more})
        self.parent = uuid
