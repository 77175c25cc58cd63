"""RedisVL's `SemanticCache` (Redis with its vector index)."""

from __future__ import annotations

from costopt.layers.profiles.cache_profile import CacheProfile

PROFILE = CacheProfile(
    name="redisvl",
    threshold=0.9,
    ttl=None,
    key="last_user",
    refresh=True,
    capacity=None,
    eviction="lru",
    embeds_to_store=True,
    embedding_model="",
    written_as="distance_threshold={distance}",
    differs=(
        "It is set by a cosine distance from 0 to 2, by default 0.1: a similarity of 0.9.",
        "A hit starts the ttl again: an entry that is asked for often never expires, however stale.",
        "store() embeds the prompt a second time unless it is handed the vector that check() used.",
        "It knows only the prompt it is given; tenant, agent, model and system prompt must be its "
        "filterable_fields, or answers cross them. Here they always separate.",
        "An entry with the same prompt and filters is overwritten.",
    ),
    source="https://github.com/redis/redis-vl-python/blob/main/redisvl/extensions/cache/llm/semantic.py, "
    "checked 2026-11-24",
)  # fmt: skip
