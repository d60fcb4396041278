"""Measure every method on every set by every protocol; whatever has been measured is not measured again."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from chromahint.benchmark.benchmark_config import Benchmark, PhotoSet
from chromahint.benchmark.methods import LoadedMethod, identify_method, load_method
from chromahint.config.instantiate import instantiate_node
from chromahint.data.manifest import Manifest, read_manifest, set_id, verify_manifest
from chromahint.data.sources.folder import FilePhotos
from chromahint.evaluation.evaluator import evaluate
from chromahint.evaluation.images_csv import read_rows
from chromahint.evaluation.protocols.base import HintProtocol
from chromahint.evaluation.runner import available_folder
from chromahint.inference.load import resolve_device
from chromahint.progress import progress_bar
from chromahint.runs.files import read_json, write_json
from chromahint.runs.lock import lock_run


@dataclass(frozen=True)
class VerifiedSet:
    """A set that agrees with its manifest.

    Attributes:
        photos: The photos to measure.
        manifest: Content of its manifest.
        id: Id of the photos to measure, which depends on their content alone.
    """

    photos: FilePhotos
    manifest: Manifest
    id: str


@dataclass(frozen=True)
class Task:
    """One method on one set by one protocol.

    Attributes:
        method: Label of the method.
        set: Label of the set.
        protocol: Label of the protocol.
        folder: Folder of the evaluation.
        fingerprint: Everything that the results depend on.
    """

    method: str
    set: str
    protocol: str
    folder: Path
    fingerprint: dict[str, Any]

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left to measure."""
        return (self.folder / "metrics.json").is_file() and (self.folder / "cost.json").is_file()

    @property
    def state(self) -> str:
        """`measured`, the number of photos that are measured, or `to do`."""
        measured = len({row.image for row in read_rows(self.folder / "images.csv")})
        return "measured" if self.is_finished else f"{measured} photos measured" if measured else "to do"

    def cost(self) -> dict[str, Any]:
        """Return `parameters` and `gmac` of the method."""
        return read_json(self.folder / "cost.json")


@dataclass(frozen=True)
class Plan:
    """Everything that a benchmark measures, in order.

    Attributes:
        sets: Verified set by label.
        protocols: Protocol by label.
        tasks: All combinations.
        load: Loads a method by label, once.
    """

    sets: dict[str, VerifiedSet]
    protocols: dict[str, HintProtocol]
    tasks: list[Task]
    load: Callable[[str], LoadedMethod]


def plan_benchmark(benchmark: Benchmark, output: Path, device: str) -> Plan:
    """Verify the sets, identify the methods, and find what has been measured.

    Args:
        benchmark: Config of the benchmark.
        output: Folder of the results: `SET/PROTOCOL/METHOD/`.
        device: Device to measure on.

    Raises:
        ValueError: A set differs from its manifest, or there is no such method.
    """
    target = resolve_device(device)
    identities = {label: identify_method(source) for label, source in benchmark.methods.items()}
    sets = {label: _verify(photo_set) for label, photo_set in benchmark.sets.items()}
    protocols = {label: instantiate_node(node) for label, node in benchmark.protocols.items()}
    tasks = []
    for set_label, verified in sets.items():
        for protocol, node in benchmark.protocols.items():
            for method, identity in identities.items():
                data = {"id": verified.id, "images": len(verified.photos)}
                fingerprint = {"format": 1, **identity, "data": data, "split": "all", "protocol": node}
                folder = available_folder(output / set_label / protocol / method, fingerprint)
                tasks.append(Task(method, set_label, protocol, folder, fingerprint))

    @functools.cache
    def load(label: str) -> LoadedMethod:
        return load_method(benchmark.methods[label], target)

    return Plan(sets, protocols, tasks, load)


def run_benchmark(plan: Plan, output: Path, batch_size: int, num_workers: int, console: Console) -> None:
    """Measure what is not measured yet.

    Args:
        plan: From `plan_benchmark`.
        output: Folder of the results.
        batch_size: Photos per batch.
        num_workers: Worker processes that load photos.
        console: Where to print.

    Raises:
        ValueError: Another process measures into the same folder, a method can't be used, or a photo can't be read.
    """
    output.mkdir(parents=True, exist_ok=True)
    total = sum(len(plan.sets[task.set].photos) for task in plan.tasks)
    with lock_run(output), progress_bar("measuring", total) as advance:
        for task in plan.tasks:
            photos = plan.sets[task.set].photos
            if task.is_finished:
                advance(len(photos))
                continue
            method = plan.load(task.method)
            evaluate(
                method.network, photos, plan.protocols[task.protocol], task.folder, task.fingerprint, method.device,
                batch_size, num_workers, advance,
            )  # fmt: skip
            if (task.folder / "broken.txt").exists():
                raise ValueError(
                    f"{task.set}: some photos can't be read: {task.folder / 'broken.txt'}. Repair the set."
                )
            write_json(task.folder / "cost.json", {"parameters": method.parameters, "gmac": method.gmac})
            console.print(f"measured: {task.set}, {task.protocol}, {task.method}")


def describe_plan(plan: Plan) -> Iterator[str]:
    """Yield a line per task and a line with the total, for `--dry-run`."""
    for label, verified in plan.sets.items():
        yield f"{label}: {len(verified.photos):,} photos, {verified.id}"
    for task in plan.tasks:
        yield f"{task.set}, {task.protocol}, {task.method}: {task.state}"
    to_do = [task for task in plan.tasks if not task.is_finished]
    photos = sum(len(plan.sets[task.set].photos) for task in to_do)
    yield f"{len(to_do)} of {len(plan.tasks)} evaluations to do, of {photos:,} photos in all"


def _verify(photo_set: PhotoSet) -> VerifiedSet:
    manifest = read_manifest(photo_set.manifest)
    photos = verify_manifest(photo_set.root, manifest)
    limit = photo_set.max_images
    if limit is not None and limit < len(photos):
        paths = photos.paths
        photos = FilePhotos(photos.root, [paths[step * len(paths) // limit] for step in range(limit)])
    return VerifiedSet(photos, manifest, set_id([photos.identify(index) for index in range(len(photos))]))
