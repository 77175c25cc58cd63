"""The lines of a Claude Code file as a tree, and what stood before one of them in wire order."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

from costopt.model.call import Segment, SegmentKind
from costopt.sources.bodies.parts import text, time_us
from costopt.sources.bodies.segments import Names

# Requests remembered to extend: as many conversations may take turns in one file.
MAX_BUILT = 64


class Node:
    """One line: its parent, its blocks, and the answer it belongs to (empty: none)."""

    __slots__ = ("at", "blocks", "message", "parent")

    def __init__(self, parent: str, blocks: list[Segment], message: str, at: object) -> None:
        self.parent, self.blocks, self.message, self.at = parent, blocks, message, at


class Chain:
    """All lines of a file. Blocks are made once: every request that resends one holds the same object."""

    def __init__(self) -> None:
        self.names: Names = {}
        self._nodes: dict[str, Node] = {}
        self._results: dict[str, list[Segment]] = {}
        self._built: OrderedDict[str, list[Segment] | None] = OrderedDict()
        self._last: dict[str, str] = {}

    def add(self, row: dict[str, Any], blocks: list[Segment], message: str = "") -> None:
        """Put a line into the tree. A line without an id can have no children."""
        id = text(row.get("uuid"))
        if not id:
            return
        self._nodes[id] = Node(self.parent_of(row), blocks, message, row.get("timestamp"))
        if "parentUuid" not in row:
            self._last[_thread(row)] = id
        for block in blocks:
            if block.kind == SegmentKind.TOOL_RESULT and block.call_id:
                self._results[block.call_id] = _result_of(blocks, block)

    def parent_of(self, row: dict[str, Any]) -> str:
        """The line before; where lines name none (`claude -p`), the last of the same thread."""
        if "parentUuid" in row:
            return text(row["parentUuid"])
        return self._last.get(_thread(row), "")

    def name_results(self) -> None:
        """Names of tools whose call was written behind its result."""
        for call_id, blocks in self._results.items():
            blocks[0].name = blocks[0].name or self.names.get(call_id, "")

    def time_of(self, id: str) -> int | None:
        """When a line was written; of an answer's line and of unknown ones None."""
        node = self._nodes.get(id)
        return time_us(node.at) if node is not None and not node.message else None

    def before(self, id: str) -> list[Segment] | None:
        """Blocks of the chain that ends with line `id`; None where it leaves the file, or is empty."""
        if not id:
            return None
        if id not in self._built:
            self._built[id] = self._walked(id) or None
            if len(self._built) > MAX_BUILT:
                self._built.popitem(last=False)
        self._built.move_to_end(id)
        return self._built[id]

    def _walked(self, id: str) -> list[Segment] | None:
        """Up to the root, or to where an earlier request was built."""
        path: list[Node] = []
        at = id
        while at and at not in self._built:
            node = self._nodes.get(at)
            if node is None or len(path) > len(self._nodes):  # outside the file, or a circle
                return None
            path.append(node)
            at = node.parent
        base = self._built.get(at) if at else []
        return None if base is None else [*base, *self._in_wire_order(reversed(path))]

    def _in_wire_order(self, path: Iterable[Node]) -> list[Segment]:
        """An answer's blocks together, then what came back: lines mix them where tools run in parallel."""
        out: list[Segment] = []
        answer: list[Segment] = []
        tail: list[Segment] = []
        message = ""
        for node in path:
            if node.message and node.message != message:
                out += self._closed(answer, tail)
                answer, tail, message = [], [], node.message
            (answer if node.message else tail).extend(node.blocks)
        return out + self._closed(answer, tail)

    def _closed(self, answer: list[Segment], tail: list[Segment]) -> list[Segment]:
        """Results that hang on another branch of the tree were sent all the same."""
        asked = [s.call_id for s in answer if s.kind == SegmentKind.TOOL_CALL and s.call_id]
        there = {s.call_id for s in tail if s.kind == SegmentKind.TOOL_RESULT}
        missing = [s for c in asked if c not in there for s in self._results.get(c, ())]
        return [*answer, *missing, *tail]


def _result_of(blocks: list[Segment], first: Segment) -> list[Segment]:
    """A tool's result and the pictures in it: up to the next result or text."""
    start = next(i for i, s in enumerate(blocks) if s is first)
    end = start + 1
    while end < len(blocks) and blocks[end].digest:
        end += 1
    return blocks[start:end]


def _thread(row: dict[str, Any]) -> str:
    return f"{text(row.get('session_id'))}|{text(row.get('parent_tool_use_id'))}"
