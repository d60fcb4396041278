"""Model registry: create a network by name, describe where it comes from, and count its parameters and operations."""

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

MODEL_CLASSES = {
    "attention_unet": "AttentionUNet",
    "hscaunet": "HSCAUNet",
    "icolorit": "IColoriT",
    "multibranch": "MultiBranch",
    "resunet": "ResUNet",
    "spreadnet": "SpreadNet",
    "unet": "UNet",
    "xiao2019": "Xiao2019",
    "zhang2016": "Zhang2016",
    "zhang2017": "Zhang2017",
}
"""Class name of each trainable network, by its name in `model=`. Files can only request these networks."""

BASELINES = ("gray", "levin", "pullpush")
"""Training-free baselines, by their name in `model=`. They have no weights."""

DEFAULT_IMAGE_SIZE = 256
"""Height and width, in pixels, of the image that operations are counted for."""


@dataclass(frozen=True)
class Variant:
    """A published configuration of a network.

    Attributes:
        options: Constructor options that differ from the defaults of the class.
        parameters: Published number of parameters, or None if it was not published.
        gmac: Published multiply-adds per image, in billions, or None.
        image_size: Height and width, in pixels, of the image that `gmac` was published for.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    parameters: int | None = None
    gmac: float | None = None
    image_size: int = DEFAULT_IMAGE_SIZE


@dataclass(frozen=True)
class ModelInfo:
    """Origin of a network, declared as `MODEL_INFO` in the network's module.

    Attributes:
        year: Year of publication, or None.
        input: Input channels of the first layer, in the network's own scaling.
        source: Paper or project.
        recipe: Arguments of `chromahint` that train the network as published, or None.
        variants: Published configurations.
    """

    year: int | None
    input: str
    source: str
    recipe: str | None = None
    variants: tuple[Variant, ...] = (Variant(),)


@dataclass(frozen=True)
class ModelSummary:
    """One published configuration of a network, with its cost.

    Attributes:
        name: Name of the network in `model=`.
        options: Overrides that select this configuration, such as `model.width=192`.
        year: Year of publication, or None.
        parameters: Number of parameters.
        gmac: Multiply-adds, in billions, to color one image of 256x256 pixels; None if they cannot be counted.
        input: Input channels of the first layer; empty if the module has no `MODEL_INFO`.
        source: Paper or project; empty if the module has no `MODEL_INFO`.
        recipe: Arguments of `chromahint` that train the network as published, or None.
        published: Published values: `parameters`, `gmac` and the `image_size` it applies to, plus `computed_gmac`, our
            own count at that size. Unpublished values are None.
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


class ModelCost(NamedTuple):
    """Size and cost of a network.

    Attributes:
        parameters: Number of parameters.
        gmac: Multiply-adds, in billions, to color one image; None if they cannot be counted.
    """

    parameters: int
    gmac: float | None


def create_model(name: str, options: Mapping[str, Any]) -> nn.Module:
    """Create one of Chromahint's trainable networks, with random weights.

    Args:
        name: Name of the network, a key of `MODEL_CLASSES`.
        options: Keyword arguments of its constructor.

    Raises:
        ValueError: The network or one of its options is unknown.
    """
    if name not in MODEL_CLASSES:
        raise ValueError(f"{name!r:.80}: unknown network; choose one of {', '.join(MODEL_CLASSES)}.")
    network_class = getattr(importlib.import_module(qualname_of(name).rpartition(".")[0]), MODEL_CLASSES[name])
    known = list(inspect.signature(network_class).parameters)
    if unknown := [f"{option!r:.80}" for option in options if option not in known]:
        raise ValueError(f"{name}: unknown option {', '.join(unknown)}. The options are {', '.join(known)}.")
    network: nn.Module = network_class(**options)
    return network


def qualname_of(name: str) -> str:
    """Return the full name of a network's class, such as `chromahint.models.unet.UNet`."""
    return f"{__package__}.{name}.{MODEL_CLASSES[name]}"


def model_name(target: str) -> str | None:
    """Return the name in `model=` for the full name of a class, or None if it is not a trainable Chromahint network.

    >>> model_name("chromahint.models.unet.UNet")
    'unet'
    """
    return next((name for name in MODEL_CLASSES if qualname_of(name) == target), None)


def get_model_info(target: str) -> ModelInfo:
    """Return the `MODEL_INFO` of a class such as `chromahint.models.unet.UNet`, or an empty one if it has none."""
    unknown = ModelInfo(year=None, input="", source="")
    info: ModelInfo = getattr(importlib.import_module(target.rpartition(".")[0]), "MODEL_INFO", unknown)
    return info


def list_models(targets: Mapping[str, str]) -> list[ModelSummary]:
    """Describe networks without allocating memory for their weights.

    Args:
        targets: Full class names by model name, such as `{"unet": "chromahint.models.unet.UNet"}`.

    Returns:
        One summary per published configuration, in the order of `targets`.

    >>> list_models({"unet": "chromahint.models.unet.UNet"})[0].parameters
    31038274
    """
    return [summary for name, target in targets.items() for summary in _summarize(name, target)]


def model_cost(build: Callable[[], nn.Module], image_size: int = DEFAULT_IMAGE_SIZE) -> ModelCost:
    """Count the parameters and operations of a network without allocating memory for its weights.

    Args:
        build: Function that creates the network.
        image_size: Height and width of the image in pixels.
    """
    # fake tensors have a shape and a device but no memory; unlike tensors on the "meta" device, they support autocast
    with FakeTensorMode(allow_non_fake_inputs=True):
        network = build()
        if parameters := sum(parameter.numel() for parameter in network.parameters()):
            return ModelCost(parameters, count_gmac(network, image_size))
    # Levin's thousands of small steps take much longer on fake tensors
    return ModelCost(0, count_gmac(build(), image_size))


def _summarize(name: str, target: str) -> Iterator[ModelSummary]:
    info = get_model_info(target)
    module, _, class_name = target.rpartition(".")
    network_class: type[nn.Module] = getattr(importlib.import_module(module), class_name)
    for variant in info.variants:

        def build(options: Mapping[str, Any] = variant.options) -> nn.Module:
            return network_class(**options)

        cost = model_cost(build)
        yield ModelSummary(
            name=name,
            options=[f"model.{key}={_format_option(value)}" for key, value in variant.options.items()],
            year=info.year,
            parameters=cost.parameters,
            gmac=cost.gmac,
            input=info.input,
            source=info.source,
            recipe=info.recipe,
            published={
                "parameters": variant.parameters,
                "gmac": variant.gmac,
                "image_size": variant.image_size,
                "computed_gmac": None if variant.gmac is None else model_cost(build, variant.image_size).gmac,
            },
        )


def _format_option(value: Any) -> str:
    return json.dumps(value, separators=(",", ":")).strip('"')


def count_gmac(network: nn.Module, image_size: int = DEFAULT_IMAGE_SIZE) -> float | None:
    """Count the multiply-adds, in billions, to color one image; None if they cannot be counted."""
    lightness = torch.empty(1, 1, image_size, image_size)
    counter = FlopCounterMode(display=False)
    try:
        # the flop counter does not support every fused attention kernel, so use the unfused one
        with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), counter:
            network.eval()(lightness, no_hints(lightness))
    except RuntimeError:  # a network whose operations depend on input values cannot run on fake tensors
        return None
    return counter.get_total_flops() / 2e9
