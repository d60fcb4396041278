"""Evaluate a network on a set of photos into a folder: images.csv as it goes, metrics.json at the end."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from chromahint.data.dataloader import PhotoLoader
from chromahint.data.dataset import EvalDataset
from chromahint.data.samplers import EvalSampler
from chromahint.data.sources.base import Photos, Subset
from chromahint.evaluation.hint_counts import ImageResult, Network, aggregate_results, evaluate_hint_counts, to_rows
from chromahint.evaluation.protocols.base import HintProtocol
from chromahint.images.decode import UnreadableImageError
from chromahint.progress import ProgressFn, progress_bar
from chromahint.runs.files import read_json, write_json, write_text


def evaluate(
    network: Network,
    photos: Photos,
    protocol: HintProtocol,
    output: Path,
    fingerprint: dict[str, Any],
    device: torch.device,
    batch_size: int = 8,
    num_workers: int = 0,
    advance: ProgressFn = lambda images: None,
) -> dict[str, Any]:
    """Color every photo with every number of hints, and write what came of it.

    A call that finds its own unfinished work in `output` keeps the images that are whole in images.csv and still
    have the same id, and goes on with the next.

    Args:
        network: ready to color, on `device`.
        photos: what to color.
        protocol: which hints.
        output: folder for `evaluation.json` (what is evaluated), `images.csv` and `metrics.json`.
        subject: what is evaluated: network, weights, data; work on another subject is never continued.
        device: where the network is.
        batch_size: photos at a time.
        workers: processes that load photos.
        advance: told of each batch of images that is done.

    Returns:
        What metrics.json says.

    Raises:
        ValueError: `output` holds an evaluation of something else, or no photo can be read.
    """
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"output={output}: cannot be written ({error.strerror}); type output=ANOTHER/FOLDER") from None
    if not is_same_evaluation(output, fingerprint):
        raise ValueError(f"output={output}: holds an evaluation of something else; type output=ANOTHER/FOLDER")
    write_json(output / "evaluation.json", fingerprint)
    table = output / "images.csv"
    done = _verified(table, photos, protocol)
    _write_rows(table, done)
    finished = {row.image for row in done}
    advance(len(finished))
    todo = [index for index in range(len(photos)) if photos.name(index) not in finished]
    broken: list[str] = []
    if todo:
        order = EvalSampler(len(todo), batch_size)
        for batch in PhotoLoader(EvalDataset(Subset(photos, todo), protocol.size), order, num_workers):
            rgb = batch["rgb"].to(device)
            results = evaluate_hint_counts(network, rgb, batch["id"], protocol)
            new = [row for r in results for row in to_rows(r, batch["name"], batch["id"], batch["weight"])]
            _append_rows(table, sorted(new, key=lambda row: batch["name"].index(row.image)))
            broken += batch["broken"]
            advance(len(batch["name"]))
    (output / "broken.txt").unlink(missing_ok=True)
    if broken:
        write_text(output / "broken.txt", "\n".join(broken) + "\n")
    every = read_rows(table)
    if not every:
        raise ValueError(f"none of the {len(photos)} images can be read; the first: {broken[0]}")
    metrics = aggregate_results(every, protocol)
    write_json(output / "metrics.json", metrics)
    return metrics


def is_same_evaluation(output: Path, fingerprint: dict[str, Any]) -> bool:
    """Tell whether a folder is free for an evaluation of `subject`, or holds one already."""
    file = output / "evaluation.json"
    if not file.exists():
        return not (output / "images.csv").exists()
    try:
        return read_json(file) == fingerprint
    except ValueError:
        return False


def _verified(table: Path, photos: Photos, protocol: HintProtocol) -> list[ImageResult]:
    """The rows of images that are whole in images.csv, and are still the images that they were."""
    found: dict[str, dict[int, ImageResult]] = {}
    for row in read_rows(table):
        found.setdefault(row.image, {})[row.k] = row
    whole: list[ImageResult] = []
    for index in range(len(photos)):
        by_count = found.get(photos.name(index), {})
        if sorted(by_count) != protocol.hint_counts:
            continue
        try:
            same = {row.id for row in by_count.values()} == {photos.identify(index)}
        except UnreadableImageError:
            same = False
        if same:
            whole += [by_count[count] for count in protocol.hint_counts]
    return whole


def read_rows(table: Path) -> list[ImageResult]:
    """Read images.csv; what a killed process left of a line is passed over."""
    if not table.is_file():
        return []
    text = table.read_text(encoding="utf-8", errors="replace")
    complete = text[: text.rfind("\n") + 1]  # a killed process may leave half a line
    result = []
    for cells in csv.reader(io.StringIO(complete)):
        try:
            image, image_id, k, psnr, ssim, seconds = cells
            result.append(ImageResult(image, image_id, int(k), float(psnr), float(ssim), float(seconds)))
        except ValueError:
            continue
    return result


def _write_rows(table: Path, lines: Iterable[ImageResult]) -> None:
    write_text(table, _csv([ImageResult._fields, *lines]))


def _append_rows(table: Path, lines: Iterable[ImageResult]) -> None:
    with table.open("a", encoding="utf-8", newline="") as file:
        file.write(_csv(lines))
        file.flush()
        os.fsync(file.fileno())


def _csv(lines: Iterable[Iterable[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        [f"{cell:.6g}" if isinstance(cell, float) else cell for cell in line] for line in lines
    )
    return text.getvalue()


@dataclass(frozen=True)
class EvaluatedMethod:
    """A network ready to color, the folder of its evaluation, and what that is about (see `subject`)."""

    network: nn.Module
    folder: Path
    fingerprint: dict[str, Any]


def evaluate_methods(
    methods: Mapping[str, EvaluatedMethod],
    photos: Photos,
    protocol: HintProtocol,
    device: torch.device,
    batch_size: int,
    num_workers: int = 0,
) -> dict[str, dict[str, Any]]:
    """Evaluate each method; returns its metrics by its name. Work that is done already is not done again."""
    results = {}
    with progress_bar("evaluating", len(photos) * len(methods)) as advance:
        for name, method in methods.items():
            results[name] = evaluate(
                method.network.eval(), photos, protocol, method.folder, method.fingerprint, device, batch_size, num_workers,
                advance,
            )  # fmt: skip
    return results
