"""Networks of evaluations, built again: what they take, what they make of a photo, and methods to set beside them."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from typing import Any

import torch
from hydra.errors import HydraException
from torch import nn

from chromahint.config.compose import compose
from chromahint.config.instantiate import build
from chromahint.config.paths import see_own_networks
from chromahint.data.sources.base import Photos
from chromahint.evaluation.fingerprint import subject
from chromahint.evaluation.protocols.base import HintProtocol
from chromahint.inference.load import choose_device, make_ready
from chromahint.models.registry import Cost, cost
from chromahint.report.load_runs import Gathered, Measured, read_evaluation
from chromahint.runs.run import Run


def what_it_takes(measured: Measured) -> Cost | None:
    """Parameters and work of a run's network; None where it can't be built here."""
    see_own_networks()
    return _cost(json.dumps(measured.about["model"], sort_keys=True))


@functools.cache
def _cost(node: str) -> Cost | None:
    """Of a hundred runs, many have the same network: each is counted once."""
    try:
        return cost(lambda: _build(json.loads(node)))
    except ValueError:
        return None


def network_of(name: str, measured: Measured, run: Run | None, device: torch.device) -> nn.Module:
    """The network that was evaluated, ready to color.

    Args:
        name: of the run, or of a method that learns nothing.
        measured: its evaluation.
        run: its run, if it has one.
        device: where it is to run.

    Raises:
        ValueError: the network is not to be found here, or the run has been trained further since.
    """
    see_own_networks()
    about = measured.about
    if run is not None and subject(about, run.weights, about["split"])["weights"] != about["weights"]:
        raise ValueError(f"{run.path}: has been trained on since it was evaluated; evaluate it again")
    weights = None if run is None else run.weights
    return make_ready(_build(_node(name, measured)), weights, device, about.get("side"))


def photos_of(measured: Measured) -> Photos:
    """The photos that an evaluation was made on.

    Raises:
        ValueError: they are not to be found here.
    """
    data = _build(measured.about["data"])
    data.prepare_data()
    photos: Photos = data.source.photos(measured.about["split"], data.limit)
    return photos


def protocol_of(measured: Measured) -> HintProtocol:
    """The protocol of an evaluation."""
    protocol: HintProtocol = build(measured.about["protocol"])
    return protocol


def measure_beside(names: Sequence[str], gathered: Gathered) -> dict[str, Measured]:
    """Measure methods that learn nothing on the same photos and hints, as far as that has not been done.

    The folders lie where a run keeps those that it measures itself: in the first run's evaluation.

    Args:
        names: what `model=` takes.
        gathered: runs, and what stands beside them already.
    """
    from chromahint.evaluation.evaluator import Method, measure
    from chromahint.launch.comparison import beside

    first, device = gathered.first, choose_device("auto")
    nodes = beside([name for name in names if name not in gathered.beside])
    methods = {
        name: Method(
            make_ready(build(node), None, device),
            first.folder / "beside" / name,
            {key: value for key, value in first.about.items() if key != "side"} | {"model": node, "weights": None},
        )
        for name, node in nodes.items()
    }
    if methods:
        measure(methods, photos_of(first), protocol_of(first), device, batch_size=8)
    return gathered.beside | {name: read_evaluation(method.folder) for name, method in methods.items()}


def _node(name: str, measured: Measured) -> dict[str, Any]:
    node = measured.about["model"]
    # a run notes what it measures beside itself by a title, and keeps it in a folder of the network's name
    known: dict[str, Any] = node if isinstance(node, dict) else compose("evaluate", [f"model={name}"]).config["model"]
    return known


def _build(node: dict[str, Any]) -> Any:
    try:
        return build(node)
    except HydraException:
        raise ValueError(f"{node.get('_target_')}: can't be built here; run this where the module is found") from None
