"""A pair of answers to one call, and what every test of it looks like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from costopt.layers.parts.answer_forms import Basis, Form, form_of
from costopt.model.call import SegmentKind
from costopt.model.exchange import Block
from costopt.replay.items import Item

CACHED = "cached"


@dataclass(frozen=True)
class Said:
    """One answer as its caller gets it: without the reasoning, which is not handed on."""

    blocks: tuple[Block, ...]

    @cached_property
    def seen(self) -> tuple[Block, ...]:
        return tuple(b for b in self.blocks if b.kind != SegmentKind.REASONING)

    @cached_property
    def form(self) -> Form:
        """How it is compared: tool calls, JSON, else text; the rule that logged answers are held to."""
        kinds, names = [b.kind for b in self.seen], [b.name for b in self.seen]
        found = form_of(kinds, names, [b.text for b in self.seen])
        assert found is not None  # only where a text is missing, and a block has one
        return found

    @property
    def calls_tools(self) -> bool:
        return self.form.basis == Basis.TOOL

    @property
    def is_json(self) -> bool:
        return self.form.basis == Basis.JSON

    @cached_property
    def text(self) -> str:
        """As a reader would see it, tool calls by name and arguments."""
        return "\n".join(_line(block) for block in self.seen)

    @cached_property
    def words(self) -> str:
        """The text with its white space evened out; ids of tool calls are not in it."""
        return " ".join(self.text.split())


def _line(block: Block) -> str:
    if block.kind != SegmentKind.TOOL_CALL:
        return block.text
    return f"{block.name}({block.text})"


@dataclass(frozen=True)
class Pair:
    """An answer beside its reference."""

    item: Item
    reference: Said
    answer: Said
    role: str = ""
    """`CACHED`: the answer is the one that a cache would have given, the reference the fresh one."""

    @property
    def id(self) -> str:
        """The planned request's, and the pair's role: a fresh answer may stand in two pairs."""
        return self.item.id + self.role


class AnswerTest(Protocol):
    """One way to tell whether two answers agree."""

    @property
    def name(self) -> str: ...

    def same(self, pairs: Sequence[Pair]) -> list[bool | None]:
        """[pair]; None: it does not fit the pair, or nothing is known."""
        ...
