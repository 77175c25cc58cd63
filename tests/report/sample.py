"""A small result, written by hand, for the renderers; `evil` puts hostile text wherever a log could."""

from __future__ import annotations

from costopt.model.result import (
    BillInfo,
    ChecklistItem,
    Coverage,
    FileInfo,
    FindingItem,
    PromptCacheInfo,
    Reconciliation,
    ReconciliationGroup,
    Result,
    SessionDollars,
    SessionInfo,
    Tokens,
    TraceInfo,
)

EVIL = (
    "</script><script>alert(1)</script><img src=x onerror=alert(1)>\x1b[31mred\u202egnp.exe"
    '"\' onmouseover=alert(1) | [link](javascript:alert(1)) `code` =HYPERLINK("http://x")'
)


def result(name: str = "planner") -> Result:
    """Totals agree: agents, components and paid-for rows each sum to $10."""
    return Result(
        "costopt.result/1", "0.1.0", "fake book of 2026-11-01", "demo",
        _trace(name), _bill(name),
        [SessionInfo(f"s{i}", name, name, 3, 900, 90, str(i * 10**11), None) for i in range(1, 9)],
        False,
        PromptCacheInfo(0.62, 0.97, 0.6, 1.1, [
            {"provider": "openai", "model": name, "recorded_share": 0.62, "ideal_share": 0.97,
             "modelled_share": 0.6, "heldout_residual_pp": 1.1}]),
        None, _checklist(name), _findings(name),
        Coverage("full", 31.0, None, None, 1.0, "exact", ["a note about " + name]),
    )  # fmt: skip


def _trace(name: str) -> TraceInfo:
    files = [FileInfo(f"{name}.jsonl", "langsmith", 120, 100, 2, 8, 10)]
    return TraceInfo(files, 100, 8, "2026-10-01T00:00:00Z", "2026-10-31T23:59:59Z", 2, 8, 10)


def _bill(name: str) -> BillInfo:
    found = Reconciliation(
        90, 80, 0.5, 3.25, [ReconciliationGroup("cached input at full price", 10, 3.25)]
    )
    agents = [
        {"agent": name, "calls": 60, "sessions": 8, "usd": 7.0},
        {"agent": "triage", "calls": 40, "sessions": 8, "usd": 3.0},
    ]
    components = [
        {"component": "system", "new_tokens": 10, "resent_tokens": 90, "usd": 6.0},
        {"component": "output", "new_tokens": 50, "resent_tokens": 0, "usd": 4.0},
    ]
    models = [
        {"provider": "openai", "model": name, "calls": 100, "input_tokens": 9000,
         "cached_input_tokens": 5580, "output_tokens": 900, "usd": 10.0},
    ]  # fmt: skip
    steps = [
        {"step": i, "calls": 8, "mean_input_tokens": 100.0 * i, "usd": 2.5} for i in range(1, 5)
    ]
    days = [{"day": f"2026-10-{d:02d}", "calls": 3, "usd": 0.5} for d in range(1, 21)]
    return BillInfo(
        total_usd=10.0, recorded_usd=13.25, reconciliation=found, unpriced_calls=1,
        unpriced_models=[name], estimated_calls=2, missing_usage_calls=3,
        tokens=Tokens(9000, 3420, 5580, 0, 900, 100),
        per_session_usd=SessionDollars(1.25, 1.0, 4.0, 4.4, 4.5), forecast_month_usd=None,
        forecast_reason="no stated coverage", list_usd=10.0, discount_usd=0.0, estimated_usd=0.1,
        estimated_in_bill=True,
        missing_usd_range=[0.1, 0.2], subscription_usd=0.0, by_model=models, by_agent=agents,
        by_task=[{"task": name, "calls": 100, "usd": 10.0}],
        by_tool=[{"tool": name, "calls": 5, "usd": 1.0}], by_workflow=[], by_user_segment=[],
        by_tenant=[], by_component=components, by_step=steps, by_day=days,
        paid_for=[{"what": "system + tools", "usd": 6.0}, {"what": "answers", "usd": 4.0}],
    )  # fmt: skip


def _checklist(name: str) -> list[ChecklistItem]:
    return [
        ChecklistItem(4, "window", "rolling window of 6 to 8 turns", "harmful", name, "6 to 8",
                      -2.5, "it breaks the cache", "leave it"),
        ChecklistItem(8, "prefix_caching", "prefix caching on", "pass", "62 %", "> 50 %", None,
                      name, "nothing"),
    ]  # fmt: skip


def _findings(name: str) -> list[FindingItem]:
    return [
        FindingItem("F1", "cache_breakers", f"{name}: clock in the system prompt", 4.2, 0.42, 60, 8,
                    "Move the clock to the end.", "prompt_layout", 1.0, False, {"x": name}, ["c1"]),
        FindingItem("F2", "model_choice", f"{name}: simple work on a dear model", 2.0, 0.2, 40, 8,
                    "Route it.", "route", 0.0, True),
    ]  # fmt: skip
