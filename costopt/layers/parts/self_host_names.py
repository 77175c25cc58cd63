"""Names of models, GPUs, engines and formats in a policy: looked up as it is read, with the nearest one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BeforeValidator

from costopt.errors import UsageError
from costopt.serving.engines import engine
from costopt.serving.hardware import gpu, gpus
from costopt.serving.models import shape, shapes
from costopt.serving.precision import precision
from costopt.serving.speculation.methods import method, presets


def in_one_line(error: UsageError) -> str:
    """`no GPU is called l4os (did you mean l40s?)`, without a full stop."""
    hint = error.hint.strip().rstrip(".")
    message = error.message.strip().rstrip(".")
    return f"{message} ({hint[:1].lower()}{hint[1:]})" if hint else message


def _named(look_up: Callable[[str], object]) -> Callable[[Any], Any]:
    """A check that leaves a name as it is written; an empty one is none."""

    def check(value: Any) -> Any:
        if isinstance(value, str) and value.strip():
            try:
                look_up(value)
            except UsageError as error:
                raise ValueError(in_one_line(error)) from error
        return value

    return check


def _engine(name: str) -> None:
    engine(name, next(iter(gpus().values())))


def _precision(name: str) -> None:
    precision(name, next(iter(shapes().values())))


def _drafting(name: str) -> None:
    if name.strip().lower() not in presets():
        method(name)


GpuName = Annotated[str, BeforeValidator(_named(gpu))]
EngineName = Annotated[str, BeforeValidator(_named(_engine))]
PrecisionName = Annotated[str, BeforeValidator(_named(_precision))]
ShapeName = Annotated[str, BeforeValidator(_named(shape))]
Drafting = Annotated[str, BeforeValidator(_named(_drafting))]
"""A preset of two models, or a method."""
