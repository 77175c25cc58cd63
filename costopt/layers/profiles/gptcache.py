"""GPTCache as its similar-cache example sets it up: SQLite, faiss, distance evaluation."""

from __future__ import annotations

from costopt.layers.profiles.cache_profile import CacheProfile

PROFILE = CacheProfile(
    name="gptcache",
    threshold=0.6,
    ttl=None,
    key="last_user",
    refresh=False,
    capacity=1000,
    eviction="lru",
    embeds_to_store=False,
    embedding_model="",
    written_as="Config(similarity_threshold={rank})",
    differs=(
        "Its similarity_threshold is a share of a rank, 4 - d, where d is the squared Euclidean distance "
        "of unit vectors, 2 - 2 cosine. Its default of 0.8 is therefore a cosine of only 0.6.",
        "It holds 1,000 entries and drops a fifth of them at once when full; here one leaves at a time.",
        "At a temperature above 0 it skips the cache at random, at 1.0 for 27 % of the calls; here it "
        "never does.",
        "Neither model, system prompt nor tenant separates its entries. Here they always do.",
        "Entries have no ttl.",
    ),
    source="https://github.com/zilliztech/GPTCache (gptcache/adapter/adapter.py, config.py, "
    "similarity_evaluation/distance.py, manager/data_manager.py), checked 2026-11-24",
)  # fmt: skip
