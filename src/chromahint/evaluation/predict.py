"""Color pairs of hint and mask into a folder: image_000000.png and so on, in the order of their names."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch.utils.data import DataLoader, Subset

from chromahint.atomic_write import atomic_write
from chromahint.color import lab_to_rgb8
from chromahint.data.dataset import init_worker
from chromahint.data.sources.hint_mask_pairs import Pair, Pairs
from chromahint.evaluation.evaluator import is_same_evaluation
from chromahint.evaluation.hint_counts import Network
from chromahint.hints.hints import Hints
from chromahint.images.decode import UnreadableImageError
from chromahint.progress import ProgressFn
from chromahint.runs.files import write_json, write_text
from chromahint.visualization.hint_overlay import to_numpy_images

COLUMNS = ("image", "name", "id")

Numbered = list[tuple[int, Pair | UnreadableImageError]]


@torch.inference_mode()
def predict(
    network: Network,
    pairs: Pairs,
    output: Path,
    fingerprint: dict[str, Any],
    device: torch.device,
    batch_size: int = 8,
    num_workers: int = 0,
    advance: ProgressFn = lambda images: None,
) -> list[str]:
    """Color every pair.

    A call that finds its own unfinished work in `output` keeps the images that are written and whose files are still
    the same, and goes on with the others.

    Args:
        network: ready to color, on `device`.
        pairs: what to color.
        output: folder for the images, `evaluation.json` (what made them) and `images.csv` (image, name, id).
        subject: what makes them: network, weights, data; work on another subject is never continued.
        device: where the network is.
        batch_size: pairs at a time; those that keep their own size are taken one by one.
        workers: processes that load pairs.
        advance: told of each batch of images that is done.

    Returns:
        `path: reason` of the pairs that could not be read.

    Raises:
        ValueError: `output` holds something else or can't be written, or no pair can be read.
    """
    if not is_same_evaluation(output, fingerprint) or (
        not (output / "evaluation.json").exists() and any(output.glob("image_*.png"))
    ):
        raise ValueError(f"output={output}: holds images of something else; type output=ANOTHER/FOLDER")
    try:
        return _predict(network, pairs, output, fingerprint, device, batch_size, num_workers, advance)
    except OSError as error:
        raise ValueError(f"output={output}: cannot be written ({error.strerror}); type output=ANOTHER/FOLDER") from None


def _predict(
    network: Network,
    pairs: Pairs,
    output: Path,
    subject: dict[str, Any],
    device: torch.device,
    batch_size: int,
    workers: int,
    advance: ProgressFn,
) -> list[str]:
    output.mkdir(parents=True, exist_ok=True)
    write_json(output / "evaluation.json", subject)
    rows = _done(output, pairs)
    kept = {row[0] for row in rows.values()}
    for image in output.glob("image_*.png"):
        if image.name not in kept:
            image.unlink()
    write_text(output / "images.csv", _csv([COLUMNS, *rows.values()]))
    advance(len(rows))
    broken: list[str] = []
    for batch in _batches(pairs, [n for n in range(len(pairs)) if n not in rows], batch_size, workers):
        broken += [str(pair) for _, pair in batch if isinstance(pair, UnreadableImageError)]
        whole = [(number, pair) for number, pair in batch if isinstance(pair, Pair)]
        if whole:
            new = []
            images = _color(network, [pair for _, pair in whole], device)
            for (number, pair), image in zip(whole, images, strict=True):
                with atomic_write(output / _file(number)) as file:
                    Image.fromarray(image).save(file, format="PNG")
                new.append((_file(number), pairs.names[number], pair.id))
            with (output / "images.csv").open("a", encoding="utf-8", newline="") as table:
                table.write(_csv(new))
        advance(len(batch))
    (output / "broken.txt").unlink(missing_ok=True)
    if broken:
        write_text(output / "broken.txt", "\n".join(broken) + "\n")
    if len(broken) == len(pairs):
        raise ValueError(f"none of the {len(pairs)} pairs can be read; the first: {broken[0]}")
    return broken


def _batches(pairs: Pairs, numbers: list[int], batch_size: int, workers: int) -> Iterator[Numbered]:
    loader: DataLoader[Any] = DataLoader(
        Subset(pairs, numbers),
        batch_size=batch_size if pairs.size is not None else 1,
        num_workers=workers,
        collate_fn=_as_it_is,
        worker_init_fn=init_worker,
    )
    left = iter(numbers)
    for batch in loader:
        yield [(next(left), pair) for pair in batch]


def _color(network: Network, pairs: list[Pair], device: torch.device) -> list[Any]:
    lightness_B1HW = torch.stack([pair.lightness for pair in pairs]).to(device)
    ab_B2HW, mask_B1HW = (torch.stack([pair.hints[part] for pair in pairs]) for part in (0, 1))
    hints = Hints(ab_B2HW, mask_B1HW).to(device)
    return to_numpy_images(lab_to_rgb8(lightness_B1HW, network(lightness_B1HW, hints)))


def _done(output: Path, pairs: Pairs) -> dict[int, tuple[str, ...]]:
    """Rows of the images that are written, of pairs that are still what they were."""
    table = output / "images.csv"
    text = table.read_text(encoding="utf-8", errors="surrogateescape") if table.is_file() else ""
    written = {tuple(row) for row in csv.reader(io.StringIO(text))}
    rows: dict[int, tuple[str, ...]] = {}
    for number, name in enumerate(pairs.names):
        try:
            row = (_file(number), name, pairs.identify(number))
        except UnreadableImageError:
            continue
        if row in written and (output / row[0]).is_file():
            rows[number] = row
    return rows


def _csv(rows: Iterable[tuple[str, ...]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _file(number: int) -> str:
    return f"image_{number:06d}.png"


def _as_it_is(batch: list[Pair | UnreadableImageError]) -> list[Pair | UnreadableImageError]:
    return batch
