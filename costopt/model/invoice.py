"""An invoice or usage export as lines, whatever it was written by."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from costopt.money import PicoUsd


class LineKind(StrEnum):
    """What a line of an invoice charges for."""

    TOKENS = "tokens"
    NON_TOKEN = "non_token"
    """Hosted search, code execution, storage, images, audio by the minute."""
    CREDIT = "credit"
    TAX = "tax"
    COMMITMENT = "commitment"


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One line: a UTC day, a model, a unit, dollars. Empty text: the export does not say."""

    day: str
    """ISO date in UTC, the zone in which both OpenAI and Anthropic cut their days."""
    provider: str
    model: str
    kind: LineKind
    amount_pusd: PicoUsd | None
    """None: a usage export counts tokens and names no dollars; the price book fills it in."""
    unit: str = ""
    """A leaf's name (`input_fresh`, `cache_read`, ...), `output` for all output, or empty."""
    tokens: int | None = None
    project: str = ""
    api_key: str = ""
    tier: str = ""
    """default | batch | flex | priority, empty where not said."""
    description: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Invoice:
    """All lines of one or more exports, in US dollars."""

    source: str
    kind: str
    """`openai costs`, `openai usage`, `anthropic costs`, `anthropic usage`, `table`."""
    lines: tuple[InvoiceLine, ...]
    notes: tuple[str, ...] = ()
