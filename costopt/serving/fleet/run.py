"""Run a workload through a fleet: compiled where numba is there, else by the plain twin."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from costopt.errors import UsageError
from costopt.serving.arrivals import gather
from costopt.serving.core.run import compiled, fitting, simulate, touched
from costopt.serving.core.terms import Int, Limits, Run, StepCost, Totals, Workload
from costopt.serving.fleet.terms import (
    BALANCE_RATIO,
    BALANCE_REQUESTS,
    PREFIX_SHARE,
    FleetRun,
    Routing,
    Scaling,
)

_FEW_REQUESTS = 300
"""Up to which the plain twin is done before the compiled one is loaded."""


def serve(
    load: Workload,
    replicas: int,
    cost: StepCost,
    limits: Limits,
    routing: Routing = Routing.LEAST_LOADED,
    *,
    scaling: Scaling | None = None,
    window_s: float = 0.0,
    fast: bool | None = None,
) -> FleetRun:
    """Serve arrivals with so many replicas (autoscaled: at most so many).

    `window_s`: how long machines are rented at least. A fixed fleet under round-robin is what it is: so
    many independent replicas, each run by the core; all else is routed at each arrival.
    """
    if replicas < 1:
        raise UsageError("A fleet has at least one replica.")
    if load.concurrency:
        raise UsageError("A fleet serves arrivals; a closed loop belongs to one replica.")
    fits = np.flatnonzero(fitting(load, limits))
    limits = touched(load, limits)
    if scaling is None and (routing == Routing.ROUND_ROBIN or replicas == 1):
        return _independent(load, fits, replicas, cost, limits, window_s, fast)
    checked = scaling.checked(replicas) if scaling else None
    if compiled() if fast is None and len(fits) > _FEW_REQUESTS else bool(fast):
        return _compiled(load, fits, replicas, cost, limits, routing, checked, window_s)
    return _plain(load, fits, replicas, cost, limits, routing, checked, window_s)


def _columns(load: Workload) -> dict[str, Any]:
    """Nobody is served yet."""
    nan = np.full(load.n, np.nan)
    return {
        "arrive_s": load.arrive_s.astype(np.float64),
        "start_s": nan.copy(), "first_s": nan.copy(), "end_s": nan.copy(),
        "hit_tokens": np.zeros(load.n, np.int64),
    }  # fmt: skip


def _joined(load: Workload, columns: dict[str, Any], totals: list[Totals]) -> Run:
    """One run of all, from the columns and each replica's counts."""
    sums = [sum(column) for column in zip(*totals, strict=True)]
    peak = max(one.peak_blocks for one in totals)
    return Run(
        **columns, output_tokens=load.output_tokens, totals=Totals(*sums)._replace(peak_blocks=peak)
    )


def _independent(
    load: Workload, fits: Int, replicas: int, cost: StepCost, limits: Limits, window_s: float,
    fast: bool | None,
) -> FleetRun:  # fmt: skip
    columns, totals = _columns(load), []
    place = np.full(load.n, -1, np.int64)
    place[fits] = np.arange(len(fits)) % replicas
    for number in range(replicas):
        rows = np.flatnonzero(place == number)
        run = simulate(part(load, rows), cost, limits, fast=fast)
        for name in columns:
            columns[name][rows] = getattr(run, name)
        totals.append(run.totals)
    columns["arrive_s"] = load.arrive_s.astype(np.float64)
    busy = np.array([one.busy_s for one in totals])
    lasts = [columns["end_s"][place == i].max(initial=window_s) for i in range(replicas)]
    return FleetRun(_joined(load, columns, totals), place, busy, np.array(lasts), replicas)


def part(load: Workload, rows: Int) -> Workload:
    """Some requests as a workload of their own."""
    offsets, ids = load.block_offsets, load.block_ids
    if len(offsets):
        offsets, ids = gather(offsets, ids, rows)
    return replace(
        load, arrive_s=load.arrive_s[rows], prompt_tokens=load.prompt_tokens[rows],
        output_tokens=load.output_tokens[rows], block_offsets=offsets, block_ids=ids,
    )  # fmt: skip


def _plain(
    load: Workload, fits: Int, most: int, cost: StepCost, limits: Limits, routing: Routing,
    scaling: Scaling | None, window_s: float,
) -> FleetRun:  # fmt: skip
    from costopt.serving.fleet.plain import PlainFleet

    fleet = PlainFleet(load, most, cost, limits, routing, scaling)
    fleet.run(fits.tolist(), max(window_s, _last(load, fits)))
    columns, place = _columns(load), np.full(load.n, -1, np.int64)
    for number, server in enumerate(fleet.servers):
        place[server.rows] = number
        for name, values in (
            ("start_s", server.start), ("first_s", server.first), ("end_s", server.end),
            ("hit_tokens", server.hits),
        ):  # fmt: skip
            columns[name][server.rows] = values
    totals = [
        Totals(s.steps, s.steps, s.preemptions, s.prefill_tokens, s.peak, s.busy_s)
        for s in fleet.servers
    ]
    busy = np.array([server.busy_s for server in fleet.servers])
    paid = np.array([server.paid_s for server in fleet.servers])
    return _done(load, columns, totals, place, busy, paid, most, scaling, fleet.moves)


def _last(load: Workload, fits: Int) -> float:
    return float(load.arrive_s[fits[-1]]) if len(fits) else 0.0


def _done(
    load: Workload, columns: dict[str, Any], totals: list[Totals], place: Int, busy: Any,
    paid: Any, most: int, scaling: Scaling | None, moves: Any,
) -> FleetRun:  # fmt: skip
    moved = np.array(moves, np.float64).reshape(-1, 2).astype(np.int64)
    if scaling:
        most = max(scaling.minimum, int(moved[:, 1].max(initial=0)))
    return FleetRun(_joined(load, columns, totals), place, busy, paid, most, moved)


def _compiled(
    load: Workload, fits: Int, most: int, cost: StepCost, limits: Limits, routing: Routing,
    scaling: Scaling | None, window_s: float,
) -> FleetRun:  # fmt: skip
    from costopt.serving.fleet.states import routed

    thresholds = (PREFIX_SHARE, float(BALANCE_REQUESTS), BALANCE_RATIO)
    until_s = max(window_s, _last(load, fits))
    states, books, place = routed(
        load, fits, most, cost, limits, int(routing), scaling, until_s, thresholds
    )
    columns, totals = _columns(load), []
    for number, (state, counted) in enumerate(states):
        rows = np.flatnonzero(place[:, 0] == number)
        own = place[rows, 1]
        for name, values in (
            ("start_s", state.start), ("first_s", state.first), ("end_s", state.end),
            ("hit_tokens", state.hits),
        ):  # fmt: skip
            columns[name][rows] = values[own]
        totals.append(counted)
    busy = np.array([one.busy_s for one in totals])
    moves = books.moves[: int(books.n[1])]
    return _done(
        load, columns, totals, place[:, 0].copy(), busy, books.paid_s, most, scaling, moves
    )
