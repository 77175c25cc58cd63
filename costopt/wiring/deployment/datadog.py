"""Datadog monitors and dashboards (JSON of the API): panels of cost, alerts on its P95.

Shape: https://docs.datadoghq.com/api/latest/monitors/ and /dashboards/ (checked 2026-11-24).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from costopt.checklist.evidence import Fact, Kind, Topic
from costopt.wiring.deployment.document import COST, mapping, sequence, text_of, texts
from costopt.wiring.deployment.prometheus import alert_fact

KIND = Kind.DATADOG


def recognised(document: Any) -> bool:
    """A monitor with a query, or a dashboard with widgets."""
    top = mapping(document)
    monitor = text_of(top.get("type", "")).endswith("alert") and "query" in top
    return monitor or bool(sequence(top.get("widgets")))


def facts(document: Any, name: str) -> Iterator[Fact]:
    """One fact a monitor or widget."""
    top = mapping(document)
    if "query" in top:
        yield alert_fact(text_of(top.get("name", "")), text_of(top["query"]), name)
    for widget in sequence(top.get("widgets")):
        about = texts(widget)
        title = text_of(mapping(mapping(widget).get("definition")).get("title", "(no title)"))
        topic = Topic.COST_PANEL if COST.search(about) else Topic.OTHER_PANEL
        yield Fact(topic, True, f"widget `{title}`", name)
