"""What a deployed semantic cache presets: its defaults, and how it differs from the plain one."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass

from costopt.layers.parts.keys import KeyText


@dataclass(frozen=True)
class CacheProfile:
    """Defaults stand in for settings that a policy leaves out; `differs` is shown with the evidence."""

    name: str
    threshold: float | None
    """As a cosine similarity; None: it has none, the plain default holds."""
    ttl: float | None
    """Seconds; None: entries never expire."""
    key: KeyText
    refresh: bool
    capacity: int | None
    eviction: str
    embeds_to_store: bool
    """A miss embeds the same text a second time, to store it."""
    embedding_model: str
    """Hosted model that it embeds with unless told otherwise; empty: a model on the machine."""
    written_as: str
    """How a threshold is written there; `{distance}` is 1 minus the similarity, `{rank}` 1 - distance / 2."""
    differs: tuple[str, ...]
    """Sentences."""
    source: str
    """URL and date."""

    def setting(self, threshold: float) -> str:
        """The threshold as it is configured there."""
        distance = round(1 - threshold, 4)
        return self.written_as.format(
            similarity=f"{threshold:g}", distance=f"{distance:g}", rank=f"{1 - distance / 2:g}"
        )


def cache_profiles() -> tuple[str, ...]:
    """Names of all profiles of semantic caches."""
    from costopt.layers import profiles

    names = sorted(m.name for m in pkgutil.iter_modules(profiles.__path__))
    return tuple(n for n in names if _found(n) is not None)


def cache_profile(name: str) -> CacheProfile:
    """A profile by name. KeyError: there is none."""
    found = _found(name)
    if found is None:
        raise KeyError(name)
    return found


def _found(name: str) -> CacheProfile | None:
    try:
        module = importlib.import_module(f"costopt.layers.profiles.{name}")
    except ModuleNotFoundError:
        return None
    profile = getattr(module, "PROFILE", None)
    return profile if isinstance(profile, CacheProfile) else None
