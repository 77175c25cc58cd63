"""Cost dashboards with alerts on the 95th percentile.

The invoice comes a month late. A panel of cost shows a change the same day, and an alert on the P95
of a session's cost fires for the few sessions that run away while the average still looks fine.

## How it is tested
No call log can show it: only deployment files can. Needed are a panel about cost and an alert whose
expression takes a 95th percentile of cost or tokens. An alert on the P95 of latency does not count.

## Proof from files
Grafana dashboard JSON or provisioned alert rules, Prometheus rule files, Datadog monitors and
dashboards.

## Source
Item 10 of the usual list of advice.
"""

from __future__ import annotations

from costopt.billing.context import AuditContext
from costopt.checklist.evidence import Evidence, Fact, Kind, Topic
from costopt.model.finding import CheckResult, CheckStatus

ITEM = 10
TITLE = "cost dashboards with P95 alerts"
TARGET = "a cost panel and an alert on the P95 of cost"
FILES = (Kind.PROMETHEUS, Kind.GRAFANA, Kind.DATADOG)
FIX = "Alert on the P95 of session cost beside a cost panel; hand both files over with --evidence."


def run(context: AuditContext, evidence: Evidence) -> CheckResult:
    """What the files show; unknown without them."""
    if not any(evidence.of(kind) for kind in FILES):
        why = "No log shows it. Grafana dashboards and Prometheus rules do (--evidence)."
        return _result(CheckStatus.UNKNOWN, "", why)
    panel, alert = evidence.proof(Topic.COST_PANEL), evidence.proof(Topic.P95_ALERT)
    value = f"cost panel: {_word(panel)}, P95 alert: {_word(alert)}"
    if panel is not None and alert is not None:
        return _result(CheckStatus.PASS, value, f"{_place(panel)}; {_place(alert)}.")
    seen = [f for f in (panel, alert) if f is not None]
    seen += [f for t in (Topic.OTHER_ALERT, Topic.OTHER_PANEL) if (f := evidence.proof(t))]
    why = "; ".join(_place(f) for f in seen[:3])
    return _result(CheckStatus.FAIL, value, f"Seen: {why}." if why else "The files are empty.")


def _word(fact: Fact | None) -> str:
    return "no" if fact is None else "yes"


def _place(fact: Fact) -> str:
    return f"{fact.source}: {fact.text}"


def _result(status: CheckStatus, value: str, why: str) -> CheckResult:
    fix = "" if status == CheckStatus.PASS else FIX
    return CheckResult(ITEM, "dashboards", TITLE, status, value, TARGET, why, fix)
