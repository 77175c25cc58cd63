"""A policy over a trace made into a plan: requests, halves, references, predictions, money."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from costopt.engine.evaluate import Evaluator
from costopt.engine.policy import Policy
from costopt.replay.items import Arm, Half, Item, LeftOut, Plan
from costopt.replay.money import Money
from costopt.replay.plan.arms import Arms
from costopt.replay.plan.exposure import By, Exposed, exposure_of
from costopt.replay.plan.halves import halves
from costopt.replay.plan.left_out import Unsendable
from costopt.replay.plan.own_cache import COLD, Planned, Warm, warmth
from costopt.replay.plan.predicted import NOTHING, predicted, told
from costopt.replay.plan.sample import WHOLE, Draw, Sampler
from costopt.replay.plan.schedule import USUAL_LATENCY_MS, starts
from costopt.replay.plan.sends import Key, Make, Send, Sender
from costopt.replay.plan.size import Chosen, choose
from costopt.replay.plan.strata import Chances
from costopt.replay.plan.words import not_measured, notes_of, proves
from costopt.replay.requests import Requests
from costopt.replay.terms import Terms

ARM_ORDER = (Arm.POLICY, Arm.LAYER, Arm.BASELINE, Arm.NOISE)
"""Inside a session: the policy's requests are sent as in production, in a row; unchanged ones follow."""
ID_BYTES = 8


def make_plan(
    evaluator: Evaluator, policy: Policy, terms: Terms, money: Money, *, endpoint: str,
    providers: Collection[str] | None = None, make: Make = Requests.of,
) -> Plan:  # fmt: skip
    """Everything that would be sent for this policy, priced. Without a call that can be sent: no items.

    `endpoint`: its name, part of the plan's identity. `providers`: those that the endpoint speaks for,
    as the log names them; None: all. UsageError: a model without a price at a public address, or over
    the budget at worst (the largest affordable sample is named).
    """
    exposure = exposure_of(evaluator, policy.layers)
    sender = Sender(evaluator, terms, money, make)
    arms = Arms(evaluator, exposure, sender, terms.isolate)
    chances = Chances.of(evaluator.trace, terms.seed)
    unsendable = Unsendable(evaluator, sender, exposure.view, providers)
    sampler = Sampler(exposure, unsendable, arms, chances, terms.batch)
    money.check(_models(sampler, sender))
    chosen = choose(sampler, terms)
    half = halves([_sessions(d, evaluator) for d in chosen.draws], chances.session)
    drafts = _drafts(chosen, sampler, half, terms, chances)
    plan = _plan_id(drafts, evaluator, terms, endpoint)
    items = _items(drafts, evaluator, money, terms, plan)
    strata = {e.name if e else WHOLE: e for e in sampler.strata()}
    return Plan(
        id=plan,
        items=items,
        population={name: _population(sampler, exposed) for name, exposed in strata.items()},
        left_out=_left_out(sampler),
        expected_pusd=sum(item.expected_pusd for item in items),
        worst_pusd=sum(item.worst_pusd for item in items),
        proves={name: proves(name, e, items) for name, e in strata.items()},
        notes=(*chosen.notes, *notes_of(sampler, items, terms)),
        not_measured=not_measured(sampler, items, terms),
    )


def _sessions(draw: Draw, evaluator: Evaluator) -> tuple[str, tuple[int, ...]]:
    """(stratum, sessions of its requests): the own one, and that of a cached answer asked for anew."""
    rows = [
        draw.row,
        *(s.row for s in draw.sends),
        *(s.served_from for s in draw.sends if s.reference),
    ]
    sessions = (int(evaluator.trace.session[row]) for row in rows if row >= 0)
    return draw.stratum, tuple(dict.fromkeys(sessions))


@dataclass(frozen=True)
class Draft:
    """A send at its place in the plan."""

    send: Send
    stratum: str
    half: Half
    weight: float
    cluster: int
    session: int
    place: int


def _drafts(
    chosen: Chosen, sampler: Sampler, half: Mapping[int, Half], terms: Terms, chances: Chances
) -> list[Draft]:
    """Session by session in drawing order; cold: mixed over all of them."""
    trace = sampler.exposure.recorded.trace
    drawn = Counter(d.part for d in chosen.draws)
    weights = {d.row: sampler.sizes[d.part] / drawn[d.part] for d in chosen.draws}
    of_send = {s.key: d for d in chosen.draws for s in (*d.sends, *d.noise)}
    drafts = []
    for send, stratum in chosen.sends:
        session = int(trace.session[send.row])
        cluster = session if send.served_from < 0 else len(trace.sessions) + send.served_from
        drafts.append(Draft(
            send, stratum, half[session], weights[of_send[send.key].row], cluster,
            session, 0,
        ))  # fmt: skip
    return _ordered(drafts, terms, chances)


def _ordered(drafts: Sequence[Draft], terms: Terms, chances: Chances) -> list[Draft]:
    if terms.cold:
        mixed = sorted(drafts, key=lambda d: (int(chances.call[d.send.row]), *_rank(d)))
        return [replace(d, place=i) for i, d in enumerate(mixed)]
    chain: dict[int, list[Draft]] = {}
    for draft in drafts:
        chain.setdefault(draft.session, []).append(draft)
    return [
        replace(d, place=i)
        for members in chain.values()
        for i, d in enumerate(sorted(members, key=_rank))
    ]


