"""The keys of answer caches: what two calls must share to be answered alike.

A key is a scope, within which answers may be shared at all, and a text. An exact cache has the whole
request as its text; a semantic one has what it embeds. Texts are told apart by the content hashes of
their segments, so keys need no text themselves; hidden parts of a prompt are in nobody's hash, which
is why the reported size of the input is a part of an exact key.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from costopt.errors import UsageError
from costopt.layers.base import Artifacts
from costopt.layers.parts.graph import Arrivals, arrivals_of
from costopt.layers.parts.turns import ANSWER
from costopt.model.call import SegmentKind, UsageState
from costopt.model.request_settings import form
from costopt.model.scramble import scrambled
from costopt.model.trace import NO_TIME, Categorical, Ragged
from costopt.model.view import View

Int = NDArray[np.int64]
Bool = NDArray[np.bool_]
Hash = NDArray[np.uint64]
KeyText = Literal["last_user", "first_turn", "all"]
"""What a semantic cache embeds: the last user message; all user messages before the first answer; or
every message, system prompt included."""

ALWAYS = ("tenant", "agent")
"""Parts that always separate, whatever the setting says: an answer never crosses them."""
_PREAMBLE = (SegmentKind.TOOLS, SegmentKind.SYSTEM)
_USES_AT_ONCE = 2_000_000
_NO_TEXT = (SegmentKind.IMAGE, SegmentKind.FILE)


@dataclass(frozen=True, eq=False)
class Keys:
    """Look-ups of a cache and their keys, numbered by first appearance. Equal content, equal keys."""

    rows: Int  # [look-up]: the call
    node: NDArray[np.int32]  # [look-up]: its key
    scope: NDArray[np.int32]  # [key]: keys of another scope are never compared
    text: Hash  # [key, 2]: content hash of the key's segments
    offsets: Int  # [key + 1], into `ids`
    ids: NDArray[np.int32]  # segments that make up each key's text
    first: Int  # [key]: the first call with this key
    content: bytes
    """Hash of scope and text: what a neighbour graph depends on."""

    @property
    def n(self) -> int:
        """Keys."""
        return len(self.scope)

    def __hash__(self) -> int:
        return hash(self.content)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Keys) and self.content == other.content


def exact_keys(view: View, artifacts: Artifacts, scope: Sequence[str], calls: Bool) -> Keys:
    """Keys of whole requests. `calls`: [call] that ask the cache."""
    trace = view.trace
    rows = np.flatnonzero(calls & (view.request.lengths > 0))
    reported = trace.usage_state == UsageState.REPORTED
    asked = [
        view.max_tokens, trace.temperature.view(np.int32), np.where(reported, trace.input_tokens, 0),
        trace.settings.codes,
    ]  # fmt: skip
    parts = [*_scope_codes(view, artifacts, scope), *asked]
    every = np.ones(len(view.request.ids), np.bool_)
    return _keys(view, rows, [p[rows] for p in parts], [], every)


def semantic_keys(
    view: View, artifacts: Artifacts, scope: Sequence[str], calls: Bool, text: KeyText
) -> Keys:
    """Keys of what a semantic cache embeds; tools, system prompt, pictures and the answer's form (a
    schema, a tool that must be called) are in the scope.

    Calls without a key text, or with one that the log did not keep, have no key.
    """
    uses = key_uses(view, text)
    rows = np.flatnonzero(calls & with_key_text(view, uses))
    parts = [p[rows] for p in (*_scope_codes(view, artifacts, scope), _forms(view))]
    around = _of_kind(view, *_PREAMBLE, *_NO_TEXT)
    return _keys(view, rows, parts, [around], uses)


def _forms(view: View) -> Int:  # [call]
    """A code for what shape the answer must have: one of another shape never serves."""
    settings, place = view.trace.settings, dict[str, int]()
    codes = [place.setdefault(form(text), len(place)) for text in settings.values]
    return np.array(codes, np.int64)[settings.codes]


def with_key_text(view: View, uses: Bool) -> Bool:  # [call]
    """Calls that have a key text, all of it kept by the log."""
    block = view.request
    held = view.segments.has_text[block.ids]
    there, lost = (
        np.diff(np.concatenate(([0], np.cumsum(uses & h)))[block.offsets]) for h in (held, ~held)
    )
    return np.asarray((there > 0) & (lost == 0))


def key_uses(view: View, text: KeyText) -> Bool:  # [request use]
    """Uses that belong to the key's text."""
    if text == "all":
        return ~_of_kind(view, SegmentKind.TOOLS, *_NO_TEXT)
    user = _of_kind(view, SegmentKind.USER)
    if text == "first_turn":
        return user & ~_after_first(view.request, _of_kind(view, *ANSWER))
    return _last_run(view.request, user)


def _of_kind(view: View, *kinds: SegmentKind) -> Bool:  # [request use]
    return np.asarray(np.isin(view.segments.kind, kinds)[view.request.ids])


def _after_first(block: Ragged, mark: Bool) -> Bool:  # [use]
    """Uses that stand behind the first marked one of their call."""
    running = np.cumsum(mark)
    before = np.concatenate(([0], running))[block.offsets[:-1]]
    return running > np.repeat(before, block.lengths)


def _last_run(block: Ragged, user: Bool) -> Bool:  # [use]
    """The last user message of each call: one run of blocks, since a message may come in parts."""
    if not len(user):
        return user
    follows = np.zeros(len(user), np.bool_)
    follows[1:] = user[:-1]
    starts = block.offsets[:-1][block.lengths > 0]
    follows[starts] = False
    run = np.where(user, np.cumsum(user & ~follows), 0)
    last = np.repeat(np.maximum.reduceat(run, starts), block.lengths[block.lengths > 0])
    return user & (run == last)


