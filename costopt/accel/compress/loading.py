"""Loading a user's model, by folder or hub name: nothing of it is run but its weights."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from costopt.errors import InputError, MissingExtra

EXTRA = "compress"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a model is, and where it runs."""

    model: str
    offline: bool
    device: str

    @property
    def path(self) -> str:
        """The folder, else the hub name."""
        local = Path(self.model).expanduser()
        return str(local) if local.is_dir() else self.model

    @property
    def is_local(self) -> bool:
        return Path(self.path).is_dir()

    @property
    def shown(self) -> str:
        """For people: no path of somebody's machine."""
        return Path(self.path).name if self.is_local else self.model

    @property
    def options(self) -> dict[str, Any]:
        """For transformers: code that comes with a model is never run."""
        return {"local_files_only": self.offline or self.is_local, "trust_remote_code": False}


def transformers_of(what: str) -> Any:
    """The package. MissingExtra: it, or torch, is not installed."""
    try:
        import torch  # noqa: F401  transformers alone imports, and then has no models
        import transformers
    except ImportError as error:
        raise MissingExtra(what, EXTRA) from error
    return transformers


@contextmanager
def loading(place: Place) -> Iterator[None]:
    """Errors of a missing model in the user's words; other people's notices and seeds kept out.

    LLMLingua seeds every generator of the process when it starts: they are put back.
    """
    import numpy as np
    import torch
    from transformers.utils import logging

    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    verbosity = logging.get_verbosity()
    bars = logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (OSError, ValueError, RuntimeError, KeyError) as error:  # as transformers raises them
        raise InputError(
            f"This compression model cannot be loaded: {str(error).strip().partition(chr(10))[0][:300]}",
            where=place.model, hint="Give a folder that holds the model, or a hub name with network access.",
        ) from error  # fmt: skip
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])


def kind_of(place: Place) -> Literal["classifier", "causal"]:
    """What the model's own configuration says that it is for."""
    transformers = transformers_of("transformers")
    with loading(place):
        config = transformers.AutoConfig.from_pretrained(place.path, **place.options)
    made_for = getattr(config, "architectures", None) or ()
    return "classifier" if any("TokenClassification" in a for a in made_for) else "causal"
