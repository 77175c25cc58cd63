"""How the layers of a projection are named and worded, the same in every section."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from costopt.model.result import Projection, Result
from costopt.model.secrets import masked
from costopt.report.words import places_for, plural, unit_text, units

NO_POLICY = "no policy was simulated"
MORE_PLACES = 4
"""Beyond the bill's own: a step of a millionth of it is nothing, not $0.000000123."""
BASIS = {
    "measured": "measured by a replay", "from_log": "counted in the log",
    "rule": "a rule of the provider", "assumed": "assumed",
}  # fmt: skip
Row = Mapping[str, Any]


def layers_of(result: Result, *names: str) -> list[tuple[str, Row]]:
    """(name with its place in the policy, row) of the layers called so; no names: of all."""
    rows = result.projection.layers if result.projection is not None else []
    return [
        (f"{i} {row['layer']}", row)
        for i, row in enumerate(rows, 1)
        if not names or row["layer"] in names
    ]


def acts(row: Row) -> bool:
    """The layer changes at least one call."""
    return bool(row.get("calls_touched"))


def proof(row: Row) -> str:
    """`verified`, `UNPROVEN, measured`, or that there is nothing to prove."""
    if not acts(row):
        return "changes no call"
    said = "verified" if row["verified"] else "UNPROVEN"
    return f"{said}, measured" if risk_measured(row) else said


def risk_measured(row: Row) -> bool:
    """A replay has compared answers under this layer."""
    return "risk" in (row.get("measured") or ())


def measured_layers(found: Projection) -> str:
    """`3 of 5 layers measured`; empty: no replay has measured any."""
    count = sum(bool(row.get("measured")) for row in found.layers)
    return f"{count} of {plural(len(found.layers), 'layer')} measured" if count else ""


def risk_words(row: Row) -> str:
    """`none`, `1.9 % (1.6 to 2.3)`, `not measured`."""
    return interval_of_share(row["risk"]) if acts(row) else "—"


def interval_of_share(risk: Row) -> str:
    """The same of a risk alone."""
    value, ci = risk.get("value"), risk.get("ci95")
    if value is None:
        return "not measured"
    if risk.get("metric") == "none":
        return "none"
    text = f"{100 * value:.1f} %"
    return f"{text} ({100 * ci[0]:.1f} to {100 * ci[1]:.1f})" if ci else text


def metric_words(row: Row) -> str:
    """`reach back rate`; a risk that there is none has no name."""
    metric = str(row["risk"].get("metric") or "none")
    return "—" if metric == "none" else metric.replace("_", " ")


def places_of(found: Projection) -> int:
    """Decimals that show the largest step with three digits; the same in a whole card."""
    largest = max((abs(row["step_usd"]) for row in found.layers), default=0.0)
    bill = places_for(found.baseline_usd)
    return min(bill + MORE_PLACES, max(bill, places_for(largest)))


def steps_shown(found: Projection) -> list[str]:
    """The dollars of every step without their sign, as the table shows them: they sum to the savings."""
    places, values = places_of(found), [float(row["step_usd"]) for row in found.layers]
    counts = units(values, found.savings_usd, places)
    return [unit_text(abs(n), abs(v), places) for n, v in zip(counts, values, strict=True)]


def interval_words(ci: list[float] | None) -> str:
    """`95 %: 14.5 to 43.6 %`, or nothing."""
    return f"95 %: {ci[0]:.1f} to {ci[1]:.1f} %" if ci else ""


def figures(evidence: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """(name, value) of what is one figure or word; lists have tables of their own."""
    for key, value in evidence.items():
        name = f"{prefix}{str(key).replace('_', ' ')}"
        if isinstance(value, Mapping):
            yield from figures(value, f"{name}: ")
        elif isinstance(value, (str, bool, int, float)) or value is None:
            yield masked(name), masked(figure(str(key), value))


def figure(key: str, value: Any) -> str:
    """A value by what its name says it is: a share, dollars, a count."""
    if value is None or value == "":
        return "—"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        if key.endswith(("_rate", "_share")) or "_share_" in key or "disagreement" in key:
            return f"{100 * value:.1f} %"
        if key.endswith("_usd"):
            return f"${value:,.{places_for(value)}f}"
        return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"
    return str(value)
