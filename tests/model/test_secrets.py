"""Keys and passwords are masked wherever a result carries what people wrote."""

from __future__ import annotations

from costopt.engine.settings import settings_of
from costopt.layers.semantic_cache import SemanticCache
from costopt.model.secrets import masked


def test_a_password_in_an_address_is_masked() -> None:
    assert (
        masked("see https://user:hidden@host.test/v1 there") == "see https://***@host.test/v1 there"
    )
    for plain in ("https://host.test/v1", "http://127.0.0.1:8000/v1", "mail me@host.test at 10:30"):
        assert masked(plain) == plain


def test_settings_of_a_result_carry_no_password() -> None:
    layer = SemanticCache(embedder="openai:tiny@http://user:hidden@127.0.0.1:1/v1")
    assert settings_of(layer, {})["embedder"] == "openai:tiny@http://***@127.0.0.1:1/v1"
