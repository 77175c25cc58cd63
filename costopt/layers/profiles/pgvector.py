"""A table with a vector column in PostgreSQL (pgvector): what people write themselves."""

from __future__ import annotations

from costopt.layers.profiles.cache_profile import CacheProfile

PROFILE = CacheProfile(
    name="pgvector",
    threshold=None,
    ttl=None,
    key="last_user",
    refresh=False,
    capacity=None,
    eviction="fifo",
    embeds_to_store=False,
    embedding_model="text-embedding-3-small",
    written_as="WHERE embedding <=> $1 <= {distance}",
    differs=(
        "`<=>` is the cosine distance; `<->` is Euclidean, and a threshold means another thing there.",
        "An HNSW index searches approximately and filters the 40 candidates it found (hnsw.ef_search): "
        "with tenant and agent in the WHERE clause entries can be missed unless iterative scans are on. "
        "Here the search is exact.",
        "Nothing expires and nothing is evicted unless you delete it.",
    ),
    source="https://github.com/pgvector/pgvector (README: distances, filtering, iterative index scans), "
    "checked 2026-11-24",
)  # fmt: skip
