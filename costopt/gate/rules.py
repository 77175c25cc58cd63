"""`gate.yaml`: what may not grow, how much, and how sure the gate must be before it says no."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from costopt.errors import UsageError, nearest

BY_SESSION = (
    "usd_per_session", "usd_per_call", "usd_per_task", "p50_session_usd", "p95_session_usd",
    "p99_session_usd", "input_tokens_per_call", "output_tokens_per_call", "calls_per_session",
    "total_usd",
)  # fmt: skip
"""Metrics that both sides have session by session: a rise has a bound, groups can be judged."""
WHOLE = ("cache_read_share", "semantic_hit_rate", "unpriced_calls")
"""Metrics of a whole result: one number a side."""
METRICS = (*BY_SESSION, *WHOLE, "checklist")


class Rule(BaseModel):
    """One rule. `max`/`min` are absolute; `max_increase_pct`/`max_decrease_pct` compare with the base."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    metric: str
    """What is measured: one of METRICS."""
    max: float | None = None
    """Largest value that HEAD may have, in the metric's own unit."""
    min: float | None = None
    """Smallest value that HEAD may have (shares and rates)."""
    max_increase_pct: float | None = None
    """Largest increase over BASE in percent."""
    max_decrease_pct: float | None = None
    """Largest decrease under BASE in percent (shares and rates)."""
    min_increase_usd: float = 0.0
    """An increase smaller than this many dollars a session never fails, whatever its percentage."""
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    """A relative rule fails only where this one-sided confidence bound lies beyond the limit."""
    by: Literal["agent", "task"] | None = None
    """Judge each group on its own; groups are corrected for being many."""
    level: Literal["warn", "fail"] = "fail"
    """`warn` shows the rule and never changes the exit code."""
    must_pass: list[int] = Field(default_factory=list)
    """Checklist items that must not be fail or unknown (metric: checklist)."""

    @model_validator(mode="after")
    def _complete(self) -> Rule:
        if self.metric not in METRICS:
            raise ValueError(f"unknown metric `{self.metric}`. {nearest(self.metric, METRICS)}")
        limits = (self.max, self.min, self.max_increase_pct, self.max_decrease_pct)
        if self.metric == "checklist":
            if not self.must_pass:
                raise ValueError("the checklist rule needs must_pass: [item numbers]")
        elif all(limit is None for limit in limits):
            raise ValueError("give a limit: max, min, max_increase_pct or max_decrease_pct")
        self._refuse_what_never_fires()
        return self

    def _refuse_what_never_fires(self) -> None:
        """A limit that the metric is not judged by would pass whatever happens."""
        if self.max_decrease_pct is not None and self.metric not in WHOLE:
            raise ValueError(f"max_decrease_pct is for {', '.join(WHOLE)}")
        if self.max_increase_pct is not None and self.metric not in BY_SESSION:
            raise ValueError(f"max_increase_pct is for {', '.join(BY_SESSION)}")
        if self.by and self.metric not in BY_SESSION:
            raise ValueError(f"by is for {', '.join(BY_SESSION)}")
        if self.is_relative and (self.max is not None or self.min is not None):
            raise ValueError("an absolute and a relative limit are two rules")

    @property
    def is_relative(self) -> bool:
        return self.max_increase_pct is not None or self.max_decrease_pct is not None

    @property
    def name(self) -> str:
        return self.metric + (f" by {self.by}" if self.by else "")


class Rules(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rules: list[Rule]


DEFAULTS = Rules(
    rules=[
        Rule(metric="usd_per_session", max_increase_pct=5, min_increase_usd=0.001),
        Rule(metric="input_tokens_per_call", max_increase_pct=10, level="warn"),
        Rule(metric="unpriced_calls", max=0),
    ]
)
"""What holds without a gate.yaml."""


def read_rules(path: Path | None) -> Rules:
    """Rules of a file, or the defaults. Raises UsageError with line number and nearest name."""
    if path is None:
        return DEFAULTS
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        data = YAML().load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise UsageError(f"cannot read the rules: {error}", where=str(path)) from error
    try:
        return Rules.model_validate(data)
    except ValidationError as error:
        raise _located(error, data, path) from error


def _located(error: ValidationError, data: Any, path: Path) -> UsageError:
    first = error.errors()[0]
    line, at = None, data
    for part in first["loc"]:
        mark: Any = getattr(at, "lc", None)
        try:
            line = (
                mark.key(part)[0] + 1 if mark and isinstance(at, dict) else mark.item(part)[0] + 1
            )
            at = at[part]
        except (AttributeError, KeyError, IndexError, TypeError):
            break
    last = str(first["loc"][-1]) if first["loc"] else ""
    hint = ""
    if first["type"] == "extra_forbidden":
        hint = nearest(last, Rule.model_fields)
    message = first["msg"].removeprefix("Value error, ")
    return UsageError(f"{last}: {message}", where=f"{path}:{line or 1}", hint=hint)
