"""The planned requests: what is sent, why, what it should come to and what it may cost at most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from costopt.model.exchange import Request


class Arm(StrEnum):
    """Why a request is sent."""

    POLICY = "policy"
    """The call as the whole policy would send it."""
    BASELINE = "baseline"
    """The call as the log has it: what the endpoint says to it today. For a call that the policy's cache
    answers it is the true answer, against which the cached one is judged."""
    NOISE = "noise"
    """The unchanged call once more: how much the endpoint disagrees with itself."""
    LAYER = "layer"
    """The call under one layer alone, where the policy's request mixes several risks."""


class Half(StrEnum):
    """Evidence and its judgement never come from the same rows."""

    WRITES = "writes"
    JUDGES = "judges"


@dataclass(frozen=True, slots=True)
class Predicted:
    """What the projection says of one request as this replay sends it; tokens of the log's own tokenizer.

    `cache_read` is of the replay's own order: only what it sends itself can be warm.
    """

    input_tokens: int
    cache_read_tokens: float
    """An expectation; its variance beside it (tokens squared)."""
    cache_read_variance: float
    cache_write_tokens: int
    output_tokens: int
    usd_pusd: int
    """By the view's model, at the projection's prices."""
    latency_ms: float | None
    """The log's own for the unchanged call; None: not in the log."""
    ttft_ms: float | None


@dataclass(frozen=True, slots=True)
class Item:
    """One request of the plan."""

    id: str
    """16 hex digits of plan, arm, call and layer: the same each time the same plan is made."""
    arm: Arm
    row: int
    """Row of the trace."""
    call: str
    """The call's id as people know it."""
    session: int
    """Code of the session: its requests are sent in order."""
    place: int
    """Order inside the session's chain (warm), or over all (cold)."""
    stratum: str
    """Layer for which the call was drawn; empty: for the bill as a whole."""
    layers: tuple[str, ...]
    """Layers that put this request's answer at risk."""
    cluster: int
    """Calls of one cluster (a session) are not independent."""
    half: Half
    request: Request
    """Under the endpoint's model name."""
    logged_model: str
    """As the view names it: what the projection prices."""
    predicted: Predicted
    expected_pusd: int
    """At the endpoint's prices."""
    worst_pusd: int
    """Input uncached (or written), output at its cap, reasoning included."""
    reference: str = ""
    """Id of the item whose answer this one is compared with; empty: the log's own answer."""
    served_from: int = -1
    """Row whose logged answer the policy's cache gives to this call: it is judged by this item's fresh
    one; -1: no cache answers it. Where `reference` is set too, that item asks for the row's answer anew."""
    complete: bool = True
    """The log shows all of the prompt. False: it hides a part, so its answer is no reference for this one:
    the unchanged request, sent the same way, is (as where another model answers)."""
    weight: float = 1.0
    """Calls of the log that this one stands for."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Calls that cannot be sent, and why."""

    reason: str
    calls: int


@dataclass(frozen=True)
class Plan:
    """Everything that would be sent, priced before anything is."""

    id: str
    """Hash of all that decides which bytes go where: endpoint, calls, requests, order, halves."""
    items: tuple[Item, ...]
    population: Mapping[str, int]
    """Stratum to the calls of the log that it stands for."""
    left_out: tuple[LeftOut, ...]
    expected_pusd: int
    worst_pusd: int
    proves: Mapping[str, str]
    """Stratum to a sentence: `50 of 50 agreeing proves at least 92.9 %`."""
    notes: tuple[str, ...] = ()
    not_measured: Mapping[str, str] = field(default_factory=dict)
    """Layer to why no request can measure it here, or what else does (`price rule`)."""

    def calls(self) -> int:
        """Distinct calls of the log in the sample."""
        return len({item.row for item in self.items})
