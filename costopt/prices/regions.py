"""Premiums for inference held in one region. Global is the list price, geography the premium."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from costopt.prices.catalog import Row
from costopt.prices.names import claude_version
from costopt.prices.own_data import cited, data

_NOWHERE = frozenset({"", "global", "not_available", "unknown", "none"})


def premium(row: Row, charger: str, region: str, geo: str) -> tuple[Decimal, str]:
    """(factor on every token class, its source). Bedrock's own rows already hold their region's price."""
    bedrock = charger == "aws"
    where = (geo if row.provider != "aws" else "") if bedrock else region.strip().lower()
    if where in _NOWHERE:
        return Decimal(1), ""
    for rule in data("regions")["regions"]:
        if rule["provider"] == charger and _holds(rule, row, where):
            return Decimal(rule["multiplier"]), f"x{rule['multiplier']} for {where}: {cited(rule)}"
    return Decimal(1), ""


def _holds(rule: dict[str, Any], row: Row, where: str) -> bool:
    if "regions" in rule and where not in rule["regions"]:
        return False
    if where in rule.get("except", ()):
        return False
    if "models" in rule:
        return row.model in rule["models"]
    version = claude_version(row.model)
    return version is not None and version >= tuple(rule["claude_from"])
