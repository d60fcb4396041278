"""Evaluate the network of a validated config, or color pairs of hint image and mask with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console

from chromahint.config.errors import ConfigError
from chromahint.config.instantiate import instantiate_node
from chromahint.data.sources.hint_mask_pairs import HintMaskPairs
from chromahint.evaluation.evaluator import (
    EvaluatedMethod,
    evaluate_methods,
    is_same_evaluation,
    lock_output,
)
from chromahint.evaluation.fingerprint import fingerprint
from chromahint.evaluation.predict import predict
from chromahint.evaluation.table import clicks_table, hint_table
from chromahint.inference.load import prepare_network, resolve_device
from chromahint.progress import progress_bar


def evaluate_config(
    config: dict[str, Any], weights: Path | None, name: str, parent: Path, output: Path | None, console: Console
) -> dict[str, Any]:
    """Evaluate one network, write the results and print a table.

    Args:
        config: Validated config of `chromahint evaluate`.
        weights: File of weights, if any.
        name: Name of the network, for the table.
        parent: Parent of the default output folder `parent/<protocol>`. If another evaluation is there, -2, -3, ... is
            appended.
        output: Output folder, or None for the default.
        console: Console to print to.

    Returns:
        The content of metrics.json.

    Raises:
        ValueError: The folder holds another evaluation, is in use, or no image can be evaluated.
    """
    protocol, data = instantiate_node(config["protocol"]), instantiate_node(config["data"])
    device = resolve_device(config["device"])
    network = prepare_network(instantiate_node(config["model"]), weights, device, config["input_size"])
    data.prepare_data()
    split = config["split"] or ("test" if getattr(data.source, "has_splits", True) else "all")
    photos = data.source.photos(split, data.max_images)
    evaluation = fingerprint(config, weights, split)
    folder = output if output is not None else available_folder(parent / protocol.name, evaluation)
    methods = {name: EvaluatedMethod(network, folder, evaluation)}
    results = evaluate_methods(methods, photos, protocol, device, config["batch_size"], data.num_workers)
    console.print(hint_table(results, f"{protocol.name}, {protocol.size} px"))
    if (clicks := clicks_table(results)) is not None:
        console.print(clicks)
    if (folder / "broken.txt").exists():
        console.print(f"some images could not be read: {folder / 'broken.txt'}", style="yellow")
    console.print(f"metrics: {folder / 'metrics.json'}\nper image: {folder / 'images.csv'}")
    return results[name]


def predict_config(
    config: dict[str, Any], weights: Path | None, name: str, parent: Path, output: Path | None, console: Console
) -> None:
    """Color pairs of hint image and mask, which have no ground truth. The arguments are those of `evaluate_config`."""
    if config["split"] is not None:
        raise ConfigError(f"split={config['split']}: pairs of hint image and mask have no splits. Remove split=.")
    data: HintMaskPairs = instantiate_node(config["data"])
    pairs = data.pairs()
    device = resolve_device(config["device"])
    network = prepare_network(instantiate_node(config["model"]), weights, device, config["input_size"])
    prediction = fingerprint(config, weights, "all")
    del prediction["protocol"]  # the hints are in the files
    folder = output if output is not None else available_folder(parent / "hint_mask_pairs", prediction)
    with lock_output(folder), progress_bar(f"coloring with {name}", len(pairs)) as advance:
        broken = predict(network, pairs, folder, prediction, device, config["batch_size"], data.num_workers, advance)
    if broken:
        console.print(f"some pairs could not be read: {folder / 'broken.txt'}", style="yellow")
    console.print(f"images: {folder}\nnames: {folder / 'images.csv'}")


def available_folder(folder: Path, fingerprint: dict[str, Any]) -> Path:
    """Return the first of folder, folder-2, folder-3, ... that is free or holds the same evaluation."""
    candidate, number = folder, 1
    while not is_same_evaluation(candidate, fingerprint):
        number += 1
        candidate = folder.with_name(f"{folder.name}-{number}")
    return candidate
