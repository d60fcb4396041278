"""What came of a run: its best weights beside no color at all and beside no training, a table and a picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch import nn

from chromahint.config.instantiate import instantiate_node
from chromahint.data.datamodule import PhotoDataModule
from chromahint.evaluation.evaluator import EvaluatedMethod, evaluate_methods
from chromahint.evaluation.fingerprint import fingerprint
from chromahint.evaluation.image_grid import write_png
from chromahint.evaluation.protocols.base import HintProtocol
from chromahint.evaluation.table import hint_table
from chromahint.inference.load import prepare_network
from chromahint.models.gray_baseline import GrayBaseline
from chromahint.models.pullpush import PullPush
from chromahint.models.registry import get_model_info
from chromahint.runs.run import Run
from chromahint.training.callbacks.image_logger import draw_strip
from chromahint.visualization.curves import hint_curve, training_curves, write_figure

PULL_PUSH, GRAY = "pull-push, no training", "gray, no color"


@dataclass(frozen=True)
class FinalResults:
    """The figures of the run's network, and what was drawn: name on W&B -> file."""

    metrics: dict[str, Any]
    pictures: dict[str, Path]


def evaluate_best_weights(
    run: Run, config: dict[str, Any], data: PhotoDataModule, device: torch.device, minutes: float
) -> FinalResults:
    """Evaluate the best weights and two methods without training on the same hints; print, and draw."""
    protocol: HintProtocol = instantiate_node(config["protocol"])
    photos = data.source.photos("test", data.max_images)
    name = run.metadata["choices"]["model"]
    network = prepare_network(instantiate_node(config["model"]), run.best_checkpoint, device)
    networks: dict[str, nn.Module] = {name: network, PULL_PUSH: PullPush(), GRAY: GrayBaseline()}
    folder = run.path / "evaluation" / protocol.name
    folders = {name: folder, PULL_PUSH: folder / "baselines" / "pullpush", GRAY: folder / "baselines" / "gray"}
    console = Console(soft_wrap=True)
    abouts = {title: fingerprint(config, None, "test") | {"model": title} for title in (PULL_PUSH, GRAY)}
    abouts[name] = fingerprint(config, run.best_checkpoint, "test")
    methods = {title: EvaluatedMethod(networks[title], folders[title], abouts[title]) for title in networks}
    results = evaluate_methods(methods, photos, protocol, device, data.eval_batch_size)
    drawn = run.path / "pictures"
    curve = hint_curve(results, f"PSNR against hints, {protocol.name}", dashed=(PULL_PUSH, GRAY))
    pictures = {
        "pictures/test": write_png(drawn / "strip.png", draw_strip(network, photos, protocol, device)),
        "figures/psnr_by_hints": write_figure(curve, drawn / "psnr_by_hints.png"),
        "figures/training": write_figure(training_curves(run.path / "metrics.csv"), drawn / "training.png"),
    }
    console.print(hint_table(results, f"{name} after {minutes:.1f} minutes, beside two methods that learn nothing"))
    for sentence in _remarks(results, name, config, run):
        console.print(sentence, highlight=False)
    return FinalResults(results[name], pictures)


def _remarks(results: dict[str, dict[str, Any]], name: str, config: dict[str, Any], run: Run) -> list[str]:
    """What a person needs to know to read the table, and where everything lies."""
    psnr = {title: {int(k): v["psnr"] for k, v in r["by_hints"].items()} for title, r in results.items()}
    ours, pull_push, gray = psnr[name], psnr[PULL_PUSH], psnr[GRAY]
    remarks = []
    if worse := [k for k in ours if gray[k] > ours[k] + 0.3]:
        remarks.append(
            f"At {_listed(worse)} hints no color at all would be closer: the network colors by what it has learned "
            "from its training pictures, which these photos are unlike. Train longer, or on photos like these."
        )
    if behind := [k for k in ours if k >= 1 and pull_push[k] > ours[k] + 0.05]:
        remarks.append(
            f"Pull-push is ahead at {_listed(behind)} hints: it keeps each hint exactly and blends between them, which "
            "a network has to learn from pictures; minutes of training do not get there, published recipes take days."
        )
    recipe = get_model_info(config["model"]["_target_"]).recipe
    if recipe is not None and run.metadata["choices"]["experiment"] is None:
        remarks.append(
            f"This was the laptop recipe: a network of width {config['model']['width']}, pictures of "
            f"{config['data']['train_size']} px and minutes of training. By its own recipe: "
            f"chromahint {recipe} data=folder data.root=/path/to/photos"
        )
    drawn = run.path / "pictures"
    places = [f"run:     {run.path}", f"picture: {drawn / 'strip.png'}", f"figure:  {drawn / 'psnr_by_hints.png'}"]
    return [*remarks, *places]


def _listed(counts: list[int]) -> str:
    words = [f"{k:,}" for k in counts]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
