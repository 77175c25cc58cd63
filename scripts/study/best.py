"""What would have helped: of all single changes tried, the one that saved most, at any risk and at little."""

from __future__ import annotations

from study.words import Figures, named, rate, saved, table, usd

LITTLE = 0.05
"""One answer in twenty reaches back or differs. A choice, not a measurement."""


def changes(figures: Figures, log: str) -> dict[str, Figures]:
    """Every single change of which the log itself shows the risk."""
    out = {
        "an exact cache": figures["semantic"]["logs"][log]["exact"],
        "a semantic cache where a question begins": figures["semantic"]["logs"][log]["asked"],
        "batches for what nobody waits for": figures["batch"]["logs"][log]["inferred"],
    }
    for name, f in figures["windows"]["logs"][log]["variants"].items():
        out[f"a window of {name}" + ("" if "steps" in name else ", at every turn")] = f
    for limit, f in figures["tools"]["logs"][log]["limits"].items():
        out[f"tool results cut to {int(limit):,} tokens"] = f
    return {name: f for name, f in out.items() if f["saved_usd"] > 0}


def told(figures: Figures) -> list[str]:
    rows = []
    for log in figures["logs"]:
        found = changes(figures, log)
        safe = {n: f for n, f in found.items() if _little(f["layers"][0])}
        rows.append((named(log, figures["logs"]), *_best(found), *_best(safe)))
    head = ("log", "best single change", "saves", "answers at risk",
            "best at little risk", "saves", "answers at risk")  # fmt: skip
    return table(head, rows)


def _little(layer: Figures) -> bool:
    return bool(layer["verified"]) or (layer["risk"] is not None and layer["risk"] <= LITTLE)


def _best(found: Figures) -> tuple[str, str, str]:
    if not found:
        return "none", "-", "-"
    name = max(found, key=lambda n: found[n]["saved_usd"])
    f = found[name]
    layer = f["layers"][0]
    return name, f"{usd(f['saved_usd'])}, {saved(f)}", rate(layer["risk"], layer["risk_ci95"])
