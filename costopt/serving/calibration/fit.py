"""Fit the constants that a grid can tell, leave the others as shipped, judge the fit by loads left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import NDArray

from costopt.errors import InputError
from costopt.serving.calibration.bounds import Bounds
from costopt.serving.calibration.identify import Told, tell
from costopt.serving.calibration.least_squares import solve
from costopt.serving.calibration.observed import Figures, Observed, loads_of
from costopt.serving.calibration.replica import Replica
from costopt.serving.efficiency import Efficiencies

Float = NDArray[np.float64]

PRIOR = 0.05
"""Weight of a log distance from the shipped value against a log error: keeps what is not told in place."""
SOFT = 0.15
"""Log errors beyond it count linearly: one disturbed load does not bend the others."""
STEPS = (0.15, 0.03)
"""Widths of the differences, one fit after the other: a simulated queue moves in jumps, and only a wide
difference sees over them."""
_AGAIN, _APART = 3, 0.5
"""Drawn beginnings of a fit, and how far apart they lie in log units."""
_PROBE = 0.05
"""Of the slopes that decide what is told, in log units."""
_UNSERVED = 5.0
"""Log error of a figure that the simulation does not give."""


@dataclass(frozen=True, slots=True)
class Calibrated:
    """The constants, what told them, and how near they come."""

    values: Efficiencies
    told: Told
    at_bound: tuple[str, ...]
    """Fitted constants that ended at a bound: the step model lacks something there, or the hardware is
    not what it was said to be."""
    points: tuple[Observed, ...]
    predicted: tuple[Figures, ...]
    """[point] with the constants that all loads fitted."""
    held_out: tuple[Figures | None, ...]
    """[point] with the constants that the other loads fitted; None: there is one load only."""


def calibrate(
    replica: Replica, points: Sequence[Observed], start: Efficiencies, bounds: Bounds,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Calibrated:  # fmt: skip
    """Fit `points`. InputError where nothing was measured, UsageError where the model cannot have run."""
    if not points:
        raise InputError("No load was measured, so there is nothing to fit.")
    replica.check(points)
    loads = loads_of(points)
    total = 2 + (len(loads) if len(loads) > 1 else 0)
    every = Efficiencies.names()
    near = fitted(replica, points, start, bounds, every, _apart(start, start, every), STEPS[:1])
    told = identified(replica, points, near)
    progress(1, total)
    names = tuple(told.fitted)
    values = fitted(replica, points, start, bounds, names, _apart(start, near, names))
    progress(2, total)
    held_out: list[Figures | None] = [None] * len(points)
    for done, load in enumerate(loads if len(loads) > 1 else ()):
        others = [p for p in points if p.concurrency != load]
        without = fitted(replica, others, start, bounds, names, [values])
        places = [n for n, p in enumerate(points) if p.concurrency == load]
        for place, figures in zip(
            places, replica.served([points[n] for n in places], without), strict=True
        ):
            held_out[place] = figures.figures()
        progress(3 + done, total)
    return Calibrated(
        values, told, _at_bound(values, names, bounds), tuple(points),
        tuple(p.figures() for p in replica.served(points, values)), tuple(held_out),
    )  # fmt: skip


def identified(replica: Replica, points: Sequence[Observed], near: Efficiencies) -> Told:
    """What the grid tells, seen from where a fit of all constants ended."""
    names = Efficiencies.names()
    errors = _errors_of(replica, points)
    x = np.log([getattr(near, name) for name in names])
    here = errors(near)
    columns = []
    for place, name in enumerate(names):
        there = x.copy()
        there[place] += _PROBE
        moved = errors(replace(near, **{name: float(np.exp(there[place]))}))
        columns.append((moved - here) / _PROBE)
    return tell(names, np.array(columns).T, _noise(points))


def fitted(
    replica: Replica, points: Sequence[Observed], start: Efficiencies, bounds: Bounds,
    names: Sequence[str], begins: Sequence[Efficiencies] = (), steps: Sequence[float] = STEPS,
) -> Efficiencies:  # fmt: skip
    """These constants fitted, from `start` and with a weak pull towards it; `begins`: further beginnings."""
    if not names:
        return start
    low, high = (np.log([bounds[name][side] for name in names]) for side in (0, 1))
    home = np.clip(_logs(start, names), low, high)
    errors = _errors_of(replica, points)

    def residuals(z: Float) -> Float:
        values = _with(start, names, z)
        return np.concatenate((_dampened(errors(values)), PRIOR * (z - home)))

    places = [home, *(_logs(one, names) for one in begins)]
    tried = [solve(residuals, one, low, high, step=steps[0], turns=6) for one in places]
    best = min(tried, key=lambda one: float(one.residuals @ one.residuals))
    for step in steps[1:]:
        best = solve(residuals, best.x, low, high, step=step)
    return _with(start, names, best.x)


def _apart(start: Efficiencies, near: Efficiencies, names: Sequence[str]) -> list[Efficiencies]:
    """Beginnings of a fit: a simulated queue moves in jumps, and between those lie valleys."""
    draw, home = np.random.default_rng(0), _logs(start, names)
    drawn = home + _APART * draw.standard_normal((_AGAIN, len(names)))
    return [near, *(_with(start, names, z) for z in drawn)]


def _logs(values: Efficiencies, names: Sequence[str]) -> Float:
    return np.log([getattr(values, name) for name in names])


def _with(values: Efficiencies, names: Sequence[str], z: Float) -> Efficiencies:
    return replace(values, **dict(zip(names, np.exp(z).tolist(), strict=True)))


def _dampened(errors: Float) -> Float:
    soft = SOFT * np.sqrt(2 * (np.sqrt(1 + (errors / SOFT) ** 2) - 1))
    return np.asarray(np.sign(errors) * soft, np.float64)


def _errors_of(replica: Replica, points: Sequence[Observed]) -> Callable[[Efficiencies], Float]:
    """Log errors of every figure that was measured, as a function of the constants."""
    measured = np.array([_fitted_figures(p, p.middles()) for p in points]).ravel()
    known = np.isfinite(measured) & (measured > 0)

    def errors(values: Efficiencies) -> Float:
        said = replica.served(points, values)
        told = np.array([_fitted_figures(p, p.middles()) for p in said])
        with np.errstate(divide="ignore", invalid="ignore"):
            found = np.log(told.ravel()[known] / measured[known])
        return np.nan_to_num(found, nan=_UNSERVED, posinf=_UNSERVED, neginf=-_UNSERVED)

    return errors


def _fitted_figures(point: Observed, figures: Figures) -> tuple[float, float, float]:
    """TTFT and TPOT of a stream, else the whole latency."""
    if point.streamed:
        return figures.ttft_ms, figures.tpot_ms, np.nan
    return np.nan, np.nan, figures.latency_ms


def _noise(points: Sequence[Observed]) -> Float:
    """[figure] in the order of the errors."""
    measured = np.array([_fitted_figures(p, p.middles()) for p in points]).ravel()
    noise = np.array([p.noise() for p in points]).ravel()
    return noise[np.isfinite(measured) & (measured > 0)]


def _at_bound(values: Efficiencies, names: Sequence[str], bounds: Bounds) -> tuple[str, ...]:
    told = asdict(values)
    return tuple(
        name for name in names
        if min(told[name] / bounds[name].low, bounds[name].high / told[name]) < 1.01
    )  # fmt: skip
