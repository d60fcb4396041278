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
from chromahint.config.instantiate import instantiate_node
from chromahint.config.paths import add_cwd_to_path
from chromahint.data.sources.base import Photos
from chromahint.evaluation.fingerprint import fingerprint
from chromahint.evaluation.protocols.base import HintProtocol
from chromahint.inference.load import prepare_network, resolve_device
from chromahint.models.registry import ModelCost, model_cost
from chromahint.report.load_runs import EvaluationResult, LoadedRuns, read_evaluation
from chromahint.runs.run import Run


def cost_of_network(measured: EvaluationResult) -> ModelCost | None:
    """Parameters and work of a run's network; None where it can't be built here."""
    add_cwd_to_path()
    return _cost(json.dumps(measured.about["model"], sort_keys=True))


@functools.cache
def _cost(node: str) -> ModelCost | None:
    """Of a hundred runs, many have the same network: each is counted once."""
    try:
        return model_cost(lambda: _build(json.loads(node)))
    except ValueError:
        return None


def network_of(name: str, measured: EvaluationResult, run: Run | None, device: torch.device) -> nn.Module:
    """The network that was evaluated, ready to color.

    Args:
        name: of the run, or of a method that learns nothing.
        measured: its evaluation.
        run: its run, if it has one.
        device: where it is to run.

    Raises:
        ValueError: the network is not to be found here, or the run has been trained further since.
    """
    add_cwd_to_path()
    about = measured.about
    if run is not None and fingerprint(about, run.best_checkpoint, about["split"])["weights"] != about["weights"]:
        raise ValueError(f"{run.path}: has been trained on since it was evaluated; evaluate it again")
    weights = None if run is None else run.best_checkpoint
    return prepare_network(_build(_node(name, measured)), weights, device, about.get("input_size"))


def photos_of(measured: EvaluationResult) -> Photos:
    """The photos that an evaluation was made on.

    Raises:
        ValueError: they are not to be found here.
    """
    data = _build(measured.about["data"])
    data.prepare_data()
    photos: Photos = data.source.photos(measured.about["split"], data.max_images)
    return photos


def protocol_of(measured: EvaluationResult) -> HintProtocol:
    """The protocol of an evaluation."""
    protocol: HintProtocol = instantiate_node(measured.about["protocol"])
    return protocol


def measure_baselines(names: Sequence[str], gathered: LoadedRuns) -> dict[str, EvaluationResult]:
    """Measure methods that learn nothing on the same photos and hints, as far as that has not been done.

    The folders lie where a run keeps those that it measures itself: in the first run's evaluation.

    Args:
        names: what `model=` takes.
        gathered: runs, and what stands beside them already.
    """
    from chromahint.evaluation.evaluator import EvaluatedMethod, evaluate_methods
    from chromahint.launch.comparison import load_baselines

    first, device = gathered.first, resolve_device("auto")
    nodes = load_baselines([name for name in names if name not in gathered.baselines])
    methods = {
        name: EvaluatedMethod(
            prepare_network(instantiate_node(node), None, device),
            first.folder / "baselines" / name,
            {key: value for key, value in first.about.items() if key != "input_size"}
            | {"model": node, "weights": None},
        )
        for name, node in nodes.items()
    }
    if methods:
        evaluate_methods(methods, photos_of(first), protocol_of(first), device, batch_size=8)
    return gathered.baselines | {name: read_evaluation(method.folder) for name, method in methods.items()}


def _node(name: str, measured: EvaluationResult) -> dict[str, Any]:
    node = measured.about["model"]
    # a run notes what it measures beside itself by a title, and keeps it in a folder of the network's name
    known: dict[str, Any] = node if isinstance(node, dict) else compose("evaluate", [f"model={name}"]).config["model"]
    return known


def _build(node: dict[str, Any]) -> Any:
    try:
        return instantiate_node(node)
    except HydraException:
        raise ValueError(f"{node.get('_target_')}: can't be built here; run this where the module is found") from None
