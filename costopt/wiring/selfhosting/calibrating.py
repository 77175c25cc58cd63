"""`costopt selfhost calibrate`: ask, drive, fit, keep; or only read what the server counts itself."""

from __future__ import annotations

import asyncio
import datetime as dt
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from random import Random
from typing import Any

from costopt.endpoints.choose import endpoint_for
from costopt.endpoints.connection import Connection
from costopt.endpoints.metrics import difference, read
from costopt.endpoints.prometheus import Page
from costopt.errors import EndpointError, UsageError
from costopt.model.escape import clean
from costopt.model.ports import Progress, silent
from costopt.money import pico, show
from costopt.replay.money import Money
from costopt.serving.calibration.bounds import own_bounds, sheet_bounds
from costopt.serving.calibration.fit import Calibrated, calibrate
from costopt.serving.calibration.replica import Replica
from costopt.serving.efficiency import shipped
from costopt.serving.hardware import gpus
from costopt.wiring.replaying.places import Place, key_of, places_of
from costopt.wiring.replaying.reader import SourcesReader
from costopt.wiring.replaying.wishes import Wishes
from costopt.wiring.selfhosting.about import about
from costopt.wiring.selfhosting.counters import drafted, from_the_start
from costopt.wiring.selfhosting.driving import Grid, GridPoint, drive, request_of
from costopt.wiring.selfhosting.profiles import FOLDER, path_of, save
from costopt.wiring.selfhosting.server import replica_of, served_model
from costopt.wiring.selfhosting.wishes import Calibration, numbers

_LEAST_REQUESTS, _PER_LOAD = 8, 3
_MOST_LOAD, _MOST_TOKENS = 1024, 200_000
Ask = Callable[[str], str]


@dataclass(frozen=True)
class Done:
    """What came of it."""

    replica: Replica | None
    fitted: Calibrated | None
    """None: only read, or declined."""
    metrics: Mapping[str, Any]
    about: Mapping[str, Any]
    path: Path | None = None
    declined: bool = False
    notes: tuple[str, ...] = ()


def run(
    asked: Calibration, progress: Progress = silent, ask: Ask | None = None, folder: Path = FOLDER
) -> Done:
    """The whole command. UsageError, EndpointError: nothing was kept."""
    place = places_of(
        Wishes(base_url=asked.base_url, api="openai", api_key_env=asked.api_key_env), {}
    )[0]
    connection = Connection(place.base_url, key_of(place), timeout_s=asked.timeout_s)
    if asked.read_only:
        return _only_read(connection)
    if asked.profile:
        path_of(asked.profile)
    grid = grid_of(asked, "")
    grid = replace(grid, model=served_model(asked, connection))
    replica = replica_of(asked, grid.model)
    if not _may_send(asked, place, grid, ask):
        return Done(replica, None, {}, {}, declined=True)
    before = asyncio.run(read(connection))
    points = asyncio.run(drive(endpoint_for(connection, SourcesReader(), "openai"), grid, progress))
    metrics = difference(before, asyncio.run(read(connection)))
    replica = _speculating(replica, metrics)
    known = replica.device.name in gpus()
    bounds = sheet_bounds() if known else own_bounds()
    fitted = calibrate(
        replica, points, shipped(), bounds,
        lambda done, total: progress("fitting the constants", done, total),
    )  # fmt: skip
    told = about(fitted, replica, metrics, place.host, grid, dt.datetime.now(tz=dt.UTC))
    told["engine_name"] = asked.engine
    name = asked.profile or f"{replica.device.name}-{replica.shape.name}".replace("/", "-")
    path = save(_plain(name), fitted.values, replica, told, folder)
    return Done(replica, fitted, metrics, told, path, notes=_notes(grid, fitted, metrics))


