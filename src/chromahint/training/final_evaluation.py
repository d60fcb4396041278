"""Final evaluation of a run: test metrics of its best weights next to training-free baselines, and figures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from chromahint.config.instantiate import instantiate_node
from chromahint.console import TextConsole
from chromahint.data.datamodule import PhotoDataModule
from chromahint.evaluation.compatibility import methods_without_hints
from chromahint.evaluation.evaluator import EvaluatedMethod, evaluate_methods
from chromahint.evaluation.fingerprint import fingerprint
from chromahint.evaluation.image_grid import sample_grid, write_png
from chromahint.evaluation.processes import rank_and_count
from chromahint.evaluation.protocols.base import HintProtocol
from chromahint.evaluation.table import hint_table
from chromahint.inference.load import prepare_network
from chromahint.models.gray_baseline import GrayBaseline
from chromahint.models.pullpush import PullPush
from chromahint.models.registry import get_model_info
from chromahint.runs.run import Run
from chromahint.visualization.curves import hint_curve, training_curves, write_figure

PULL_PUSH, GRAY = "pull-push, no training", "gray, no color"


@dataclass(frozen=True)
class FinalResults:
    """Results of the final evaluation.

    Attributes:
        metrics: Content of the run's metrics.json.
        images: Image files by W&B name.
    """

    metrics: dict[str, Any]
    images: dict[str, Path]


def evaluate_best_weights(
    run: Run, config: dict[str, Any], data: PhotoDataModule, device: torch.device, minutes: float
) -> FinalResults | None:
    """Evaluate the best weights and two training-free baselines on the same test images and hints.

    Prints a table and remarks, and writes results and figures to the run folder. In a distributed run, all processes
    share the images; the first one writes, and the others return None.

    Args:
        run: The run.
        config: Its config.
        data: Data module of the run.
        device: Device to evaluate on.
        minutes: Training time, for the title of the table.
    """
    protocol: HintProtocol = instantiate_node(config["protocol"])
    photos = data.source.photos("test", data.max_images)
    name = run.metadata["choices"]["model"]
    network = prepare_network(instantiate_node(config["model"]), run.best_checkpoint, device)
    networks: dict[str, nn.Module] = {name: network, PULL_PUSH: PullPush(), GRAY: GrayBaseline()}
    folder = run.path / "evaluation" / protocol.name
    folders = {name: folder, PULL_PUSH: folder / "baselines" / "pullpush", GRAY: folder / "baselines" / "gray"}
    console = TextConsole()
    fingerprints = {title: fingerprint(config, None, "test") | {"model": title} for title in (PULL_PUSH, GRAY)}
    fingerprints[name] = fingerprint(config, run.best_checkpoint, "test")
    methods = {title: EvaluatedMethod(networks[title], folders[title], fingerprints[title]) for title in networks}
    results = evaluate_methods(methods, photos, protocol, device, data.eval_batch_size)
    if rank_and_count()[0] > 0:
        return None
    figures = run.path / "pictures"
    curve = hint_curve(results, f"PSNR against hints, {protocol.name}", dashed=(PULL_PUSH, GRAY))
    images = {
        "pictures/test": write_png(figures / "strip.png", sample_grid(network, photos, protocol, device)),
        "figures/psnr_by_hints": write_figure(curve, figures / "psnr_by_hints.png"),
        "figures/training": write_figure(training_curves(run.path / "metrics.csv"), figures / "training.png"),
    }
    console.print(hint_table(results, f"{name} after {minutes:.1f} minutes, compared with two training-free baselines"))
    for sentence in _remarks(results, name, config, run):
        console.print(sentence)
    return FinalResults(results[name], images)


def _remarks(results: dict[str, dict[str, Any]], name: str, config: dict[str, Any], run: Run) -> list[str]:
    """Explain the results and list the output files."""
    psnr = {title: {int(k): v["psnr"] for k, v in r["by_hints"].items()} for title, r in results.items()}
    network, pull_push, gray = psnr[name], psnr[PULL_PUSH], psnr[GRAY]
    remarks = []
    if worse := [k for k in network if gray[k] > network[k] + 0.3]:
        remarks.append(
            f"With {_join(worse)} hints, no color at all is closer: the network guesses colors that it learned from "
            "training images unlike these photos. Train longer, or on similar photos."
        )
    if methods_without_hints({name: results[name]}):
        remarks.append(f"{name} takes no hints, so that their number makes no difference.")
    elif behind := [k for k in network if k >= 1 and pull_push[k] > network[k] + 0.05]:
        remarks.append(
            f"Pull-push is ahead with {_join(behind)} hints: it keeps every hint exactly and blends between them, "
            "which a network has to learn from images. Minutes are not enough for that; published recipes take days."
        )
    recipe = get_model_info(config["model"]["_target_"]).recipe
    if recipe is not None and run.metadata["choices"]["experiment"] is None:
        remarks.append(
            f"This was the laptop recipe: a network of width {config['model']['width']}, images of "
            f"{config['data']['train_size']} px and minutes of training. The full recipe is: "
            f"chromahint {recipe} data=folder data.root=/path/to/photos"
        )
    figures = run.path / "pictures"
    files = [f"run:     {run.path}", f"picture: {figures / 'strip.png'}", f"figure:  {figures / 'psnr_by_hints.png'}"]
    return [*remarks, *files]


def _join(counts: list[int]) -> str:
    words = [f"{k:,}" for k in counts]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
