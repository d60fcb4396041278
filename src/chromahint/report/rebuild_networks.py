"""Rebuild networks, images and protocols from evaluation metadata, and evaluate further baselines."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from pathlib import Path
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
from chromahint.inference.trust import require_trusted
from chromahint.models.registry import ModelCost, model_cost
from chromahint.report.evaluation_result import EvaluationResult, read_evaluation
from chromahint.report.load_runs import LoadedRuns
from chromahint.runs.run import Run


def cost_of_network(result: EvaluationResult) -> ModelCost | None:
    """Return the number of parameters and multiply-adds of a network; None if it can't be built here."""
    try:
        _require_trusted(result.metadata["model"], result.folder)
        return _cost(json.dumps(result.metadata["model"], sort_keys=True))
    except ValueError:
        return None


@functools.cache
def _cost(model_json: str) -> ModelCost:
    """Count once per network, because runs often share one."""
    return model_cost(lambda: _build(json.loads(model_json)))


def rebuild_network(name: str, result: EvaluationResult, run: Run | None, device: torch.device) -> nn.Module:
    """Rebuild the network of an evaluation, in eval mode.

    Args:
        name: name of the run or baseline.
        result: its evaluation.
        run: the run; None for a training-free baseline.
        device: device of the network.

    Raises:
        ValueError: the network can't be built here, or the run has been trained further since the evaluation.
    """
    metadata = result.metadata
    checkpoint = None if run is None else run.best_checkpoint
    if run is not None and fingerprint(metadata, checkpoint, metadata["split"])["weights"] != metadata["weights"]:
        raise ValueError(f"{run.path}: the weights have changed since the evaluation. Evaluate the run again.")
    node = _model_node(name, result)
    _require_trusted(node, result.folder)
    network = _build(node)
    return prepare_network(network, checkpoint, device, metadata.get("input_size"))


def evaluated_photos(result: EvaluationResult) -> Photos:
    """Return the photos of an evaluation.

    Raises:
        ValueError: they are missing.
    """
    _require_trusted(result.metadata["data"], result.folder)
    data = _build(result.metadata["data"])
    data.prepare_data()
    photos: Photos = data.source.photos(result.metadata["split"], data.max_images)
    return photos


def evaluation_protocol(result: EvaluationResult) -> HintProtocol:
    """Return the protocol of an evaluation."""
    _require_trusted(result.metadata["protocol"], result.folder)
    protocol: HintProtocol = _build(result.metadata["protocol"])
    return protocol


def measure_baselines(names: Sequence[str], loaded: LoadedRuns) -> dict[str, EvaluationResult]:
    """Evaluate training-free baselines on the same images with the same hints, unless this has been done.

    They are stored like the baselines that a run evaluates itself: in the folder of the first run's evaluation.

    Args:
        names: names of the baselines, as for `model=`.
        loaded: runs, and the baselines that they have already.

    Returns:
        All baselines: name -> evaluation.
    """
    from chromahint.evaluation.evaluator import EvaluatedMethod, evaluate_methods
    from chromahint.launch.comparison import load_baselines

    reference, device = loaded.reference, resolve_device("auto")
    nodes = load_baselines([name for name in names if name not in loaded.baselines])
    shared = {key: value for key, value in reference.metadata.items() if key != "input_size"}
    methods = {
        name: EvaluatedMethod(
            prepare_network(instantiate_node(node), None, device),
            reference.folder / "baselines" / name,
            shared | {"model": node, "weights": None},
        )
        for name, node in nodes.items()
    }
    if methods:
        evaluate_methods(methods, evaluated_photos(reference), evaluation_protocol(reference), device, batch_size=8)
    return loaded.baselines | {
        name: read_evaluation(method.folder).at(reference.hint_counts, reference.all_counts).without(loaded.left_out)
        for name, method in methods.items()
    }


def _model_node(name: str, result: EvaluationResult) -> dict[str, Any]:
    model = result.metadata["model"]
    # a run records the baselines that it evaluates by title, in a folder with the name of the network
    node: dict[str, Any] = model if isinstance(model, dict) else compose("evaluate", [f"model={name}"]).config["model"]
    return node


def _require_trusted(node: Any, folder: Path) -> None:
    """Check that the folder of an evaluation may name a node; that of the user's own run may name any code."""
    run_folder = folder.parent.parent
    run = Run(run_folder) if (run_folder / "run.json").is_file() else None
    require_trusted(node, folder / "evaluation.json", run)


def _build(node: dict[str, Any]) -> Any:
    add_cwd_to_path()
    try:
        return instantiate_node(node)
    except HydraException:
        raise ValueError(
            f"{node.get('_target_')}: cannot be built here. Run the command where its module can be imported."
        ) from None
