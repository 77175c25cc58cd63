"""Clocks, ids and names inside a prompt: what changes is told from what stays, and where to put it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.layers.base import Artifacts, ArtifactSpec
from costopt.layers.parts.layout_lead import Scene, lead_uses, places_in
from costopt.layers.parts.slots import Template, Templates, templates
from costopt.model.call import SegmentKind
from costopt.model.leaf import INPUT
from costopt.model.made import Made

Int = NDArray[np.int64]
Ids = NDArray[np.int32]
Bool = NDArray[np.bool_]
LEAST_VARIANTS = 3
"""Fewer texts of one template are a prompt that was edited, not one that changes."""
LEAST_SHARE = 0.05
"""Texts to calls of a slot: below one in twenty a prompt is edited now and then, and nearly every call
finds the text of the call before it in the cache already."""
LEAST_BEHIND = 128
"""Tokens of common text behind a place that only sessions tell apart: one step of OpenAI's cache. What
changes behind everything else loses nothing where it stands."""
MARK = "prompt_layout"


@dataclass(frozen=True)
class Moves:
    """What the layer puts elsewhere. [use] and [new] are aligned with their neighbours."""

    made: Made
    uses: Int  # [use]: request uses whose text changes
    ids: Ids  # [use]: the common text in their place
    calls: Int  # [new]: calls that get what was taken out
    at_end: Bool  # [new]: behind everything; else behind `places`
    places: Int  # [new]: request use in front of which it stands, for those not at the end
    new_ids: Ids  # [new]
    slots: Int  # [template]: group of each
    blind: int
    """Calls whose prompts the log shows without text."""

    @classmethod
    def none(cls, made: Made, blind: int = 0) -> Moves:
        empty = np.zeros(0, np.int64)
        ids = empty.astype(np.int32)
        return cls(made, empty, ids, empty, empty > 0, empty, ids, empty, blind)


@dataclass(frozen=True)
class _Slot:
    """One template in one place of one agent's prompts. Arrays are [use] of that slot."""

    template: Template
    uses: Int
    call: Int
    variant: Int  # into `template.members`
    segments: Ids  # [variant]
    tokens: Int  # [variant]
    stable_tokens: int
    stable_id: int
    """A segment that is the common text alone; -1: there is none."""
    front: int | None
    """Messages: what is told by sessions stands right behind; else behind all of the front (None)."""


def moves(
    scene: Scene, artifacts: Artifacts, overhead: int, *, system: bool, messages: bool
) -> Moves:
    """Every slot whose texts change, taken apart: in system prompts, in first user messages."""
    made, table = scene.view.made, scene.view.segments
    out: list[tuple[NDArray[np.generic], ...]] = []
    slots: list[int] = []
    uses, call, code = _candidates(scene, system=system, messages=messages)
    has_text = table.has_text[scene.view.request.ids[uses]]
    blind = _unseen(scene, uses[~has_text], call[~has_text], code[~has_text])
    for rows in _by_code(code[has_text], uses[has_text]):
        for slot in _slots(scene, rows, artifacts):
            at_end = _at_end(scene, slot)
            if _gains(scene, slot, at_end):
                made, part = _taken_apart(scene, made, slot, at_end, overhead)
                out.append(part)
                slots.append(int(scene.group[slot.call[0]]))
    if not out:
        return Moves.none(made, blind)
    columns = [np.concatenate(c) for c in zip(*out, strict=True)]
    uses, ids, calls, ends, places, new_ids = columns
    return Moves(
        made, uses, ids.astype(np.int32), calls, ends, places, new_ids.astype(np.int32),
        np.array(slots, np.int64), blind,
    )  # fmt: skip


def _candidates(scene: Scene, *, system: bool, messages: bool) -> tuple[Int, Int, Int]:
    """(request uses that may be written from a template, [use] call, [use] code of agent and place)."""
    block, none = scene.view.request, np.zeros(0, np.int64)
    uses, call = lead_uses(scene, SegmentKind.SYSTEM) if system else (none, none)
    nth = places_in(call) + 1
    if messages:
        at = block.offsets[:-1] + scene.lead
        first = np.flatnonzero(scene.rows & (at < block.offsets[1:]))
        first = first[scene.view.segments.kind[block.ids[at[first]]] == SegmentKind.USER]
        uses, call = np.concatenate((uses, at[first])), np.concatenate((call, first))
        nth = np.concatenate((nth, np.zeros(len(first), np.int64)))
    return uses, call, scene.group[call] * (int(nth.max(initial=0)) + 1) + nth


