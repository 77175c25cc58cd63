"""Endpoints of a replay, made from its places: the providers' languages, their batch APIs, the log itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from costopt.endpoints.choose import api_of, endpoint_for
from costopt.endpoints.connection import Connection
from costopt.endpoints.recorded import Recorded
from costopt.endpoints.routed import Routed
from costopt.model.ports import BatchEndpoint, Endpoint
from costopt.replay.items import Plan
from costopt.replay.recorded_answers import recorded_answers
from costopt.wiring.replaying.answers import LogAnswers
from costopt.wiring.replaying.asked import Asked
from costopt.wiring.replaying.batches import RoutedBatches
from costopt.wiring.replaying.first_alone import FirstAlone
from costopt.wiring.replaying.places import Place, key_of, serving
from costopt.wiring.replaying.reader import SourcesReader


@dataclass(frozen=True)
class Reached:
    """What a run sends to."""

    endpoint: Endpoint
    batch: BatchEndpoint | None = None
    connections: tuple[Connection, ...] = ()
    notes: tuple[str, ...] = ()
    metrics: Mapping[str, Any] = field(default_factory=dict)
    """What its servers counted meanwhile, once it is over."""


def recorded_endpoint(plan: Plan, answers: LogAnswers) -> Reached:
    """The log's own answers to the very same bytes."""
    rows = {item.row for item in plan.items}
    found = recorded_answers(answers.evaluator.recorded, answers.requests, rows)
    notes = []
    if found.differing:
        notes.append(
            f"{found.differing:,} of the log's calls asked the same bytes as an earlier one and got another"
            " answer: the earliest stands for them."
        )  # fmt: skip
    return Reached(Recorded(found.answers), notes=tuple(notes))


def live_endpoint(plan: Plan, asked: Asked) -> Reached:
    """Raises UsageError where a provider has no place, or a key is missing. Nothing is sent."""
    providers = {item.request.provider for item in plan.items}
    places = serving(asked.places, providers)
    reached = {p: _connection(place) for p, place in places.items()}
    reader = SourcesReader()
    found = {
        p: endpoint_for(connection, reader, places[p].api) for p, connection in reached.items()
    }
    single = len(set(map(id, places.values()))) == 1
    endpoint: Endpoint = next(iter(found.values())) if single else Routed(found)
    batches = {
        p: _batch_api(reached[p], place.api or api_of(reached[p]))
        for p, place in places.items() if place.batch and asked.terms.batch
    }  # fmt: skip
    return Reached(
        FirstAlone(endpoint), RoutedBatches(batches) if batches else None, tuple(reached.values())
    )


def _connection(place: Place) -> Connection:
    return Connection(place.base_url, key_of(place))


def _batch_api(connection: Connection, api: str) -> BatchEndpoint:
    reader = SourcesReader()
    if api == "anthropic":
        from costopt.endpoints.anthropic_batch import AnthropicBatch

        return AnthropicBatch(connection, reader)
    from costopt.endpoints.openai_batch import OpenAIBatch

    return OpenAIBatch(connection, reader)