def grid_of(asked: Calibration, model: str) -> Grid:
    """UsageError: a list that is none, a number out of range."""
    loads = numbers(asked.loads, "--loads", _MOST_LOAD)
    prompts = numbers(asked.prompt_tokens, "--prompt-tokens", _MOST_TOKENS)
    for name, value, least in (("--output-tokens", asked.output_tokens, 2),
                               ("--requests", asked.requests or 1, 1)):  # fmt: skip
        if not least <= value <= _MOST_TOKENS:
            raise UsageError(f"{value} is out of range.", where=name, hint=f"{least} or more")
    points = tuple(
        GridPoint(load, tokens, asked.requests or max(_LEAST_REQUESTS, _PER_LOAD * load))
        for tokens in prompts
        for load in loads
    )
    return Grid(model, points, asked.output_tokens, asked.seed)


def _only_read(connection: Connection) -> Done:
    page = asyncio.run(read(connection))
    if page == Page():
        raise EndpointError(
            f"{connection.host} shows no metrics page of vLLM or SGLang at /metrics.",
            hint="vLLM has one always, SGLang with --enable-metrics.",
        )
    told = difference(from_the_start(page), page)
    return Done(None, None, told, {"read_only": True})


def _may_send(asked: Calibration, place: Place, grid: Grid, ask: Ask | None) -> bool:
    """Whether the user wants the load; a free server is asked about too, for others may be using it."""
    worst = _worst_pusd(asked, place, grid)
    budget = _budget_pusd(asked.budget)
    said = (
        f"{grid.requests:,} requests to {place.host} ({grid.model}): about {grid.input_tokens:,} input"
        f" and at most {grid.most_output_tokens:,} output tokens, {show(worst)} at worst."
    )
    said = clean(said)
    if budget is not None and worst > budget:
        raise UsageError(
            f"{said} That is over the budget of {show(budget)}. Nothing was sent.",
            where="--budget", hint="Fewer --loads, --prompt-tokens or --requests cost less.",
        )  # fmt: skip
    if asked.yes:
        return True
    if ask is None and not (sys.stdin.isatty() and sys.stderr.isatty()):
        if budget is not None:
            return True
        raise UsageError(
            f"{said} Nobody is there to be asked.",
            hint="--yes sends it; --budget USD bounds what it may spend. Nothing was sent.",
        )
    answer = (ask or _typed)(f"{said} Send it? [y/N] ")
    return answer.strip().lower() in ("y", "yes")


def _worst_pusd(asked: Calibration, place: Place, grid: Grid) -> int:
    from costopt.prices.book import load_book

    money = Money(load_book(asked.prices), free=place.private)
    one = request_of(grid, 1, Random(0))
    tokens = [2 * grid.input_tokens // grid.requests] * grid.requests
    return sum(money.bounds(one, n)[1] for n in tokens)


def _budget_pusd(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        value = Decimal(text.removeprefix("$"))
        if not 0 <= value <= 1_000_000:
            raise ValueError
        return int(pico(value))
    except (InvalidOperation, ValueError) as error:
        raise UsageError(
            f"`{text}` is no amount of dollars.", where="--budget", hint="20, or 0.50"
        ) from error


def _typed(line: str) -> str:
    sys.stderr.write(line)
    sys.stderr.flush()
    return sys.stdin.readline()


def _speculating(replica: Replica, metrics: Mapping[str, Any]) -> Replica:
    """The server drafts: its steps verify so many tokens, and gain so many."""
    found = drafted(metrics)
    if found is None:
        return replica
    return replace(replica, draft_tokens=found[0], tokens_per_step=found[1])


def _plain(name: str) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c in "_.-") else "-" for c in name)[
        :64
    ].strip("-.")


def _notes(grid: Grid, fitted: Calibrated, metrics: Mapping[str, Any]) -> tuple[str, ...]:
    """What a reader should know before believing the fit."""
    notes = []
    if fitted.at_bound:
        names = ", ".join(fitted.at_bound)
        notes.append(
            f"At a bound: {names}. The hardware, the precision or the engine may not be what was said."
        )
    if any(not point.streamed for point in fitted.points):
        notes.append("It gives no usage in streams: only whole latencies were measured.")
    short = [p for p in fitted.points if float(p.output_tokens.mean()) < 0.5 * grid.output_tokens]
    if short:
        notes.append("Many answers ended early: TPOT rests on few tokens.")
    if drafted(metrics) is not None:
        notes.append(
            "The acceptance rate is that of made-up words and of whoever used the server meanwhile."
        )
    return tuple(notes)