def _unseen(scene: Scene, uses: Int, call: Int, code: Int) -> int:
    """Calls whose prompts change and have no text: of the same prompt again there is nothing to see."""
    size = len(scene.view.segments)
    distinct = np.unique(code * size + scene.view.request.ids[uses]) // max(1, size)
    changing, variants = np.unique(distinct, return_counts=True)
    changing = changing[variants >= LEAST_VARIANTS]
    return len(np.unique(call[np.isin(code, changing)]))


def _by_code(code: Int, uses: Int) -> Iterator[Int]:
    """Uses of each code, in their own order."""
    order = np.argsort(code, kind="stable")
    for part in np.split(order, np.flatnonzero(np.diff(code[order])) + 1):
        if len(part):
            yield np.sort(uses[part])


def _slots(scene: Scene, uses: Int, artifacts: Artifacts) -> Iterator[_Slot]:
    """The templates of one place."""
    block, table = scene.view.request, scene.view.segments
    distinct, which = np.unique(block.ids[uses], return_inverse=True)
    if len(distinct) < LEAST_VARIANTS:
        return
    # By content: equal prompts are compared once, whatever their numbers in this view.
    digest = table.digest[distinct]
    order = np.lexsort((digest[:, 1], digest[:, 0]))
    distinct, which = distinct[order], np.argsort(order)[which.reshape(-1)]
    call = np.searchsorted(block.offsets, uses, side="right") - 1
    model = scene.view.model
    counts = artifacts.tokens(scene.view).count(distinct, model.values[model.codes[call[0]]])
    for template in _templates(scene, distinct, artifacts):
        slot = _slot(scene, template, uses, call, which, distinct, counts)
        variants = len(template.members)
        if variants >= LEAST_VARIANTS and variants >= LEAST_SHARE * len(slot.uses):
            yield slot


def _templates(scene: Scene, segments: Ids, artifacts: Artifacts) -> tuple[Template, ...]:
    shelf: Templates = artifacts.build(ArtifactSpec("templates"), scene.view)
    key = scene.view.segments.digest[segments].tobytes()
    if key not in shelf.found:
        texts = [t or "" for t in artifacts.texts(scene.view).get(segments)]
        shelf.found[key] = templates(texts)
    return shelf.found[key]