def _rank(draft: Draft) -> tuple[int, int, str]:
    return ARM_ORDER.index(draft.send.arm), draft.send.row, draft.send.layer


def _items(
    drafts: Sequence[Draft], evaluator: Evaluator, money: Money, terms: Terms, plan: str
) -> tuple[Item, ...]:
    """Predictions need the order of all: what is warm was sent before."""
    ids = {d.send.key: _hash(plan, *_named(d.send, evaluator))[: 2 * ID_BYTES] for d in drafts}
    bare = [_bare(d, ids, evaluator) for d in drafts]
    warm = [COLD] * len(bare) if terms.cold else _warm(bare, drafts, evaluator, money, terms)
    items = []
    for item, draft, one in zip(bare, drafts, warm, strict=True):
        expectation, expected = predicted(draft.send, one, evaluator, money)
        items.append(replace(item, predicted=expectation, expected_pusd=expected))
    return tuple(items)


def _warm(
    bare: Sequence[Item], drafts: Sequence[Draft], evaluator: Evaluator, money: Money, terms: Terms
) -> list[Warm]:  # fmt: skip
    logged = (told(float(evaluator.trace.latency_ms[i.row])) for i in bare)
    latency = [max(1.0, USUAL_LATENCY_MS if ms is None else ms) for ms in logged]
    at = starts(bare, terms.concurrency, {i.id: ms for i, ms in zip(bare, latency, strict=True)})
    planned = [
        Planned(d.send, d.session, at[i.id], ms)
        for d, i, ms in zip(drafts, bare, latency, strict=True)
    ]
    return warmth(planned, evaluator.model, money)


def _bare(draft: Draft, ids: Mapping[Key, str], evaluator: Evaluator) -> Item:
    """The item before anything is predicted of it."""
    send = draft.send
    return Item(
        id=ids[send.key], arm=send.arm, row=send.row, call=_call(evaluator, send.row),
        session=draft.session, place=draft.place, stratum=draft.stratum, layers=send.layers,
        cluster=draft.cluster, half=draft.half, request=send.request, logged_model=send.model,
        predicted=NOTHING, expected_pusd=0, worst_pusd=send.worst_pusd,
        reference="" if send.reference is None else ids[(*send.reference, "")],
        weight=draft.weight, served_from=send.served_from, complete=send.complete,
    )  # fmt: skip


def _call(evaluator: Evaluator, row: int) -> str:
    """As people know it; a log without ids has its identity."""
    trace = evaluator.trace
    return trace.id[row] or trace.key[row].tobytes().hex()


def _named(send: Send, evaluator: Evaluator) -> tuple[str, str, str]:
    return str(send.arm), evaluator.trace.key[send.row].tobytes().hex(), send.layer


def _plan_id(drafts: Sequence[Draft], evaluator: Evaluator, terms: Terms, endpoint: str) -> str:
    """Of everything that decides which bytes go where, and which of them judge."""
    said: list[object] = [endpoint, terms.cold]
    for draft in drafts:
        send, request = draft.send, draft.send.request
        said += [
            *_named(send, evaluator), draft.place, str(draft.half), draft.stratum, send.layers,
            send.served_from >= 0, request.key, request.limit_tokens, request.prompt_cache_key,
        ]  # fmt: skip
    return _hash(*said)


def _hash(*said: object) -> str:
    return hashlib.blake2b(repr(said).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _models(sampler: Sampler, sender: Sender) -> list[tuple[str, str]]:
    """(provider, the endpoint's name of the model) of every call that may be sent."""
    exposure = sampler.exposure
    found: dict[tuple[str, str], None] = {}
    for exposed in sampler.strata():
        rows = np.flatnonzero(sampler.open_rows(exposed))
        policy = [] if exposed is None or exposed.by is By.CACHE else [exposure.view]
        for view in (exposure.recorded, *policy):
            pairs = np.stack((view.provider.codes[rows], view.model.codes[rows]), 1)
            for p, m in np.unique(pairs, axis=0).tolist():
                provider, model = view.provider.values[p], view.model.values[m]
                found[provider, sender.mapped(provider, model)] = None
    return list(found)


def _population(sampler: Sampler, exposed: Exposed | None) -> int:
    """Calls of the log that a layer touches, those that cannot be sent among them."""
    return int((sampler.exposure.view.sent if exposed is None else exposed.rows).sum())


def _left_out(sampler: Sampler) -> tuple[LeftOut, ...]:
    """By columns over all calls in question; by text only as far as calls were drawn."""
    exposure, unsendable = sampler.exposure, sampler.unsendable
    touched = [e for e in exposure.layers if e.by is not None]
    found: Counter[str] = Counter()
    seen = np.zeros(exposure.recorded.trace.n, np.bool_)
    for exposed in touched:
        found.update(unsendable.counted(sampler.codes(exposed), exposed.rows & ~seen))
        seen |= exposed.rows
    if not touched:
        found.update(unsendable.counted(unsendable.logged, ~seen))
    found.update(sampler.refused)
    return tuple(LeftOut(reason, n) for reason, n in found.most_common())
