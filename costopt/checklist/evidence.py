"""What deployment files prove about the checklist: facts with the file and place they stand in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Topic(StrEnum):
    """What a deployment file can speak about."""

    SEMANTIC_CACHE = "semantic cache"
    ROUTING = "model routing"
    MAX_TOKENS = "output limit"
    BATCH = "batch API"
    PREFIX_CACHING = "prefix caching"
    SESSION_BUDGET = "budget per session"
    OTHER_BUDGET = "budget"
    COST_PANEL = "cost panel"
    OTHER_PANEL = "panel"
    P95_ALERT = "P95 alert"
    OTHER_ALERT = "alert"


class Kind(StrEnum):
    """What a file was taken for."""

    LITELLM = "LiteLLM config"
    ENGINE = "serving engine arguments"
    PROMETHEUS = "Prometheus rules"
    GRAFANA = "Grafana dashboard"
    DATADOG = "Datadog monitor or dashboard"


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that one place of one file says."""

    topic: Topic
    holds: bool | None
    """False: the file turns it off. None: the file does not settle it, and the text says why."""
    text: str
    """In the user's words, with the setting's own name: `max_budget_per_session: 0.5`."""
    source: str
    """File and place: `config.yaml: litellm_settings.cache`."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All facts of the files handed over with `--evidence`."""

    facts: tuple[Fact, ...] = ()
    kinds: tuple[Kind, ...] = ()
    """What the files were, one each."""

    def proof(self, topic: Topic) -> Fact | None:
        """The first fact that says the thing is on."""
        return next((f for f in self.facts if f.topic == topic and f.holds is True), None)

    def denial(self, topic: Topic) -> Fact | None:
        """The first fact that says the thing is off."""
        return next((f for f in self.facts if f.topic == topic and f.holds is False), None)

    def open_question(self, topic: Topic) -> Fact | None:
        """The first fact that leaves it open."""
        return next((f for f in self.facts if f.topic == topic and f.holds is None), None)

    def of(self, kind: Kind) -> bool:
        """Whether a file of this kind was handed over at all."""
        return kind in self.kinds
