"""A replay's result, written by hand; names and answers may be hostile.

python -m tests.report.replayed > tests/report/golden/replayed.md    # after a change of words
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from costopt.model.replayed import Agreement, Compared, Disagreement, ReplayedLayer, ReplayInfo
from costopt.model.result import Result
from tests.report.projected import layer, projected

STATEMENT = "Measured on 400 requests that api.openai.com answered."
OFFLINE = "REPLAYED AGAINST YOUR LOG: proves plumbing and prices, NOT answers"


def agreement(answers: int, agree: int, ci: list[float], test: str = "same_action") -> Agreement:
    return Agreement(
        test, answers, agree, agree / answers, ci, 60, 58, 58 / 60, 0.83, [-2.1, 3.9], 40
    )


def layers(name: str) -> list[ReplayedLayer]:
    """Verified ones: $8.00 projected, $7.75 now."""
    return [
        ReplayedLayer("prompt_layout", {}, 4.0, 3.875, "84.2->83.1 % hit", "keep",
                      "No more answers differ than the noise.", 120,
                      [{"what": "cached share", "predicted": 0.842, "measured": 0.831, "unit": "share"}],
                      [agreement(120, 117, [0.93, 0.99])], None, True, True),
        ReplayedLayer("trim_tools", {"max_tokens": 600}, 3.0, 2.875, "in -61.0->-59.8 %", "keep",
                      f"At most 3.9 pp above the noise {name}.", 100,
                      [{"what": "input removed", "predicted": 0.61, "measured": 0.598, "unit": "share"}],
                      [agreement(100, 96, [0.90, 0.98])], None, True, True),
        ReplayedLayer("batch", {}, 1.0, 1.0, "price rule", "not_measured",
                      "A price rule of the provider.", 0, [], [], None, True, True),
        ReplayedLayer("route", {"tiers": {name: "small"}}, 0.5, None, "out x1.00->1.07", "drop",
                      "7.2 pp more answers differ than the noise.", 120,
                      [{"what": "output ratio", "predicted": 1.0, "measured": 1.07, "unit": "ratio"}],
                      [agreement(120, 103, [0.79, 0.91])], None, False, None),
        ReplayedLayer("compress", {}, 0.25, 0.25, "", "more", "30 answers are too few.", 30, [],
                      [agreement(30, 28, [0.78, 0.99])], 120, False, False),
    ]  # fmt: skip


def info(name: str = "planner", **more: Any) -> ReplayInfo:
    """Of a live replay, with everything filled."""
    compared = [
        Compared("usd", "policy", 200, 11.2, 11.41, 1.9, 11.31, [10.4, 12.1], True, "log x ratio"),
        Compared("input_tokens", "policy", 200, 1.2e5, 1.21e5, 0.8, 1.205e5, [1.1e5, 1.3e5], True, "log"),
        Compared("ttft_ms", "policy", 200, None, 412.0, None, None, None, None, "", "the log has none"),
        Compared("usd", "noise", 60, 3.0, None, None, 3.0, None, None, "log", "no usage came back"),
    ]  # fmt: skip
    sample = [
        {"stratum": s, "arm": a, "calls": n, "of": of, "expected_usd": e, "worst_usd": w, "proves": p}
        for s, a, n, of, e, w, p in (
            ("trim_tools", "policy", 100, 1204, 5.0, 7.3, "100 of 100 agreeing proves at least 96.4 %"),
            ("trim_tools", "noise", 60, 1204, 2.5, 4.0, ""),
            ("route", "policy", 120, 300, 3.94, 5.5, "120 of 120 agreeing proves at least 97.0 %"),
            ("", "policy", 120, 9000, 2.5, 3.0, "the bill as a whole"),
        )
    ]  # fmt: skip
    worst = [
        Disagreement(
            "call-7", "route", "policy", "same_action", 0.0, f"search({name})", "I do not know."
        ),
        Disagreement("call-9", "trim_tools", "policy", "exact", 0.4, f"yes {name}", "no"),
    ]
    found = ReplayInfo(
        12, "abc", "api.openai.com", "endpoint", STATEMENT, "done", 400, 400, 0, 0, 0, 0, 7,
        13.94, 19.8, 20.0, 13.41, 0.0, 372.0, sample, [{"reason": f"no text kept {name}", "calls": 12}],
        compared, [agreement(60, 58, [0.886, 0.99])], layers(name), 8.0, 7.75, 77.5, [70.0, 81.2],
        2.25, 10.0, worst, ".costopt/replay/12/diff.md", {"trim_tools": {"replayed_answers": 50}},
        {"prefix_hit_share": 0.61}, [f"A note about {name}."],
    )  # fmt: skip
    return replace(found, **more)


def replayed(name: str = "planner", **more: Any) -> Result:
    """A result whose verified layers save $8.00 of $10.00."""
    rows = [layer(x.layer, x.projected_usd, settings=x.settings, verified=x.projected_verified,
                  verified_step_usd=x.projected_usd if x.projected_verified else None)
            for x in layers(name)]  # fmt: skip
    base = projected(name, layers=rows)
    assert base.projection is not None
    found = replace(
        base.projection, verified_savings_usd=8.0, verified_savings_pct=80.0,
        verified_ci95_pct=[75.0, 84.0],
    )  # fmt: skip
    return replace(base, projection=found, replay=info(name, **more))


def offline(name: str = "planner") -> Result:
    """The same against the log: nothing is measured."""
    bare = [replace(x, now_usd=None, measured="", says="not_measured", agreement=[], quantities=[],
                    now_verified=None) for x in layers(name)]  # fmt: skip
    return replayed(
        name, origin="recorded", endpoint="recorded answers", statement=OFFLINE, answered=120,
        failed=280, spent_usd=0.0, budget_usd=None, layers=bare, now_savings_usd=None,
        now_savings_pct=None, now_ci95_pct=None, now_projected_usd=None, compared=[], noise=[],
        worst=[], evidence={}, retries=0,
    )  # fmt: skip


if __name__ == "__main__":
    import sys

    from costopt.report.render.markdown import markdown_report

    sys.stdout.write(markdown_report(replayed()))
