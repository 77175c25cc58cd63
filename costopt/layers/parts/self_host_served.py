"""The model that a layer serves: its shape and the constants of the machine, by name or from files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from costopt.errors import UsageError, nearest
from costopt.layers.base import Artifacts, ArtifactSpec
from costopt.model.view import View
from costopt.serving.efficiency import Efficiencies
from costopt.serving.models import ModelShape, shape, shapes

if TYPE_CHECKING:
    from costopt.layers.self_host import SelfHost


@dataclass(frozen=True)
class Served:
    """A layer with what its names stand for."""

    layer: SelfHost
    shape: ModelShape
    efficiencies: Efficiencies | None
    """Constants of a calibrated profile; None: the shipped ones."""

    @property
    def most_tokens(self) -> int:
        """Longest request that is served, answer included."""
        own = self.shape.max_context
        return min(self.layer.context_tokens or own, own)


def served_by(layer: SelfHost, view: View, artifacts: Artifacts) -> Served:
    """UsageError: a name that nobody knows, or a file that is not there."""
    made = known_shape(layer)
    if made is None:
        spec = ArtifactSpec("served_shape", (("config", layer.config), ("name", layer.model)))
        made = artifacts.build(spec, view)
    fitted = None
    if layer.profile:
        spec = ArtifactSpec("serving_profile", (("name", layer.profile),))
        fitted = artifacts.build(spec, view)
    return Served(layer, made, fitted)


def known_shape(layer: SelfHost) -> ModelShape | None:
    """Layers, heads and sizes by name; None: they stand in a file. UsageError: the name is not known."""
    if layer.config:
        return None
    try:
        return shape(layer.shape or layer.model)
    except UsageError as error:
        near = nearest(layer.model.rpartition("/")[2].lower(), shapes())
        known = "`shape` says which known model a fine-tune was made from, `config` where its config.json is."
        raise UsageError(f"{error.message} {near} {known}".replace("  ", " ")) from error