def _slot(
    scene: Scene, template: Template, uses: Int, call: Int, which: Int, distinct: Ids, counts: Int
) -> _Slot:
    members = np.array(template.members, np.int64)
    variant_of = np.full(len(distinct), -1, np.int64)
    variant_of[members] = np.arange(len(members))
    mine = variant_of[which] >= 0
    tokens = counts[members]
    stable, same = len(template.stable), np.array([not any(g) for g in template.gaps])
    length = np.array([stable + sum(map(len, g)) for g in template.gaps])
    bare = int(distinct[members[same.argmax()]]) if same.any() else -1
    size = int(tokens[same.argmax()]) if same.any() else int((tokens * stable // length).min())
    place = scene.view.segments.kind[distinct[members[0]]] == SegmentKind.USER
    return _Slot(
        template, uses[mine], call[mine], variant_of[which[mine]], distinct[members], tokens, size,
        bare, 1 if place else None,
    )  # fmt: skip


def _at_end(scene: Scene, slot: _Slot) -> Bool:  # [place]
    """Which open places change so often inside sessions that they should stand behind the history.

    In front, every change makes the rest of the request fresh input. At the end, what had not changed is
    sent as fresh input all the same. Each place goes where that comes to fewer tokens.
    """
    order = np.lexsort((slot.uses, scene.view.trace.session[slot.call]))
    session, variant = scene.view.trace.session[slot.call[order]], slot.variant[order]
    pair = session[1:] == session[:-1]
    behind = scene.view.leaves[slot.call[order]][1:, INPUT].sum(axis=1) - slot.stable_tokens
    out = []
    for place in range(len(slot.template.runs) - 1):
        texts = [gaps[place] for gaps in slot.template.gaps]
        code = np.unique(np.array(texts, object), return_inverse=True)[1].reshape(-1)
        changed = pair & (code[variant][1:] != code[variant][:-1])
        in_front = int(np.maximum(behind, 0)[changed].sum())
        size = _shares(slot, [len(t) for t in texts])
        out.append(
            in_front > int(size[variant[1:]][pair & ~changed].sum()) if pair.any() else False
        )
    return np.array(out, np.bool_)


def _shares(slot: _Slot, chars: list[int]) -> NDArray[np.float64]:  # [variant]
    """Tokens of some of the moved characters, of those that the text has beyond the common one."""
    moved = np.array([sum(map(len, gaps)) for gaps in slot.template.gaps])
    rest = np.maximum(slot.tokens - slot.stable_tokens, 0)
    return np.asarray(rest * np.array(chars) / np.maximum(moved, 1))


def _gains(scene: Scene, slot: _Slot, at_end: Bool) -> bool:
    """Something that others could read stands behind a place that changes."""
    if at_end.any():
        return True
    if scene.rules.breakpoints[
        slot.call[0]
    ]:  # no part of a block is cached: the block itself is lost
        return slot.stable_tokens >= LEAST_BEHIND
    behind = slot.template.behind(0) * slot.stable_tokens / max(1, len(slot.template.stable))
    return behind >= LEAST_BEHIND


def _taken_apart(
    scene: Scene, made: Made, slot: _Slot, at_end: Bool, overhead: int
) -> tuple[Made, tuple[NDArray[np.generic], ...]]:
    """(made segments, (uses, ids, calls, at end, places, new ids)) of one slot."""
    kind = int(scene.view.segments.kind[slot.segments[0]])
    stable = slot.stable_id
    if stable < 0:
        made, found = _written(made, kind, [slot.template.stable], np.array([slot.stable_tokens]))
        stable = int(found[0])
    changed = slot.segments[slot.variant] != stable
    uses, calls, ends, places, ids = slot.uses[changed], [], [], [], []
    lead = scene.view.request.offsets[slot.call] + scene.lead[slot.call]
    behind = lead if slot.front is None else slot.uses + slot.front
    for last in (False, True):
        taken = ["".join(g for g, e in zip(gaps, at_end, strict=True) if e == last)
                 for gaps in slot.template.gaps]  # fmt: skip
        there = np.array([bool(t) for t in taken])
        if not there.any():
            continue
        size = _pieces(slot, at_end, last=last)[there] + (overhead if last else 0)
        made, found = _written(made, kind, [t for t in taken if t], size)
        of = np.full(len(taken), -1, np.int64)
        of[there] = found
        mine = np.flatnonzero(of[slot.variant] >= 0)
        calls.append(slot.call[mine])
        ends.append(np.full(len(mine), last))
        places.append(behind[mine])
        ids.append(of[slot.variant[mine]])
    return made, (
        uses, np.full(len(uses), stable), np.concatenate(calls), np.concatenate(ends),
        np.concatenate(places), np.concatenate(ids),
    )  # fmt: skip


def _pieces(slot: _Slot, at_end: Bool, *, last: bool) -> Int:  # [variant]
    """Tokens of what goes to one of the two places; both and the common text sum to the original."""
    rest = np.maximum(slot.tokens - slot.stable_tokens, 0)
    ends = [sum(len(g) for g, e in zip(gaps, at_end, strict=True) if e)
            for gaps in slot.template.gaps]  # fmt: skip
    to_end = np.minimum(np.rint(_shares(slot, ends)).astype(np.int64), rest)
    return to_end if last else rest - to_end


def _written(made: Made, kind: int, texts: list[str], tokens: Int) -> tuple[Made, Ids]:
    """Segments with these texts. Their words stood in the log, in other segments."""
    n = len(texts)
    none = np.zeros(n, np.int64)
    return made.added(
        kind=np.full(n, kind, np.int8), name=np.zeros(n, np.int32), tokens=tokens,
        source=np.full(n, -1, np.int32), head=none, tail=none, mark=MARK, text=texts,
    )  # fmt: skip