def _scope_codes(view: View, artifacts: Artifacts, scope: Sequence[str]) -> list[Int]:
    """Codes [call] that separate always, and those of the setting. UsageError: no such column."""
    columns = [_column(view, artifacts, name) for name in dict.fromkeys((*ALWAYS, *scope))]
    codes = [c.codes.astype(np.int64) for c in (*columns, view.provider, view.model)]
    # Calls without a time have an order of their own: they answer one another alone.
    return [*codes, (view.at_us == NO_TIME).astype(np.int64)]


def _column(view: View, artifacts: Artifacts, name: str) -> Categorical:
    try:
        column: Categorical = artifacts.column(view, name)
    except KeyError:
        raise UsageError(
            f"The log has no column `{name}`.", where="scope",
            hint="Use tenant, agent, task, user, session, workflow, metadata.NAME or a part of `fields:`.",
        ) from None  # fmt: skip
    return column


def _keys(view: View, rows: Int, parts: list[Int], scope_uses: list[Bool], uses: Bool) -> Keys:
    block = view.request
    scope_hash = np.zeros((len(rows), 2), np.uint64)
    for code in parts:
        scope_hash = mixed(scope_hash, code.astype(np.int64).view(np.uint64))
    digest = view.segments.digest
    for chosen in scope_uses:
        scope_hash = mixed(scope_hash, *_row_hash(block, rows, chosen, digest).T)
    text_hash = _row_hash(block, rows, uses, digest)
    node, leader = _numbered(np.concatenate((scope_hash, text_hash), axis=1))
    scope, _ = _numbered(scope_hash[leader])
    part = _chosen(block, rows[leader], uses)
    text = text_hash[leader]
    return Keys(
        rows, node, scope, text, part.offsets, part.ids, rows[leader],
        _content(scope, text),
    )  # fmt: skip


def _content(scope: NDArray[np.int32], text: Hash) -> bytes:
    import xxhash

    h = xxhash.xxh3_128(scope.tobytes())
    h.update(text.tobytes())
    return h.digest()


def _chosen(block: Ragged, rows: Int, uses: Bool) -> Ragged:
    """The chosen uses of these calls."""
    at = block.uses_of(rows)
    keep = uses[at]
    ends = np.concatenate(([0], np.cumsum(keep)))[
        np.concatenate(([0], np.cumsum(block.lengths[rows])))
    ]
    return Ragged(ends.astype(np.int64), block.ids[at][keep], block.flags[at][keep])


def _row_hash(block: Ragged, rows: Int, uses: Bool, digest: Hash) -> Hash:  # [row, 2]
    """Hash of the chosen segments of each call, in their order: each times a number of its place."""
    segment = scrambled(digest)
    factor = scrambled(np.arange(int(block.lengths.max(initial=0)), dtype=np.uint64)) | np.uint64(1)
    out, lengths = np.zeros((len(rows), 2), np.uint64), np.zeros(len(rows), np.uint64)
    for first, last in _parts(block.lengths[rows]):
        part = _chosen(block, rows[first:last], uses)
        lengths[first:last] = part.lengths
        place = np.arange(len(part.ids)) - np.repeat(part.offsets[:-1], part.lengths)
        at = factor[place]
        for half in range(2):
            running = np.zeros(len(part.ids) + 1, np.uint64)
            np.cumsum(segment[part.ids, half] * at, out=running[1:])
            out[first:last, half] = running[part.offsets[1:]] - running[part.offsets[:-1]]
    return mixed(out, lengths)


def _parts(lengths: Int) -> Iterator[tuple[int, int]]:
    """Ranges of rows [first, last) that hold some `_USES_AT_ONCE` uses each."""
    ends = np.concatenate(([0], np.cumsum(lengths)))
    first = 0
    while first < len(lengths):
        last = int(np.searchsorted(ends, ends[first] + _USES_AT_ONCE, side="right")) - 1
        last = min(len(lengths), max(last, first + 1))
        yield first, last
        first = last


def mixed(hashes: Hash, *values: NDArray[np.uint64]) -> Hash:  # [row, 2]
    """The hashes with more values taken in: [row] each."""
    for value in values:
        both = np.stack((value, ~value), axis=1)
        hashes = scrambled(hashes ^ scrambled(both))
    return hashes


def _numbered(rows: Hash) -> tuple[NDArray[np.int32], Int]:
    """(number of each distinct row by first appearance [row], first row of each number)."""
    folded = np.zeros(len(rows), np.uint64)
    for column in rows.T:
        folded = scrambled(folded ^ column)
    group, first = _grouped(folded)
    if (rows[first[group]] != rows).any():  # two rows that fold alike: one in 10 million logs
        group, first = _grouped(np.unique(rows, axis=0, return_inverse=True)[1].reshape(-1))
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(len(first))
    return rank[group].astype(np.int32), np.sort(first)


def _grouped(code: NDArray[Any]) -> tuple[Int, Int]:
    """(group of each row, first row of each group)."""
    _, first, group = np.unique(code, return_index=True, return_inverse=True)
    return group.reshape(-1), first.astype(np.int64)


def arrivals(view: View, keys: Keys) -> Arrivals:
    """The look-ups in time. An unknown latency counts as none; without a time the order is the log's."""
    at = view.at_us[keys.rows]
    latency = np.nan_to_num(view.trace.latency_ms[keys.rows] * 1000.0, nan=0.0).astype(np.int64)
    timeless = at == NO_TIME
    if timeless.any():
        at = np.where(timeless, np.arange(len(at)) - len(at), at)
        latency = np.where(timeless, 0, latency)
    return arrivals_of(keys.rows, keys.node, at, latency)
