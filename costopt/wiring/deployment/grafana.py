"""Grafana dashboards (JSON model) and provisioned alert rules: panels of cost, alerts on its P95.

Shape: https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
(checked 2026-11-24).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from costopt.checklist.evidence import Fact, Kind, Topic
from costopt.wiring.deployment.document import COST, mapping, sequence, text_of, texts, walk
from costopt.wiring.deployment.prometheus import alert_fact

KIND = Kind.GRAFANA
_WORDS = ("expr", "rawSql", "query", "title", "unit", "legendFormat", "description")


def recognised(document: Any) -> bool:
    """A dashboard with panels, as exported or as the API takes it, or provisioned alert rules."""
    return bool(_panels(document)) or any(True for _ in _provisioned(document))


def facts(document: Any, name: str) -> Iterator[Fact]:
    """One fact a panel, and one an alert."""
    for panel in _panels(document):
        title = text_of(panel.get("title", "(no title)"))
        about = "\n".join(
            text_of(v) for _, key, v in walk(panel) if key in _WORDS and isinstance(v, str)
        )
        cost = COST.search(about) or "currency" in about
        topic = Topic.COST_PANEL if cost else Topic.OTHER_PANEL
        yield Fact(topic, True, f"panel `{title}`", name)
        if mapping(panel.get("alert")):
            yield alert_fact(title, texts(panel), name)
    for title, rule in _provisioned(document):
        yield alert_fact(title, texts(rule), name)


def _panels(document: Any) -> list[dict[str, Any]]:
    """Panels of the dashboard, those inside rows too."""
    top = mapping(document)
    top = mapping(top.get("dashboard")) or top
    found = []
    for panel in sequence(top.get("panels")) + [
        p for row in sequence(top.get("rows")) for p in sequence(mapping(row).get("panels"))
    ]:
        inner = sequence(mapping(panel).get("panels"))
        found += [mapping(p) for p in inner] if inner else [mapping(panel)]
    return [p for p in found if p.get("type") != "row"]


def _provisioned(document: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """(title, rule) of unified alerting rules."""
    for group in sequence(mapping(document).get("groups")):
        for rule in sequence(mapping(group).get("rules")):
            if sequence(mapping(rule).get("data")):
                yield text_of(mapping(rule).get("title", "")), mapping(rule)
