"""Evaluation of networks on a data set: images.csv grows with every batch, metrics.json is written at the end."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from chromahint.atomic_write import NO_SPACE
from chromahint.data.dataloader import PhotoLoader
from chromahint.data.dataset import EvalDataset
from chromahint.data.samplers import EvalSampler
from chromahint.data.sources.base import Photos, Subset
from chromahint.evaluation.aggregate import aggregate_results
from chromahint.evaluation.hint_counts import Network, evaluate_hint_counts, to_rows
from chromahint.evaluation.images_csv import ImageResult, append_rows, read_rows, write_rows
from chromahint.evaluation.processes import from_first, gather, rank_and_count
from chromahint.evaluation.protocols.base import HintProtocol, recorded_counts
from chromahint.images.decode import UnreadableImageError
from chromahint.progress import ProgressFn, progress_bar
from chromahint.runs.files import read_json, write_json, write_text
from chromahint.runs.lock import RunLockedError, lock_run


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
    """Color every photo with every number of hints and write the results.

    If `output` holds an unfinished evaluation with the same fingerprint, it is resumed: images that are complete in
    images.csv and still have the same id are not evaluated again. In a distributed run, every process calls this; they
    share the photos, and the first one writes and keeps other evaluations out of the folder.

    Args:
        network: Network in eval mode, on `device`.
        photos: Images to evaluate.
        protocol: Protocol that defines the hints and the metrics.
        output: Folder of `evaluation.json` (the fingerprint), `images.csv` and `metrics.json`.
        fingerprint: Everything that the results depend on (see `chromahint.evaluation.fingerprint`).
        device: Device of the network.
        batch_size: Images per batch.
        num_workers: Worker processes that load images.
        advance: Called with the number of images of each finished batch.

    Returns:
        The content of metrics.json.

    Raises:
        ValueError: `output` holds another evaluation or is in use, or no image can be read or has color.
    """
    rank, processes = rank_and_count()
    with lock_output(output) if rank == 0 else contextlib.nullcontext():
        table = output / "images.csv"
        done: list[ImageResult] = []
        if rank == 0:
            _prepare_folder(output, fingerprint)
            done = _verified_results(table, photos, protocol)
            write_rows(table, done)
        finished = from_first({row.image for row in done})
        advance(len(finished))
        remaining = [index for index in range(len(photos)) if photos.name(index) not in finished]
        order = {photos.name(index): index for index in remaining}
        broken: list[str] = []
        if remaining:
            sampler = EvalSampler(len(remaining), batch_size, rank, processes)
            for batch in PhotoLoader(EvalDataset(Subset(photos, remaining), protocol.size), sampler, num_workers):
                rgb = batch["rgb"].to(device)
                results = evaluate_hint_counts(network, rgb, batch["id"], protocol)
                own_rows = [row for r in results for row in to_rows(r, batch["name"], batch["id"], batch["weight"])]
                gathered = gather((own_rows, batch["name"], batch["broken"]))
                rows = [row for each, _, _ in gathered for row in each]
                broken += [message for _, _, messages in gathered for message in messages]
                if rank == 0:
                    append_rows(table, sorted(rows, key=lambda row: order[row.image]))
                advance(len({name for _, names, _ in gathered for name in names}))
        return from_first(_write_results(output, photos, protocol, broken) if rank == 0 else {})


@contextlib.contextmanager
def lock_output(output: Path) -> Iterator[None]:
    """Create the folder of an evaluation if it doesn't exist, and keep other processes from evaluating into it.

    Raises:
        ValueError: Another process is evaluating into the folder, or it can't be written.
        OSError: The disk is full.
    """
    with contextlib.ExitStack() as stack:
        try:
            output.mkdir(parents=True, exist_ok=True)
            stack.enter_context(lock_run(output))
        except RunLockedError:
            raise ValueError(
                f"output={output}: another process is evaluating into this folder. Wait for it to finish, or use "
                "output=ANOTHER/FOLDER."
            ) from None
        except OSError as error:
            if error.errno in NO_SPACE:  # another folder would not help
                raise
            raise ValueError(
                f"output={output}: can't be written ({error.strerror}). Use output=ANOTHER/FOLDER."
            ) from None
        yield


def _prepare_folder(output: Path, fingerprint: dict[str, Any]) -> None:
    if not is_same_evaluation(output, fingerprint):
        raise ValueError(f"output={output}: the folder holds another evaluation. Use output=ANOTHER/FOLDER.")
    write_json(output / "evaluation.json", fingerprint)


def _write_results(output: Path, photos: Photos, protocol: HintProtocol, broken: list[str]) -> dict[str, Any]:
    """Write broken.txt and metrics.json, and return the content of the latter."""
    (output / "broken.txt").unlink(missing_ok=True)
    if broken:
        write_text(output / "broken.txt", "\n".join(broken) + "\n")
    all_rows = read_rows(output / "images.csv")
    if not all_rows:
        raise ValueError(
            f"data: none of the {len(photos)} images can be read; the first error is: {broken[0]}. "
            "Use a data set of readable images."
        )
    metrics = aggregate_results(all_rows, protocol)
    if not metrics["images"]:
        raise ValueError(
            f"protocol.min_chroma={protocol.min_chroma:g}: all {metrics['colorless']['images']} images are less "
            "colorful, so none is left to average. Use protocol.min_chroma=0, or data.root=PATH of color photos."
        )
    write_json(output / "metrics.json", metrics)
    return metrics


def is_same_evaluation(output: Path, fingerprint: dict[str, Any]) -> bool:
    """Tell whether a folder has no evaluation yet, or one with this fingerprint."""
    file = output / "evaluation.json"
    if not file.exists():
        return not (output / "images.csv").exists()
    try:
        return read_json(file) == fingerprint
    except ValueError:
        return False


def _verified_results(table: Path, photos: Photos, protocol: HintProtocol) -> list[ImageResult]:
    """Return the rows of images that are complete in images.csv and have not changed since."""
    by_image: dict[str, dict[int, ImageResult]] = {}
    counts = recorded_counts(protocol)
    for row in read_rows(table):
        by_image.setdefault(row.image, {})[row.k] = row
    verified: list[ImageResult] = []
    for index in range(len(photos)):
        by_count = by_image.get(photos.name(index), {})
        if sorted(by_count) != counts:
            continue
        try:
            unchanged = {row.id for row in by_count.values()} == {photos.identify(index)}
        except UnreadableImageError:
            unchanged = False
        if unchanged:
            verified += [by_count[count] for count in counts]
    return verified


@dataclass(frozen=True)
class EvaluatedMethod:
    """A network and its evaluation.

    Attributes:
        network: Network on the device.
        folder: Folder of the evaluation.
        fingerprint: Everything that the results depend on (see `chromahint.evaluation.fingerprint`).
    """

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
    """Evaluate each method as `evaluate` does, with one progress bar; return the metrics by name."""
    results = {}
    with progress_bar("evaluating", len(photos) * len(methods), visible=rank_and_count()[0] == 0) as advance:
        for name, method in methods.items():
            results[name] = evaluate(
                method.network.eval(), photos, protocol, method.folder, method.fingerprint, device, batch_size,
                num_workers, advance,
            )  # fmt: skip
    return results
