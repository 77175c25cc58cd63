"""Blocks to turns: what one side says without the other in between is one message.

Logs keep blocks, not messages: where a log had two messages of one role in a row, one is sent. Providers
join them as well (Anthropic), or count a few tokens less for the missing seam.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

import orjson

from costopt.model.call import Breakpoint, SegmentKind
from costopt.model.exchange import Block

_S = SegmentKind
TOOL, USER, ASSISTANT, SYSTEM = "tool", "user", "assistant", "system"
_ROLES = {
    _S.SYSTEM: SYSTEM, _S.USER: USER, _S.IMAGE: USER, _S.FILE: USER, _S.BLOCK: USER,
    _S.ASSISTANT: ASSISTANT, _S.TOOL_CALL: ASSISTANT, _S.REASONING: ASSISTANT, _S.TOOL_RESULT: TOOL,
}  # fmt: skip


def role_of(block: Block) -> str:
    """Who says it; empty for a tool's schema, which nobody says."""
    return _ROLES.get(block.kind, "")


def turns(
    blocks: Iterable[Block], *, results_are_users: bool = False
) -> Iterator[tuple[str, list[Block]]]:
    """(role, blocks) in order; tool schemas are passed over. Results come first behind their calls.

    `results_are_users`: results of tools and the user's words are one turn (Anthropic).
    """

    def role(block: Block) -> str:
        found = role_of(block)
        return USER if results_are_users and found == TOOL else found

    for who, run in groupby(_results_first(blocks), role):
        yield who, list(run)


def _results_first(blocks: Iterable[Block]) -> Iterator[Block]:
    """APIs demand results right behind the calls; some logs have words of the user's in between."""
    said = (b for b in blocks if b.kind != _S.TOOLS)
    for own, run in groupby(said, lambda b: role_of(b) == ASSISTANT):
        side = list(run)
        if not own:
            side.sort(key=lambda b: b.kind != _S.TOOL_RESULT)
        yield from side


def marked(part: dict[str, Any], block: Block) -> dict[str, Any]:
    """The part with the block's cache mark."""
    if block.breakpoint == Breakpoint.NONE:
        return part
    mark = {"type": "ephemeral"}
    if block.breakpoint == Breakpoint.TTL_1H:
        mark["ttl"] = "1h"
    return {**part, "cache_control": mark}


def parsed(text: str) -> Any:
    """The value of JSON text; None where it is none."""
    try:
        return orjson.loads(text)
    except ValueError:
        return None
