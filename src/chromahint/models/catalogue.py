"""The list of networks: what each is, how large, and where it comes from."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import torch
from rich import box
from rich.table import Table
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from chromahint.hints.maps import no_hints
from chromahint.models.card import Card

SIZE = 256


@dataclass(frozen=True)
class Entry:
    """One network at its published width.

    Attributes:
        name: what `model=` takes.
        year: of its publication; None where its file has no `CARD`, or no date.
        parameters: how many numbers it learns.
        gmac: thousand million multiply-adds to colour one picture of 256x256; None where they can't be counted.
        input: what its first layer reads; empty without a `CARD`.
        source: the paper or project; empty without a `CARD`.
    """

    name: str
    year: int | None
    parameters: int
    gmac: float | None
    input: str
    source: str


def catalogue(targets: Mapping[str, str]) -> list[Entry]:
    """Describe networks without giving memory to their weights.

    Args:
        targets: class by name, such as `{"unet": "chromahint.models.unet.UNet"}`; built with its own defaults.

    Returns:
        An entry for each, in the order given.

    >>> catalogue({"unet": "chromahint.models.unet.UNet"})[0].parameters
    31038274
    """
    return [_entry(name, target) for name, target in targets.items()]


def as_table(entries: Sequence[Entry]) -> Table:
    """Lay the list out for the terminal."""
    table = Table(title="Networks, at the width of their publication", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("model=", no_wrap=True)
    for heading in ("year", "parameters", f"GMAC\n{SIZE} px"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("source\ninput")
    for e in entries:
        gmac = "" if e.gmac is None else f"{e.gmac:.1f}"
        table.add_row(e.name, str(e.year or ""), f"{e.parameters:,}", gmac, f"{e.source}\n[dim]{e.input}[/]")
    return table


def as_json(entries: Sequence[Entry]) -> str:
    """Write the list as JSON, an object a network."""
    return json.dumps([asdict(entry) for entry in entries], indent=2)


def _entry(name: str, target: str) -> Entry:
    module_name, _, class_name = target.rpartition(".")
    module = importlib.import_module(module_name)
    # tensors with a shape and a device but no memory; unlike those on the device "meta" they pass through autocast
    with FakeTensorMode(allow_non_fake_inputs=True):
        network: nn.Module = getattr(module, class_name)()
        gmac = _gmac(network)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    card: Card | None = getattr(module, "CARD", None)
    if card is None:
        return Entry(name, None, parameters, gmac, "", "")
    return Entry(name, card.year, parameters, gmac, card.input, card.source)


def _gmac(network: nn.Module) -> float | None:
    lightness = torch.empty(1, 1, SIZE, SIZE)
    counter = FlopCounterMode(display=False)
    try:
        with torch.no_grad(), counter:
            network.eval()(lightness, no_hints(lightness))
    except RuntimeError:  # a network whose work depends on the values of its input has none to go by here
        return None
    return counter.get_total_flops() / 2e9
