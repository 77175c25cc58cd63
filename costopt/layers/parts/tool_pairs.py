"""Tool calls with their results inside requests, which of them repeat an earlier one, and what tools do.

A log's requests tie results to calls by ids that differ from run to run, so they are no part of the
content: the n-th call of a request belongs to its n-th result. Requests where that cannot be are left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase

import numpy as np
from numpy.typing import NDArray

from costopt.billing.segment_counts import chunks
from costopt.layers.base import Artifacts
from costopt.layers.parts.turns import ANSWER
from costopt.model.call import SegmentKind
from costopt.model.view import View

Int = NDArray[np.int64]
Bool = NDArray[np.bool_]
BATCH = 5_000
"""Texts held at a time."""
_SPACE = re.compile(r"\s+")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_READING = frozenset((
    "calculate", "check", "count", "describe", "fetch", "find", "get", "glob", "grep", "inspect",
    "list", "look", "lookup", "ls", "read", "retrieve", "search", "show", "view",
))  # fmt: skip
_CHANGING = frozenset((
    "add", "append", "apply", "book", "cancel", "clear", "commit", "create", "delete", "do", "drop",
    "edit", "execute", "insert", "modify", "move", "pay", "post", "push", "put", "refund", "remove",
    "rename", "replace", "reset", "run", "save", "send", "set", "submit", "update", "upsert",
    "write",
))  # fmt: skip


def only_reads(tool: str, named: Iterable[str] = ()) -> bool:
    """By the given patterns; without any, by its name: it opens with a reading verb and has no changing one.

    `get_order`, `readFile`, `mcp__files__list_folder` read; `search_replace`, `bash`, `query` may change.
    """
    patterns = tuple(named)
    if patterns:
        return any(fnmatchcase(tool, p) for p in patterns)
    own = re.split(r"__|[./:]", tool)[-1]
    words = [w.lower() for w in _WORDS.findall(own)]
    return bool(words) and words[0] in _READING and _CHANGING.isdisjoint(words)


@dataclass(frozen=True, slots=True)
class Repeats:
    """Reading calls that stood in the same request before. Every array is [repeat], in request order."""

    call_use: Int
    result_use: Int
    root_use: Int
    """The result that stands for it: of the first of the calls between which nothing changed."""
    call: Int
    """The request."""
    quiet: Bool
    """Nothing that may change anything was called since; the others may have a new result."""
    enters: Bool
    """No answer stands behind the result: it is in a request for the first time."""


def same_arguments(view: View, reads: Bool, artifacts: Artifacts) -> Int:  # [segment]
    """A code for each call of a reading tool, equal for equal name and arguments; -1: none such.

    `reads`: [name]. Arguments are compared without order of keys and white space where the log has
    text, else byte for byte.
    """
    table = view.segments
    wanted = (table.kind == SegmentKind.TOOL_CALL) & reads[table.name.codes]
    code = np.where(wanted, np.arange(len(table)), -1)
    shown = np.flatnonzero(wanted & table.has_text).astype(np.int32)
    texts = artifacts.texts(view)
    first: dict[tuple[int, str], int] = {}
    for begin in range(0, len(shown), BATCH):
        part = shown[begin : begin + BATCH]
        for segment, text in zip(part.tolist(), texts.get(part), strict=True):
            if text is not None:
                key = int(table.name.codes[segment]), normal_arguments(text)
                code[segment] = first.setdefault(key, segment)
    return code


def normal_arguments(text: str) -> str:
    """Arguments without what does not matter: order of keys, white space around values."""
    try:
        return json.dumps(json.loads(text), sort_keys=True)
    except (ValueError, RecursionError):
        return _SPACE.sub(" ", text).strip()


def repeats(view: View, same: Int, reads: Bool, *, across_users: bool) -> Repeats:
    """All repeats, a chunk of requests at a time. `same`: [segment], `reads`: [name]."""
    parts = [_of_chunk(view, same, reads, across_users, *ends) for ends in chunks(view.request)]
    none = np.zeros(0, np.int64)
    empty = Repeats(none, none, none, none, none > 0, none > 0)
    return Repeats(
        *(np.concatenate([getattr(p, f.name) for p in (empty, *parts)]) for f in fields(Repeats))
    )


def plain_repeats(
    kinds: list[int], codes: list[int], reads: list[bool], across_users: bool
) -> list[tuple[int, int, int, bool, bool]]:
    """Of one request: (call, result, root, quiet, enters) as places in it; the specification of `repeats`.

    `codes`: of each use, -1 for what is no call of a reading tool. `reads`: of each call, in order.
    """
    asked = [i for i, k in enumerate(kinds) if k == SegmentKind.TOOL_CALL]
    got = [i for i, k in enumerate(kinds) if k == SegmentKind.TOOL_RESULT]
    if len(got) > len(asked) or any(r < c for c, r in zip(asked, got, strict=False)):
        return []
    answers = [i for i, k in enumerate(kinds) if k in ANSWER]
    out: list[tuple[int, int, int, bool, bool]] = []
    seen: dict[int, tuple[int, int, int]] = {}
    for (n, call), result in zip(enumerate(asked), got, strict=False):
        if codes[call] < 0:
            continue
        quiet, root = False, result
        if codes[call] in seen:
            before, at, root_before = seen[codes[call]]
            users = any(k == SegmentKind.USER for k in kinds[at:call])
            quiet = all(reads[before:n]) and (across_users or not users)
            root = root_before if quiet else result
            out.append((call, result, root, quiet, result > answers[-1]))
        seen[codes[call]] = n, call, root
    return out


def _of_chunk(
    view: View, same: Int, reads: Bool, across_users: bool, first: int, last: int
) -> Repeats:
    block, table = view.request, view.segments
    base = int(block.offsets[first])
    ids = block.ids[base : int(block.offsets[last])]
    kind, size = table.kind[ids], last - first
    of_use = np.repeat(np.arange(size), block.lengths[first:last])
    asked, got = _paired(kind, of_use, size)
    # How often something was called that may change what others read, before each use.
    changing = (kind == SegmentKind.TOOL_CALL) & ~reads[table.name.codes[ids]]
    moved = np.cumsum(changing | ((kind == SegmentKind.USER) & (not across_users)))
    code = same[ids[asked]]
    asked, got, code = asked[code >= 0], got[code >= 0], code[code >= 0]
    order = np.lexsort((asked, code, of_use[asked]))
    a, g, c, r = asked[order], got[order], code[order], of_use[asked[order]]
    again = np.zeros(len(a), np.bool_)
    again[1:] = (c[1:] == c[:-1]) & (r[1:] == r[:-1])
    quiet = again.copy()
    quiet[1:] &= moved[a[1:]] == moved[a[:-1]]
    root = np.maximum.accumulate(np.where(quiet, 0, np.arange(len(a)))) if len(a) else a
    answer = np.where(np.isin(kind, ANSWER), np.arange(len(kind)), -1)
    last_answer = np.full(size, -1, np.int64)
    np.maximum.at(last_answer, of_use, answer)
    rows = np.flatnonzero(again)[np.argsort(a[again], kind="stable")]
    return Repeats(
        base + a[rows], base + g[rows], base + g[root[rows]], first + r[rows], quiet[rows],
        g[rows] > last_answer[r[rows]],
    )  # fmt: skip


def _paired(kind: NDArray[np.int8], of_use: Int, size: int) -> tuple[Int, Int]:
    """(uses of calls, uses of their results), request by request."""
    asked, got = np.flatnonzero(kind == SegmentKind.TOOL_CALL), np.flatnonzero(
        kind == SegmentKind.TOOL_RESULT
    )  # fmt: skip
    n_asked = np.bincount(of_use[asked], minlength=size)
    n_got = np.bincount(of_use[got], minlength=size)
    fine = n_got <= n_asked
    nth = np.arange(len(asked)) - np.repeat(np.cumsum(n_asked) - n_asked, n_asked)
    there = nth < n_got[of_use[asked]]
    asked, got = asked[there & fine[of_use[asked]]], got[fine[of_use[got]]]
    early = np.unique(of_use[asked[got < asked]])
    kept = ~np.isin(of_use[asked], early)
    return asked[kept], got[kept]
