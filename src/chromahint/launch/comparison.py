"""Finished runs beside each other and beside methods that learn nothing: tables, a figure and a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from rich.console import Console
from torch import nn

from chromahint.config.compose import compose
from chromahint.config.errors import ConfigError
from chromahint.config.instantiate import instantiate_node
from chromahint.config.validate import validate
from chromahint.data.datamodule import PhotoDataModule
from chromahint.evaluation.compatibility import require_same_images
from chromahint.evaluation.evaluator import EvaluatedMethod, evaluate_methods, read_rows
from chromahint.evaluation.fingerprint import fingerprint
from chromahint.evaluation.image_grid import sample_grid, write_png
from chromahint.evaluation.table import hint_table
from chromahint.inference.load import prepare_network, resolve_device
from chromahint.runs.files import read_json, write_json, write_text
from chromahint.runs.run import Run
from chromahint.training.callbacks.checkpoint import find_resume_state
from chromahint.visualization.curves import hint_curve, write_figure


@dataclass(frozen=True)
class ComparisonRow:
    """A row of the comparison; what a method that learns nothing has not is None.

    Attributes:
        metrics: of the test photos, the content of metrics.json.
        seconds: that the network took for a test photo, in batches, where it was measured.
        parameters: numbers that the network has to learn.
        steps: of the optimizer.
        pictures: that all processes together trained on, a picture as often as it came.
        minutes: of training, validations included.
    """

    metrics: dict[str, Any]
    seconds: float
    parameters: int = 0
    steps: int | None = None
    pictures: int | None = None
    minutes: float | None = None


def comparison_markdown(entries: Mapping[str, ComparisonRow]) -> str:
    """Write the comparison in Markdown: what was spent and PSNR, then SSIM."""
    first = next(iter(entries.values())).metrics
    counts = list(first["by_hints"])
    headings = [f"{int(count):,}" for count in counts]
    psnr, ssim = [], []
    for name, e in entries.items():
        spent = ["-" if n is None else f"{n:,}" for n in (e.parameters, e.steps, e.pictures)]
        spent.append("-" if e.minutes is None else f"{e.minutes:.1f}")
        spent.append(f"{1000 * e.seconds:.0f}")
        figures = [e.metrics["by_hints"][count] for count in counts]
        psnr.append([name, *spent, *(f"{each['psnr']:.2f}" for each in figures)])
        ssim.append([name, *(f"{each['ssim']:.4f}" for each in figures)])
    height, width = first["size"]
    on = f"by number of hints: means of {first['images']} test photos of {width}x{height}, {first['protocol']}"
    return "\n\n".join(
        [
            f"PSNR in dB {on}.",
            _markdown(["network", "parameters", "steps", "pictures seen", "minutes", "ms a photo", *headings], psnr),
            f"SSIM {on}.",
            _markdown(["network", *headings], ssim) + "\n",
        ]
    )


def _markdown(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    rule = ["---", *["---:"] * (len(headings) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (headings, rule, *rows))


def load_baselines(names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Look up methods that learn nothing: name -> node of its config.

    Raises:
        ConfigError: a network has something to learn.
    """
    nodes = {}
    for name in names:
        config = compose("evaluate", [f"model={name}"]).config
        validate(config, "evaluate")
        nodes[name] = config["model"]
        if _parameters(instantiate_node(nodes[name])):
            raise ConfigError(f"baselines: {name} has to be trained first; in plan.yaml it belongs to runs:")
    return nodes


def require_same_evaluation(configs: Mapping[str, dict[str, Any]]) -> None:
    """Refuse runs that end with an evaluation on other photos, or by another protocol.

    Raises:
        ConfigError: two of the configs differ there.
    """
    (first, wanted), *others = ((name, _measured(config)) for name, config in configs.items())
    for name, found in others:
        for part in wanted:
            if found[part] != wanted[part]:
                raise ConfigError(
                    f"{first} and {name} differ in {part}, which compared runs share: set it in config.yaml alone"
                )


def compare_finished_runs(
    runs: Mapping[str, Run], networks: Mapping[str, dict[str, Any]], folder: Path, title: str, console: Console
) -> None:
    """Gather what finished runs have measured, measure the other methods on the same; write, draw and print.

    Args:
        runs: by the name of their row.
        networks: the other methods, from `beside`.
        folder: where everything goes.
        title: what stands above the table.
        console: where to print.
    """
    config = next(iter(runs.values())).config
    protocol = instantiate_node(config["protocol"])
    data: PhotoDataModule = instantiate_node(config["data"])
    data.prepare_data()
    photos = data.source.photos("test", data.max_images)
    device = resolve_device("cpu" if config["trainer"]["accelerator"] == "cpu" else "auto")
    methods = {
        name: EvaluatedMethod(
            instantiate_node(node).to(device),
            folder / "baselines" / name,
            fingerprint(config | {"model": node}, None, "test"),
        )
        for name, node in networks.items()
    }
    measured = evaluate_methods(methods, photos, protocol, device, data.eval_batch_size)
    evaluations = {name: run.path / "evaluation" / protocol.name for name, run in runs.items()}
    folders = evaluations | {name: method.folder for name, method in methods.items()}
    require_same_images(folders)
    seconds = {name: fmean(row.seconds for row in read_rows(folder / "images.csv")) for name, folder in folders.items()}
    entries = {name: _entry(run, evaluations[name], seconds[name]) for name, run in runs.items()}
    entries |= {name: ComparisonRow(metrics, seconds[name]) for name, metrics in measured.items()}

    metrics = {name: entry.metrics for name, entry in entries.items()}
    console.print(hint_table(metrics, f"{title}: {', '.join(runs)} beside methods that learn nothing"))
    write_json(folder / "metrics.json", {"format": 1, "networks": {name: asdict(e) for name, e in entries.items()}})
    write_text(folder / "table.md", comparison_markdown(entries))
    curve = hint_curve(metrics, f"PSNR against hints, {protocol.name}", dashed=networks.keys())
    write_figure(curve, folder / "psnr_by_hints.png")
    ready: dict[str, nn.Module] = {
        name: prepare_network(instantiate_node(run.config["model"]), run.best_checkpoint, device)
        for name, run in runs.items()
    }
    ready |= {name: method.network for name, method in methods.items()}
    write_png(folder / "strip.png", sample_grid(ready, photos, protocol, device))
    for what, file in (("table", "table.md"), ("figure", "psnr_by_hints.png"), ("picture", "strip.png")):
        console.print(f"{what + ':':<9}{folder / file}")


def _entry(run: Run, evaluation: Path, seconds: float) -> ComparisonRow:
    config, saved = run.config, find_resume_state(run.checkpoints)
    if saved is None:
        raise ValueError(f"{run.path}: has no checkpoints/last.ckpt, which says how far it was trained")
    # counted batch by batch: at the end of an epoch a step may have summed up fewer than the others
    pictures = saved.batches * config["data"]["batch_size"] * run.metadata["processes"]
    parameters = _parameters(instantiate_node(config["model"]))
    metrics = read_json(evaluation / "metrics.json")
    return ComparisonRow(metrics, seconds, parameters, saved.step, pictures, saved.seconds / 60)


def _parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def _measured(config: dict[str, Any]) -> dict[str, Any]:
    about = fingerprint(config, None, "test")
    # which photos are for the test is the same whatever the seed of a run
    return {"data": {k: v for k, v in about["data"].items() if k != "seed"}, "protocol": about["protocol"]}
