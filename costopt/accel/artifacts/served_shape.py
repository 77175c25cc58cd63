"""The shape of a model that a policy serves, read from its `config.json`."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path

from costopt.accel.artifacts.content import digest_of_file
from costopt.errors import InputError, UsageError
from costopt.layers.base import ArtifactSpec
from costopt.model.ports import Texts, TokenCounter
from costopt.model.view import View
from costopt.serving.model_config import shape_from_config
from costopt.serving.models import ModelShape


def content(spec: ArtifactSpec, view: View) -> Hashable:
    """The file's bytes; no call of the log has a part in it."""
    path = Path(str(spec.get("config")))
    return digest_of_file(path / "config.json" if path.is_dir() else path)


def build(spec: ArtifactSpec, view: View, tokens: TokenCounter, texts: Texts) -> ModelShape:
    """UsageError: the policy's file is not there, or describes no model."""
    try:
        return shape_from_config(Path(str(spec.get("config"))), str(spec.get("name")))
    except InputError as error:
        raise UsageError(f"self_host: {error.message}", where=error.where) from error
