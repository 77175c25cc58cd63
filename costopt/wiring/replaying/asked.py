"""The command's options and the policy's `replay:` section to terms and places, checked before long work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from costopt.engine.policy import Policy
from costopt.errors import UsageError
from costopt.layers.settings import seconds
from costopt.money import pico
from costopt.replay.terms import Terms
from costopt.wiring.replaying.places import Place, places_of
from costopt.wiring.replaying.wishes import Wishes
from costopt.wiring.request import TraceOptions

RECORDED_NAME = "recorded answers"


@dataclass(frozen=True)
class Asked:
    """Everything that a replay is asked to do."""

    wishes: Wishes
    terms: Terms
    places: tuple[Place, ...]
    embedder: str
    patience_s: float
    """How long a batch job is waited for."""

    @property
    def recorded(self) -> bool:
        """No endpoint: the log's own answers stand in for one."""
        return not self.places

    @property
    def free(self) -> bool:
        """Every address is the user's own: a model without a price costs nothing there."""
        return all(place.private for place in self.places)

    @property
    def endpoint(self) -> str:
        """As shown: the hosts."""
        return ", ".join(dict.fromkeys(p.host for p in self.places)) or RECORDED_NAME


def asked_of(options: TraceOptions, wishes: Wishes, policy: Policy) -> Asked:
    """Raises UsageError: a missing key, an endpoint beside --offline, a number that is none."""
    section = policy.replay
    if wishes.resume and wishes.fresh:
        raise UsageError(
            "both say how to begin.", where="--resume, --fresh", hint="Give one of them."
        )
    if options.offline and _wants_endpoint(wishes, section):
        raise UsageError(
            "--offline forbids the network, and an endpoint is named.",
            where="--offline", hint="--base-url recorded  replays against the log's own answers.",
        )  # fmt: skip
    places = places_of(wishes, section)
    return Asked(
        wishes, _terms(options, wishes, section, places), places,
        wishes.embedder or str(section.get("embedder") or "auto"),
        _patience(wishes.batch_patience),
    )  # fmt: skip


def _wants_endpoint(wishes: Wishes, section: Mapping[str, Any]) -> bool:
    if wishes.base_url is not None:
        return wishes.base_url != "recorded"
    return wishes.live or bool(section.get("base_url") or section.get("endpoints"))


def _terms(
    options: TraceOptions, wishes: Wishes, section: Mapping[str, Any], places: Sequence[Place]
) -> Terms:
    """Against the log (no places) models keep their names, and nothing is batched or judged."""
    sample = _first(wishes.sample, section.get("sample"))
    target = _first(wishes.target_ci, section.get("target_ci"))
    if wishes.target_ci is not None and wishes.sample is None:
        sample = None  # what is typed outdoes what the policy says
    elif wishes.sample is not None and wishes.target_ci is None:
        target = None
    mapped = _model_map(wishes.model_map, section)
    least = (("--sample", sample), ("--concurrency", wishes.concurrency),
             ("--max-output-tokens", wishes.max_output_tokens))  # fmt: skip
    for name, value in least:
        if value is not None and value < 1:
            raise UsageError("at least one.", where=name)
    if target is not None and not 0 < target < 50:
        raise UsageError(f"{target:g} is no half width of a share.", where="--target-ci",
                         hint="Percentage points: 5 for an answer like 92 % +- 5.")  # fmt: skip
    return Terms(
        sample=sample, target_ci_pp=target, budget_pusd=_budget(wishes, section),
        concurrency=int(_first(wishes.concurrency, section.get("concurrency"), 8)),
        model_map=mapped if places else {},
        cap_tokens=_first(wishes.max_output_tokens, section.get("max_output_tokens")),
        cold=bool(places) and (wishes.cold or bool(section.get("cold"))), seed=options.seed,
        retry_in_doubt=wishes.retry_in_doubt, isolate=wishes.isolate,
        batch=any(place.batch for place in places),
        judge=str(_first(wishes.judge, section.get("judge"), "")) if places else "",
    )  # fmt: skip


def _budget(wishes: Wishes, section: Mapping[str, Any]) -> int | None:
    """Pico-dollars."""
    text = _first(wishes.budget, section.get("budget_usd"))
    if text is None:
        return None
    try:
        value = Decimal(str(text).removeprefix("$"))
        if not 0 <= value <= 1_000_000:
            raise ValueError
        return int(pico(value))
    except (InvalidOperation, ValueError) as error:
        raise UsageError(
            f"`{text}` is no amount of dollars.", where="--budget", hint="20, or 0.50"
        ) from error


def _model_map(typed: Sequence[str], section: Mapping[str, Any]) -> dict[str, str]:
    """The policy's, then what was typed."""
    found = dict(section.get("model_map") or {})
    for text in typed:
        name, equals, other = (part.strip() for part in text.partition("="))
        if not (name and equals and other):
            raise UsageError(
                f"`{text}` maps no model.", where="--model-map", hint="gpt-4o=llama-3.1-8b"
            )
        found[name] = other
    return found


def _patience(text: str) -> float:
    try:
        return float(seconds(text))
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"`{text}` is no span of time.", where="--batch-patience", hint="10m, 2h"
        ) from error


def _first(*values: Any) -> Any:
    return next((v for v in values if v is not None), None)
