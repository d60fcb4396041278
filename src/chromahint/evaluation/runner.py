"""Evaluate what a checked config names, or color where there is no truth, with a progress bar and a summary."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console

from chromahint.config.errors import ConfigError
from chromahint.config.instantiate import instantiate_node
from chromahint.data.sources.hint_mask_pairs import HintMaskPairs
from chromahint.evaluation.evaluator import EvaluatedMethod, evaluate_methods, is_same_evaluation
from chromahint.evaluation.fingerprint import fingerprint
from chromahint.evaluation.predict import predict
from chromahint.evaluation.table import hint_table
from chromahint.inference.load import prepare_network, resolve_device
from chromahint.progress import progress_bar


def evaluate_config(
    config: dict[str, Any], weights: Path | None, name: str, parent: Path, output: Path | None, console: Console
) -> None:
    """Evaluate one network, write the folder and print the table.

    Args:
        config: checked; the nodes model, data and protocol, and split, side, batch_size, device.
        weights: the file of weights, if any.
        name: of the network, for the table.
        parent: where folders of evaluations lie by default: `parent/<protocol>`, or -2, -3 behind another's.
        output: the folder, if the person named one.
        console: where to print.
    """
    protocol, data = instantiate_node(config["protocol"]), instantiate_node(config["data"])
    device = resolve_device(config["device"])
    network = prepare_network(instantiate_node(config["model"]), weights, device, config["input_size"])
    data.prepare_data()
    split = config["split"] or ("test" if getattr(data.source, "has_splits", True) else "all")
    photos = data.source.photos(split, data.max_images)
    about = fingerprint(config, weights, split)
    folder = output if output is not None else _free(parent / protocol.name, about)
    results = evaluate_methods(
        {name: EvaluatedMethod(network, folder, about)},
        photos,
        protocol,
        device,
        config["batch_size"],
        data.num_workers,
    )
    console.print(hint_table(results, f"{protocol.name}, {protocol.size} px"))
    if (folder / "broken.txt").exists():
        console.print(f"some images could not be read: {folder / 'broken.txt'}", style="yellow")
    console.print(f"figures: {folder / 'metrics.json'}\nimages, one by one: {folder / 'images.csv'}", highlight=False)


def predict_config(
    config: dict[str, Any], weights: Path | None, name: str, parent: Path, output: Path | None, console: Console
) -> None:
    """Color pairs of hint and mask, which have no truth to be measured against; arguments as in `evaluate_config`."""
    if config["split"] is not None:
        raise ConfigError(f"split={config['split']}: pairs of hint and mask have no splits; leave out split=")
    data: HintMaskPairs = instantiate_node(config["data"])
    pairs = data.pairs()
    device = resolve_device(config["device"])
    network = prepare_network(instantiate_node(config["model"]), weights, device, config["input_size"])
    about = fingerprint(config, weights, "all")
    del about["protocol"]  # the hints are in the files
    folder = output if output is not None else _free(parent / "hint_mask_pairs", about)
    with progress_bar(f"coloring with {name}", len(pairs)) as advance:
        broken = predict(network, pairs, folder, about, device, config["batch_size"], data.num_workers, advance)
    if broken:
        console.print(f"some pairs could not be read: {folder / 'broken.txt'}", style="yellow")
    console.print(f"images: {folder}\nwhich is which: {folder / 'images.csv'}", highlight=False)


def _free(folder: Path, about: dict[str, Any]) -> Path:
    """The first of folder, folder-2, folder-3, ... that is free, or holds this very evaluation."""
    candidate, number = folder, 1
    while not is_same_evaluation(candidate, about):
        number += 1
        candidate = folder.with_name(f"{folder.name}-{number}")
    return candidate
