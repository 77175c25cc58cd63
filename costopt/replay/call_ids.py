"""Ids of tool calls, written anew: logs give other ones each run, and the ledger keeps none.

An id is made of the call's name, its arguments, and how many equal calls stand before it in the request.
So a conversation that grows keeps its prefix byte for byte, and one whose front was cut keeps the ids of
calls that are not repeated. Nine letters and digits, which every provider takes (Mistral demands just that:
https://docs.mistral.ai/capabilities/function_calling, checked 2026-11-25).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from costopt.model.call import SegmentKind
from costopt.model.exchange import Block

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LENGTH = 9


def with_ids(blocks: Sequence[Block]) -> tuple[Block, ...] | None:
    """The blocks, each result tied to its call; None: a result without a call, or a call without one.

    A result belongs to the first open call of its name, else to the first open one.
    """
    seen: dict[tuple[str, str], int] = {}
    waiting: list[Block] = []
    out: list[Block] = []
    for block in blocks:
        if block.kind == SegmentKind.TOOL_CALL:
            content = block.name, block.text
            seen[content] = seen.get(content, 0) + 1
            block = replace(block, call_id=call_id(*content, seen[content]))
            waiting.append(block)
        elif block.kind == SegmentKind.TOOL_RESULT:
            if not waiting:
                return None
            named = (i for i, call in enumerate(waiting) if call.name == block.name)
            block = replace(block, call_id=waiting.pop(next(named, 0)).call_id)
        out.append(block)
    return None if waiting else tuple(out)


def call_id(name: str, arguments: str, occurrence: int) -> str:
    """Of the `occurrence`-th equal call of a request, from 1."""
    raw = f"{name}\0{arguments}\0{occurrence}".encode("utf-8", "surrogatepass")
    number = int.from_bytes(hashlib.blake2b(raw, digest_size=8).digest(), "big")
    letters = []
    for _ in range(_LENGTH):
        number, digit = divmod(number, len(_DIGITS))
        letters.append(_DIGITS[digit])
    return "".join(letters)
