"""The list of networks: what each is, how large, what was published of it, and where it comes from."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import torch
from rich import box
from rich.console import Group
from rich.table import Table
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from chromahint.hints.hints import no_hints
from chromahint.models.card import Card, Variant, card_of

SIZE = 256


@dataclass(frozen=True)
class Entry:
    """One network, in one of the forms of its publication.

    Attributes:
        name: what `model=` takes.
        options: what is typed beside it for this form, such as `model.width=192`.
        year: of its publication; None where its file has no `CARD`, or no date.
        parameters: how many numbers it learns.
        gmac: thousand million multiply-adds to colour one picture of 256x256; None where they can't be counted.
        input: what its first layer reads; empty without a `CARD`.
        source: the paper or project; empty without a `CARD`.
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


def catalogue(targets: Mapping[str, str]) -> list[Entry]:
    """Describe networks without giving memory to their weights.

    Args:
        targets: class by name, such as `{"unet": "chromahint.models.unet.UNet"}`; built in the forms of its `CARD`.

    Returns:
        An entry for each form, in the order given.

    >>> catalogue({"unet": "chromahint.models.unet.UNet"})[0].parameters
    31038274
    """
    return [entry for name, target in targets.items() for entry in _entries(name, target)]


class Cost(NamedTuple):
    """What a network takes.

    Attributes:
        parameters: how many numbers it learns.
        gmac: thousand million multiply-adds to colour one picture; None where they can't be counted.
    """

    parameters: int
    gmac: float | None


def cost(make: Callable[[], nn.Module], side: int = SIZE) -> Cost:
    """Count what a network takes, without giving memory to its weights.

    Args:
        make: makes it.
        side: of the picture in pixels.
    """
    # tensors with a shape and a device but no memory; unlike those on the device "meta" they pass through autocast
    with FakeTensorMode(allow_non_fake_inputs=True):
        network = make()
        return Cost(sum(parameter.numel() for parameter in network.parameters()), _gmac(network, side))


def as_tables(entries: Sequence[Entry]) -> Group:
    """Lay the list out for a terminal of 80 columns: figures first, then where each network comes from."""
    title = f"Networks, at the width of their publication; GMAC of a picture of {SIZE} px"
    figures = Table(
        title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, pad_edge=False
    )  # fmt: skip
    figures.add_column("model=", overflow="fold")
    for heading in ("parameters", "published", "GMAC", "published"):
        figures.add_column(heading, justify="right", no_wrap=True)
    for e in entries:
        said = e.published
        gmac = "" if e.gmac is None else f"{e.gmac:.1f}"
        # work is published for pictures of another side, so it has a line of its own beside what is counted there
        figures.add_row(
            "\n ".join([e.name, *(option.removeprefix("model.") for option in e.options)]),
            f"{e.parameters:,}",
            "" if said["parameters"] is None else f"{said['parameters']:,}",
            gmac if said["gmac"] is None else f"{gmac}\n{said['gmac_here']:.1f}",
            "" if said["gmac"] is None else f"\n{said['gmac']} at {said['side']}",
        )
    sources = Table(box=None, show_header=False, padding=(0, 1, 1, 1))
    for e in {e.name: e for e in entries if e.source}.values():
        recipe = "" if e.recipe is None else f"\nrecipe: chromahint {e.recipe}"
        sources.add_row(f"{e.name}\n{e.year or ''}", f"{e.source}\nreads {e.input}{recipe}")
    return Group(figures, "", sources)


def as_json(entries: Sequence[Entry]) -> str:
    """Write the list as JSON, an object a form."""
    return json.dumps([asdict(entry) for entry in entries], indent=2)


def _entries(name: str, target: str) -> Iterator[Entry]:
    card = card_of(target)
    module, _, class_name = target.rpartition(".")
    for variant in card.variants:
        yield _entry(name, getattr(importlib.import_module(module), class_name), card, variant)


def _entry(name: str, network_class: type[nn.Module], card: Card, variant: Variant) -> Entry:
    def make() -> nn.Module:
        return network_class(**variant.options)

    found = cost(make)
    gmac_here = None if variant.gmac is None else cost(make, variant.side).gmac
    return Entry(
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
