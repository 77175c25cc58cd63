"""Prometheus rule files, plain or in Kubernetes: which alerts look at a 95th percentile of cost.

Shape: https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/ (checked 2026-11-24).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from costopt.checklist.evidence import Fact, Kind, Topic
from costopt.wiring.deployment.document import MONEY_OR_TOKENS, P95, mapping, sequence, text_of

KIND = Kind.PROMETHEUS
_METRIC = re.compile(r"[a-zA-Z_:][\w:]*")


def recognised(document: Any) -> bool:
    """Rule groups whose rules have an expression."""
    return any("expr" in rule for _, rule in rules(document))


def facts(document: Any, name: str) -> Iterator[Fact]:
    """One fact an alert."""
    recorded = {
        text_of(r["record"]): text_of(r.get("expr", ""))
        for _, r in rules(document)
        if "record" in r
    }
    for group, rule in rules(document):
        if "alert" in rule:
            yield alert_fact(
                text_of(rule["alert"]),
                expanded(text_of(rule.get("expr", "")), recorded),
                f"{name}: {group}",
            )


def rules(document: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """(group name, rule) of every rule."""
    top = mapping(document)
    groups = sequence(top.get("groups")) or sequence(mapping(top.get("spec")).get("groups"))
    for group in groups:
        for rule in sequence(mapping(group).get("rules")):
            yield text_of(mapping(group).get("name", "")), mapping(rule)


def expanded(expression: str, recorded: dict[str, str]) -> str:
    """The expression with those of the recording rules it uses put after it."""
    used = [recorded[m] for m in _METRIC.findall(expression) if m in recorded]
    return "\n".join([expression, *used])


def alert_fact(title: str, expression: str, place: str) -> Fact:
    """A P95 alert on cost or tokens, or another alert and what it lacks."""
    percentile, money = P95.search(expression), MONEY_OR_TOKENS.search(expression)
    if percentile and money:
        return Fact(Topic.P95_ALERT, True, f"alert `{title}` looks at the P95 of cost", place)
    lacks = "no percentile" if money else "not about cost"
    return Fact(Topic.OTHER_ALERT, True, f"alert `{title}` ({lacks})", place)
