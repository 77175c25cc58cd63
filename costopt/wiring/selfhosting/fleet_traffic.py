"""Whose requests a fleet would serve: the calls that would move, behind the policy's other layers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from costopt.engine.handed import Handed
from costopt.errors import InputError, UsageError, nearest
from costopt.layers.parts.moves import Moves, by_move
from costopt.layers.parts.self_host_fleet import Traffic, traffic_of
from costopt.layers.parts.self_host_moves import STAY_WORDS, moves_of
from costopt.layers.parts.self_host_report import STAY_TEXTS
from costopt.layers.parts.self_host_served import Served, served_by
from costopt.layers.self_host import SelfHost
from costopt.model.leaf import INPUT, OUTPUT
from costopt.model.view import View
from costopt.money import exact_sum
from costopt.prices.contract import PriceBook
from costopt.report import selfhost
from costopt.serving.arrivals import DAY_S, Arrivals
from costopt.serving.arrivals_azure import azure
from costopt.serving.arrivals_scaled import longest_shift_s, scaled
from costopt.serving.arrivals_servegen import servegen

KINDS = ("azure", "servegen")
MOST_NAMED = 5


@dataclass(frozen=True)
class Moving:
    """The traffic in all its forms."""

    view: View
    artifacts: Handed
    served: Served
    moves: Moves
    source: str
    today: Traffic
    """As it is now, at scale 1."""
    asked: Traffic
    """At the scale asked for."""
    scale: float

    @property
    def moved_pusd(self) -> int:
        """What the provider charges for the calls that move, behind the other layers."""
        return int(exact_sum(self.artifacts.bill(self.view).net_pusd[self.moves.moved]))

    @property
    def day_pusd(self) -> int:
        """The same of a day of today's whole traffic."""
        if self.source == "log":
            return round(Fraction(self.moved_pusd) / self.today.charged)
        return round(self._by_token() / Fraction(self.today.arrivals.days))

    def _by_token(self) -> Fraction:
        """The log's price of an input and of an output token, times the file's tokens."""
        bill, moved = self.artifacts.bill(self.view), self.moves.moved
        leaves = self.view.leaves[moved]
        counts = [int(leaves[:, part].sum()) for part in (INPUT, OUTPUT)]
        listed = int(exact_sum(bill.list_pusd[moved]))
        into = Fraction(int(exact_sum(bill.input_pusd[moved])) * self.moved_pusd, max(listed, 1))
        parts = into, self.moved_pusd - into
        pairs = zip(parts, counts, self.today.arrivals.tokens, strict=True)
        return sum((part * n / max(count, 1) for part, count, n in pairs), Fraction(0))


def moving(
    layer: SelfHost, view: View, artifacts: Handed, prices: PriceBook, source: str, scale: float,
    seed: int,
) -> Moving:  # fmt: skip
    """Raises InputError where nothing would move, UsageError for a part or an input that is not there."""
    served = served_by(layer, view, artifacts)
    try:
        moves = moves_of(served, view, prices, artifacts)
    except KeyError as error:
        raise _no_part(layer, view) from error
    if not moves.moved.any():
        raise _nothing(layer, view, moves)
    today, kind = traffic_of(layer, view, moves, artifacts), "log"
    if source:
        kind, arrivals = _read(source, layer.hours * 3600, seed)
        days = Fraction(round(1e6 * arrivals.span_s), round(1e6 * DAY_S))
        today = replace(
            today, arrivals=arrivals, own=arrivals, charged=days, logged_s=arrivals.span_s
        )
    asked = today
    if scale != 1:
        asked = replace(today, arrivals=scaled(today.arrivals, scale, seed))
        if not asked.arrivals.n:
            raise InputError(
                "no session is left at this multiple of the traffic.", where=f"--scale {scale:g}"
            )
    return Moving(view, artifacts, served, moves, kind, today, asked, scale)


def _read(source: str, span_s: float, seed: int) -> tuple[str, Arrivals]:
    """(kind, requests) of `azure:FILE` or `servegen:FOLDER`."""
    kind, _, name = source.partition(":")
    kind = kind.strip().lower()
    if kind not in KINDS or not name:
        hint = nearest(kind, KINDS) or "azure:FILE or servegen:FOLDER, as they are published."
        raise UsageError(f"`{source}` names no arrivals.", where="--arrivals", hint=hint)
    readers: dict[str, Callable[[Path], Arrivals]] = {
        "azure": lambda path: azure(path, span_s or None),
        "servegen": lambda path: servegen(path, 0.0, span_s or DAY_S, seed),
    }
    try:
        return kind, readers[kind](Path(name))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}.", where=name) from error
    except UnicodeDecodeError as error:
        raise InputError("is no UTF-8 text.", where=name) from error


def _no_part(layer: SelfHost, view: View) -> UsageError:
    """A part of `--match` that the log does not have."""
    known = [*view.trace.dims, "session"]
    for part, _ in layer.match:
        if part not in known:
            hint = nearest(part, known) or f"It has: {', '.join(known)}."
            return UsageError(f"the log has no `{part}`.", where="--match", hint=hint)
    return UsageError("the log lacks a part that picks calls.", where="--match")


def _nothing(layer: SelfHost, view: View, moves: Moves) -> InputError:
    """What is missing for one call to move."""
    kept = kept_of(moves)
    told = [STAY_TEXTS[word].format(n=n) for word, n in kept.items()]
    if not told:
        names = np.array(view.model.values)[view.model.codes[view.sent]]
        found, counts = np.unique(names, return_counts=True)
        ranked = sorted(
            zip(found.tolist(), counts.tolist(), strict=True), key=lambda p: (-p[1], p[0])
        )
        said = ", ".join(f"{name or '(no name)'} {n:,}" for name, n in ranked[:MOST_NAMED])
        told = [f"Calls by model: {said}." if said else "No call goes to a provider any more."]
    where = " ".join(f"{part}={'|'.join(values)}" for part, values in layer.match)
    return InputError(
        "no call can move to a server of your own.", where=f"--match {where}" if where else "",
        hint=" ".join(told),
    )  # fmt: skip


def kept_of(moves: Moves) -> dict[str, int]:
    """Reason to calls that stay for it, of those asked about."""
    counts = {word: int((moves.bar == stay).sum()) for stay, word in STAY_WORDS.items()}
    return {word: n for word, n in counts.items() if n}


def told(found: Moving) -> selfhost.Traffic:
    """For the result."""
    arrivals, moves = found.asked.arrivals, found.moves
    prompt, output = arrivals.tokens
    return selfhost.Traffic(
        source=found.source, calls=found.view.trace.n, moved=int(moves.moved.sum()),
        stay=kept_of(moves), moves=by_move(moves),
        counted=found.artifacts.tokens(found.view).label(found.served.layer.model),
        days=arrivals.days, log_hours=found.today.logged_s / 3600,
        window_is_stated=bool(found.served.layer.hours), scale=found.scale, requests=arrivals.n,
        requests_per_day=arrivals.n / arrivals.days, peak_per_minute=60 * arrivals.peak_per_s(),
        input_tokens_per_day=prompt / arrivals.days, output_tokens_per_day=output / arrivals.days,
        copies_apart_s=longest_shift_s(found.today.arrivals), left_out=dict(arrivals.left_out),
    )  # fmt: skip
