"""LiteLLM proxy config: caching, routing, budgets, output limits, alerts.

Settings: https://docs.litellm.ai/docs/proxy/config_settings and, for budgets of a session,
https://docs.litellm.ai/docs/a2a_iteration_budgets (both checked 2026-11-24).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from costopt.checklist.evidence import Fact, Kind, Topic
from costopt.wiring.deployment.document import mapping, sequence, shown, walk

KIND = Kind.LITELLM
TOP = ("model_list", "litellm_settings", "router_settings", "general_settings", "agent_list")
SESSION_CAPS = ("max_budget_per_session", "max_iterations")
USER_CAPS = ("max_end_user_budget", "max_internal_user_budget")
OTHER_CAPS = ("max_budget", "provider_budget_config", "soft_budget", "model_max_budget")
ROUTERS = ("auto_router/", "complexity_router/")


def recognised(document: Any) -> bool:
    """Two of its top-level names, or the model list alone."""
    names = set(mapping(document))
    return "model_list" in names or len(names & set(TOP)) > 1 or "litellm_settings" in names


def facts(document: Any, name: str) -> Iterator[Fact]:
    """What this config turns on, and what it turns off by leaving it out."""
    yield _cache(mapping(mapping(document).get("litellm_settings")), name)
    yield from _routing(document, name)
    yield from _entries(document, name)


def _cache(settings: dict[str, Any], name: str) -> Fact:
    place = f"{name}: litellm_settings.cache"
    parameters = mapping(settings.get("cache_params"))
    kind = shown(parameters.get("type", "local"))
    if settings.get("cache") is not True:
        return Fact(Topic.SEMANTIC_CACHE, False, "`cache` is not on", place)
    if "semantic" not in kind:
        return Fact(Topic.SEMANTIC_CACHE, False, f"the cache is exact (`{kind}`)", place)
    if parameters.get("mode") == "default_off":
        text = f"`{kind}` answers only requests that ask for it (`mode: default_off`)"
        return Fact(Topic.SEMANTIC_CACHE, False, text, place)
    threshold = shown(parameters.get("similarity_threshold", "not set"))
    text = f"`{kind}` at similarity {threshold}, ttl {shown(parameters.get('ttl', 'not set'))}"
    return Fact(Topic.SEMANTIC_CACHE, True, text, place)


def _routing(document: Any, name: str) -> Iterator[Fact]:
    router = mapping(mapping(document).get("router_settings"))
    strategy = shown(router.get("routing_strategy", ""))
    if strategy == "cost-based-routing":
        place = f"{name}: router_settings.routing_strategy"
        text = "`cost-based-routing` picks the cheapest deployment of one alias, not of one task"
        yield Fact(Topic.ROUTING, None, text, place)
    for entry in sequence(mapping(document).get("model_list")):
        model = shown(mapping(mapping(entry).get("litellm_params")).get("model", ""))
        if model.startswith(ROUTERS):
            alias = shown(mapping(entry).get("model_name", model))
            yield Fact(
                Topic.ROUTING, True, f"`{alias}` is a router (`{model}`)", f"{name}: model_list"
            )


def _entries(document: Any, name: str) -> Iterator[Fact]:
    """Settings that mean the same wherever they stand."""
    for path, key, value in walk(document):
        place = f"{name}: {path}"
        if value is None or value == [] or value == {}:
            continue
        said = f"`{key}: {shown(value)}`"
        if key in SESSION_CAPS:
            yield Fact(Topic.SESSION_BUDGET, True, said, place)
        elif key in USER_CAPS:
            yield Fact(Topic.OTHER_BUDGET, True, f"{said} (a user, not a session)", place)
        elif key in OTHER_CAPS and not path.startswith("router_settings.provider_budget_config."):
            yield Fact(Topic.OTHER_BUDGET, True, f"{said} ({_scope(path)})", place)
        elif key == "max_tokens" and ".litellm_params." in f".{path}":
            yield Fact(Topic.MAX_TOKENS, True, said, place)
        elif key == "cache_control_injection_points":
            yield Fact(Topic.PREFIX_CACHING, True, "breakpoints are put into requests", place)
        elif key == "alerting":
            yield Fact(Topic.OTHER_ALERT, True, f"{said}, not by percentile", place)


def _scope(path: str) -> str:
    if path.startswith("litellm_settings"):
        return "the whole proxy"
    if "provider_budget_config" in path:
        return "a provider"
    return "a deployment" if path.startswith("model_list") else "a key or team"
