"""Chromahint's own networks with weights to learn, by the names of `model=`: the only ones that a file can ask for."""

from __future__ import annotations

import importlib
import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from chromahint.hints.hints import no_hints


@dataclass(frozen=True)
class Variant:
    """One form of a network that has been described somewhere.

    Attributes:
        options: what it is built with, where that differs from the defaults of its class.
        parameters: how many its publication gives it; None where that is not said.
        gmac: thousand million multiply-adds a picture, as published.
        side: of the picture that `gmac` is for, in pixels.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    parameters: int | None = None
    gmac: float | None = None
    side: int = 256


@dataclass(frozen=True)
class ModelInfo:
    """Where a network comes from.

    Attributes:
        year: of its publication; None for what has no date.
        input: what its first layer reads, in its own scaling.
        source: the paper or project.
        recipe: what is typed after `chromahint` to train it, as it was published where it was.
        variants: its published forms.
    """

    year: int | None
    input: str
    source: str
    recipe: str | None = None
    variants: tuple[Variant, ...] = (Variant(),)


def get_model_info(target: str) -> ModelInfo:
    """The card beside a class such as `chromahint.models.unet.UNet`; an empty one where its file has none."""
    card: ModelInfo = getattr(importlib.import_module(target.rpartition(".")[0]), "MODEL_INFO", _UNKNOWN)
    return card


_UNKNOWN = ModelInfo(year=None, input="", source="")
CLASSES = {
    "attention_unet": "AttentionUNet",
    "hscaunet": "HSCAUNet",
    "icolorit": "IColoriT",
    "multibranch": "MultiBranch",
    "resunet": "ResUNet",
    "spreadnet": "SpreadNet",
    "unet": "UNet",
    "zhang2017": "Zhang2017",
}
LEARN_NOTHING = ("gray", "levin", "pullpush")
"""Methods by the names of `model=` that have no weights."""


def create_model(name: str, options: Mapping[str, Any]) -> nn.Module:
    """Build one of Chromahint's networks.

    Args:
        name: as `model=` takes it.
        options: of its constructor.

    Raises:
        ValueError: there is no such network, or it has no such option.
    """
    if name not in CLASSES:
        raise ValueError(f"{name!r:.80}: is none of Chromahint's networks, which are {', '.join(CLASSES)}")
    network_class = getattr(importlib.import_module(qualname_of(name).rpartition(".")[0]), CLASSES[name])
    known = list(inspect.signature(network_class).parameters)
    if strange := [f"{option!r:.80}" for option in options if option not in known]:
        raise ValueError(f"{name} has no option {', '.join(strange)}; it has {', '.join(known)}")
    network: nn.Module = network_class(**options)
    return network


def qualname_of(name: str) -> str:
    """The class of a network in full, such as `chromahint.models.unet.UNet`."""
    return f"{__package__}.{name}.{CLASSES[name]}"


def model_name(target: str) -> str | None:
    """The name of a class that was written in full; None for one that is not Chromahint's, or learns nothing.

    >>> model_name("chromahint.models.unet.UNet")
    'unet'
    """
    return next((name for name in CLASSES if qualname_of(name) == target), None)


SIZE = 256


@dataclass(frozen=True)
class ModelSummary:
    """One network, in one of the forms of its publication.

    Attributes:
        name: what `model=` takes.
        options: what is typed beside it for this form, such as `model.width=192`.
        year: of its publication; None where its file has no `MODEL_INFO`, or no date.
        parameters: how many numbers it learns.
        gmac: thousand million multiply-adds to color one picture of 256x256; None where they can't be counted.
        input: what its first layer reads; empty without a `MODEL_INFO`.
        source: the paper or project; empty without a `MODEL_INFO`.
        recipe: what is typed after `chromahint` to train it as published, if that is known.
        published: what the publication says: `parameters`, and `gmac` with the `side` of the picture it is for and
            `gmac_here`, counted at that side; None for each that it does not say.
    """

    name: str
    options: list[str]
    year: int | None
    parameters: int
    gmac: float | None
    input: str
    source: str
    recipe: str | None
    published: dict[str, float | None]


def list_models(targets: Mapping[str, str]) -> list[ModelSummary]:
    """Describe networks without giving memory to their weights.

    Args:
        targets: class by name, such as `{"unet": "chromahint.models.unet.UNet"}`; built in the forms of its `MODEL_INFO`.

    Returns:
        An entry for each form, in the order given.

    >>> list_models({"unet": "chromahint.models.unet.UNet"})[0].parameters
    31038274
    """
    return [entry for name, target in targets.items() for entry in _entries(name, target)]


class ModelCost(NamedTuple):
    """What a network takes.

    Attributes:
        parameters: how many numbers it learns.
        gmac: thousand million multiply-adds to color one picture; None where they can't be counted.
    """

    parameters: int
    gmac: float | None


def model_cost(make: Callable[[], nn.Module], side: int = SIZE) -> ModelCost:
    """Count what a network takes, without giving memory to its weights.

    Args:
        make: makes it.
        side: of the picture in pixels.
    """
    # tensors with a shape and a device but no memory; unlike those on the device "meta" they pass through autocast
    with FakeTensorMode(allow_non_fake_inputs=True):
        network = make()
        return ModelCost(sum(parameter.numel() for parameter in network.parameters()), _gmac(network, side))


def _entries(name: str, target: str) -> Iterator[ModelSummary]:
    card = get_model_info(target)
    module, _, class_name = target.rpartition(".")
    for variant in card.variants:
        yield _entry(name, getattr(importlib.import_module(module), class_name), card, variant)


def _entry(name: str, network_class: type[nn.Module], card: ModelInfo, variant: Variant) -> ModelSummary:
    def make() -> nn.Module:
        return network_class(**variant.options)

    found = model_cost(make)
    gmac_here = None if variant.gmac is None else model_cost(make, variant.side).gmac
    return ModelSummary(
        name=name,
        options=[f"model.{key}={_typed(value)}" for key, value in variant.options.items()],
        year=card.year,
        parameters=found.parameters,
        gmac=found.gmac,
        input=card.input,
        source=card.source,
        recipe=card.recipe,
        published={
            "parameters": variant.parameters,
            "gmac": variant.gmac,
            "side": variant.side,
            "gmac_here": gmac_here,
        },
    )


def _typed(value: Any) -> str:
    return json.dumps(value, separators=(",", ":")).strip('"')


def _gmac(network: nn.Module, side: int) -> float | None:
    lightness = torch.empty(1, 1, side, side)
    counter = FlopCounterMode(display=False)
    try:
        # fused attention is not counted everywhere; taken apart it is
        with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), counter:
            network.eval()(lightness, no_hints(lightness))
    except RuntimeError:  # a network whose work depends on the values of its input has none to go by here
        return None
    return counter.get_total_flops() / 2e9
