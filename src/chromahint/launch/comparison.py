"""Compare finished runs with each other and with training-free baselines: tables, a figure and an image grid."""

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
from chromahint.evaluation.compatibility import methods_without_hints, require_same_images
from chromahint.evaluation.evaluator import EvaluatedMethod, evaluate_methods
from chromahint.evaluation.fingerprint import fingerprint
from chromahint.evaluation.image_grid import sample_grid, write_png
from chromahint.evaluation.images_csv import read_rows
from chromahint.evaluation.table import hint_table
from chromahint.inference.load import prepare_network, resolve_device
from chromahint.runs.files import read_json, write_json, write_text
from chromahint.runs.run import Run
from chromahint.training.callbacks.checkpoint import find_resume_state
from chromahint.visualization.curves import hint_curve, write_figure


@dataclass(frozen=True)
class ComparisonRow:
    """A row of the comparison. Values about training are None for training-free baselines.

    Attributes:
        metrics: Content of metrics.json for the test images.
        seconds: Time per test image, in batches, on the machine that evaluated it.
        parameters: Number of parameters.
        steps: Optimizer steps.
        images_seen: Training images over all processes and epochs.
        minutes: Training time, including validations.
    """

    metrics: dict[str, Any]
    seconds: float
    parameters: int = 0
    steps: int | None = None
    images_seen: int | None = None
    minutes: float | None = None


def comparison_markdown(rows: Mapping[str, ComparisonRow]) -> str:
    """Format the comparison as Markdown: a table of cost and PSNR, and a table of SSIM."""
    first = next(iter(rows.values())).metrics
    counts = list(first["by_hints"])
    headings = [f"{int(count):,}" for count in counts]
    psnr, ssim = [], []
    for name, row in rows.items():
        cost = ["-" if number is None else f"{number:,}" for number in (row.parameters, row.steps, row.images_seen)]
        cost.append("-" if row.minutes is None else f"{row.minutes:.1f}")
        cost.append(f"{1000 * row.seconds:.0f}")
        scores = [row.metrics["by_hints"][count] for count in counts]
        psnr.append([name, *cost, *(f"{each['psnr']:.2f}" for each in scores)])
        ssim.append([name, *(f"{each['ssim']:.4f}" for each in scores)])
    height, width = first["size"]
    caption = f"by number of hints: means of {first['images']} test images of {width}x{height}, {first['protocol']}"
    ignoring = methods_without_hints({name: row.metrics for name, row in rows.items()})
    note = f" The scores of these do not depend on the hints: {'; '.join(ignoring)}." if ignoring else ""
    return "\n\n".join(
        [
            f"PSNR in dB {caption}.{note}",
            _markdown(["network", "parameters", "steps", "images seen", "minutes", "ms per image", *headings], psnr),
            f"SSIM {caption}.",
            _markdown(["network", *headings], ssim) + "\n",
        ]
    )


def _markdown(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    rule = ["---", *["---:"] * (len(headings) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (headings, rule, *rows))


def load_baselines(names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the model node of each training-free baseline, by name.

    Raises:
        ConfigError: A model has parameters to train.
    """
    nodes = {}
    for name in names:
        config = compose("evaluate", [f"model={name}"]).config
        validate(config, "evaluate")
        nodes[name] = config["model"]
        if _parameters(instantiate_node(nodes[name])):
            raise ConfigError(f"baselines: {name} has to be trained first. List it under runs: in plan.yaml.")
    return nodes


def require_same_evaluation(configs: Mapping[str, dict[str, Any]]) -> None:
    """Check that runs end with an evaluation on the same test images and by the same protocol.

    Args:
        configs: Config of each run, by name.

    Raises:
        ConfigError: Two configs differ in that.
    """
    (first, expected), *others = ((name, _test_settings(config)) for name, config in configs.items())
    for name, settings in others:
        for part in expected:
            if settings[part] != expected[part]:
                raise ConfigError(
                    f"{first}, {name}: differ in {part}, so their results can't be compared. Set it only in "
                    "config.yaml of the experiment."
                )


def compare_finished_runs(
    runs: Mapping[str, Run], baselines: Mapping[str, dict[str, Any]], folder: Path, title: str, console: Console
) -> None:
    """Collect the results of finished runs, evaluate baselines on the same images, and write and print a comparison.

    Args:
        runs: Finished runs, by the name of their row.
        baselines: Model node of each training-free baseline, by name.
        folder: Folder to write.
        title: Title of the printed table.
        console: Where to print.
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
        for name, node in baselines.items()
    }
    results = evaluate_methods(methods, photos, protocol, device, data.eval_batch_size)
    evaluations = {name: run.path / "evaluation" / protocol.name for name, run in runs.items()}
    folders = evaluations | {name: method.folder for name, method in methods.items()}
    require_same_images(folders)
    seconds = {name: fmean(row.seconds for row in read_rows(folder / "images.csv")) for name, folder in folders.items()}
    rows = {name: _run_row(run, evaluations[name], seconds[name]) for name, run in runs.items()}
    rows |= {name: ComparisonRow(metrics, seconds[name]) for name, metrics in results.items()}

    metrics = {name: row.metrics for name, row in rows.items()}
    console.print(hint_table(metrics, f"{title}: {', '.join(runs)}, compared with training-free baselines"))
    write_json(folder / "metrics.json", {"format": 1, "networks": {name: asdict(row) for name, row in rows.items()}})
    write_text(folder / "table.md", comparison_markdown(rows))
    curve = hint_curve(metrics, f"PSNR against hints, {protocol.name}", dashed=baselines.keys())
    write_figure(curve, folder / "psnr_by_hints.png")
    networks: dict[str, nn.Module] = {
        name: prepare_network(instantiate_node(run.config["model"]), run.best_checkpoint, device)
        for name, run in runs.items()
    }
    networks |= {name: method.network for name, method in methods.items()}
    write_png(folder / "strip.png", sample_grid(networks, photos, protocol, device))
    for label, file in (("table", "table.md"), ("figure", "psnr_by_hints.png"), ("picture", "strip.png")):
        console.print(f"{label + ':':<9}{folder / file}")


def _run_row(run: Run, evaluation: Path, seconds: float) -> ComparisonRow:
    config, saved = run.config, find_resume_state(run.checkpoints)
    if saved is None:
        raise ValueError(
            f"{run.path}: has no checkpoints/last.ckpt, which records how long it was trained. Train it again."
        )
    # batches rather than steps, because the last step of an epoch may accumulate fewer batches than the others
    images = saved.batches * config["data"]["batch_size"]
    parameters = _parameters(instantiate_node(config["model"]))
    metrics = read_json(evaluation / "metrics.json")
    return ComparisonRow(metrics, seconds, parameters, saved.step, images, saved.seconds / 60)


def _parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def _test_settings(config: dict[str, Any]) -> dict[str, Any]:
    settings = fingerprint(config, None, "test")
    # the choice of test images does not depend on the seed
    data = {key: value for key, value in settings["data"].items() if key != "seed"}
    return {"data": data, "protocol": settings["protocol"]}
