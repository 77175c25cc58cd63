"""`ReplayInfo` out of plan, run and comparison: counts, dollars, and what stands for what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from costopt.model.exchange import AttemptState
from costopt.model.replayed import ReplayedLayer, ReplayInfo
from costopt.model.result import Projection
from costopt.money import usd_float
from costopt.replay.executed import Executed
from costopt.replay.items import Arm, Item, Plan
from costopt.report.render.replay import AGAINST_THE_LOG
from costopt.report.render.screen import dollars, places_for
from costopt.report.words import plural
from costopt.wiring.replaying.asked import Asked


def planned(plan: Plan, asked: Asked, projection: Projection) -> ReplayInfo:
    """Of a plan that was not sent."""
    return ReplayInfo(
        run=None, plan=plan.id, endpoint=asked.endpoint,
        origin="recorded" if asked.recorded else "endpoint",
        statement=AGAINST_THE_LOG if asked.recorded else "Only planned: nothing was sent.",
        state="planned", planned=len(plan.items), answered=0, failed=0, unreadable=0, in_doubt=0,
        not_sent=len(plan.items), retries=0, expected_usd=usd_float(plan.expected_pusd),
        worst_usd=usd_float(plan.worst_pusd),
        budget_usd=None if asked.terms.budget_pusd is None else usd_float(asked.terms.budget_pusd),
        spent_usd=0.0, in_doubt_usd=0.0, seconds=None, sample=_sample(plan),
        left_out=[{"reason": left.reason, "calls": left.calls} for left in plan.left_out],
        layers=_unmeasured(plan, projection), baseline_usd=projection.baseline_usd,
        projected_savings_usd=projection.verified_savings_usd, notes=list(plan.notes),
    )  # fmt: skip


def executed_info(info: ReplayInfo, executed: Executed, origin: str, endpoint: str) -> ReplayInfo:
    """The same with what became of it. `origin`: who counted the answers' tokens."""
    states = Counter(done.state for done in executed.done.values())
    answered = states[AttemptState.ANSWERED]
    return replace(
        info, run=executed.run, endpoint=endpoint, origin=origin, state=executed.state.value,
        statement=statement(origin, answered, endpoint), answered=answered,
        failed=states[AttemptState.FAILED], unreadable=states[AttemptState.UNREADABLE],
        in_doubt=states[AttemptState.IN_DOUBT] + states[AttemptState.OPEN],
        not_sent=info.planned - len(executed.done), retries=executed.retries,
        spent_usd=usd_float(executed.spent_pusd), in_doubt_usd=usd_float(executed.in_doubt_pusd),
        seconds=round(executed.seconds, 3),
    )  # fmt: skip


def statement(origin: str, answered: int, endpoint: str) -> str:
    """What the replay proves, in one sentence."""
    if origin == "recorded":
        return AGAINST_THE_LOG
    if origin == "mock":
        return "The server invents its token counts: answers came, and nothing of them is measured."
    if not answered:
        return f"No request was answered by {endpoint}: nothing is measured."
    return f"Measured on {plural(answered, 'answer')} of {endpoint}."


def over_worst(plan: Plan, executed: Executed) -> tuple[str, ...]:
    """One sentence where answers were charged more than they could cost at worst: a server that counts more
    than the log did, whatever its reason. Retries count as further worst cases."""
    answers, charged, worst = 0, 0, 0
    for item in plan.items:
        done = executed.done.get(item.id)
        if done is None or done.state is not AttemptState.ANSWERED:
            continue
        most = item.worst_pusd * max(1, done.attempts)
        if done.usd_pusd > most:
            answers, charged, worst = answers + 1, charged + done.usd_pusd, worst + most
    if not answers:
        return ()
    places = places_for(usd_float(charged - worst))
    return (
        f"The endpoint charged {dollars(usd_float(charged), places)} for {plural(answers, 'answer')}, more "
        f"than the worst case of {dollars(usd_float(worst), places)}: it counts more tokens than the log "
        "does. A budget then stops the run, but what is under way may pass it.",
    )


def _sample(plan: Plan) -> list[dict[str, Any]]:
    """A row a stratum and arm, strata in their order of appearance, the policy's arm first."""
    groups: dict[tuple[str, Arm], list[Item]] = {}
    for item in plan.items:
        groups.setdefault((item.stratum, item.arm), []).append(item)
    strata = list(dict.fromkeys(stratum for stratum, _ in groups))
    arms = list(Arm)
    rows = []
    for stratum, arm in sorted(groups, key=lambda g: (strata.index(g[0]), arms.index(g[1]))):
        items = groups[stratum, arm]
        rows.append({
            "stratum": stratum, "arm": arm.value, "calls": len(items),
            "of": plan.population.get(stratum, 0),
            "expected_usd": usd_float(sum(i.expected_pusd for i in items)),
            "worst_usd": usd_float(sum(i.worst_pusd for i in items)),
            "proves": plan.proves.get(stratum, ""),
        })  # fmt: skip
    return _once(rows)


def _once(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a stratum proves stands at its first row."""
    seen: set[str] = set()
    out = []
    for row in rows:
        out.append(row if row["stratum"] not in seen else row | {"proves": ""})
        seen.add(row["stratum"])
    return out


def _unmeasured(plan: Plan, projection: Projection) -> list[ReplayedLayer]:
    """Every layer of the policy as it was projected."""
    counts = Counter(name for item in plan.items for name in item.layers)
    return [
        ReplayedLayer(
            str(row["layer"]), dict(row["settings"]), projected_usd(row), None, "", "not_measured",
            plan.not_measured.get(row["layer"], ""), counts[row["layer"]],
            projected_verified=bool(row["verified"]),
        )
        for row in projection.layers
    ]  # fmt: skip


def projected_usd(row: dict[str, Any]) -> float:
    """Its step among the verified layers; of an unverified one its step among all."""
    step = row.get("verified_step_usd") if row["verified"] else None
    return float(row["step_usd"] if step is None else step)


def merged_layers(
    before: Sequence[ReplayedLayer], measured: Sequence[ReplayedLayer], now: Projection | None,
    dropped: Sequence[int],
) -> list[ReplayedLayer]:  # fmt: skip
    """What was measured of each layer beside what it was projected to save and saves now.

    `measured`: in policy order, one a layer. `now`: the projection with evidence, without the `dropped`
    places; None: nothing was measured.
    """
    rows = iter([] if now is None else now.layers)
    out = []
    for place, (layer, found) in enumerate(zip(before, measured, strict=True)):
        row = None if now is None or place in dropped else next(rows)
        out.append(replace(
            found, layer=layer.layer, settings=layer.settings, projected_usd=layer.projected_usd,
            projected_verified=layer.projected_verified,
            now_usd=None if row is None else projected_usd(row),
            now_verified=None if row is None else bool(row["verified"]),
            why=found.why or layer.why, requests=found.requests or layer.requests,
        ))  # fmt: skip
    return out
