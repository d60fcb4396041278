"""Color pairs of hint image and mask into image_000000.png and so on, in the order of their names."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch.utils.data import DataLoader, Subset

from chromahint.atomic_write import append, atomic_write
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

IndexedPairs = list[tuple[int, Pair | UnreadableImageError]]


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

    If `output` holds unfinished work with the same fingerprint, it is resumed: images that were written and whose
    source files have not changed are kept.

    Args:
        network: Network in eval mode, on `device`.
        pairs: Pairs to color.
        output: Folder of the images, `evaluation.json` (the fingerprint) and `images.csv` (image, name, id).
        fingerprint: Everything that the images depend on (see `chromahint.evaluation.fingerprint`).
        device: Device of the network.
        batch_size: Pairs per batch. Pairs that keep their original size are processed one by one.
        num_workers: Worker processes that load pairs.
        advance: Called with the number of pairs of each finished batch.

    Returns:
        `path: reason` of the pairs that could not be read.

    Raises:
        ValueError: `output` holds other images, or no pair can be read.
        OSError: `output` can't be written.
    """
    if not is_same_evaluation(output, fingerprint) or (
        not (output / "evaluation.json").exists() and any(output.glob("image_*.png"))
    ):
        raise ValueError(f"output={output}: the folder holds other images. Use output=ANOTHER/FOLDER.")
    output.mkdir(parents=True, exist_ok=True)
    write_json(output / "evaluation.json", fingerprint)
    rows = _finished_rows(output, pairs)
    finished = {row[0] for row in rows.values()}
    for path in output.glob("image_*.png"):
        if path.name not in finished:
            path.unlink()
    write_text(output / "images.csv", _to_csv([COLUMNS, *rows.values()]))
    advance(len(rows))
    broken: list[str] = []
    for batch in _batches(pairs, [n for n in range(len(pairs)) if n not in rows], batch_size, num_workers):
        broken += [str(pair) for _, pair in batch if isinstance(pair, UnreadableImageError)]
        readable = [(number, pair) for number, pair in batch if isinstance(pair, Pair)]
        if readable:
            new_rows = []
            images = _color(network, [pair for _, pair in readable], device)
            for (number, pair), image in zip(readable, images, strict=True):
                with atomic_write(output / _file_name(number)) as file:
                    Image.fromarray(image).save(file, format="PNG")
                new_rows.append((_file_name(number), pairs.names[number], pair.id))
            with append(output / "images.csv") as table:
                table.write(_to_csv(new_rows))
        advance(len(batch))
    (output / "broken.txt").unlink(missing_ok=True)
    if broken:
        write_text(output / "broken.txt", "\n".join(broken) + "\n")
    if len(broken) == len(pairs):
        raise ValueError(
            f"data: none of the {len(pairs)} pairs can be read; the first error is: {broken[0]}. Use readable images."
        )
    return broken


def _batches(pairs: Pairs, numbers: list[int], batch_size: int, workers: int) -> Iterator[IndexedPairs]:
    loader: DataLoader[Any] = DataLoader(
        Subset(pairs, numbers),
        batch_size=batch_size if pairs.size is not None else 1,
        num_workers=workers,
        collate_fn=_identity,
        worker_init_fn=init_worker,
    )
    remaining = iter(numbers)
    for batch in loader:
        yield [(next(remaining), pair) for pair in batch]


def _color(network: Network, pairs: list[Pair], device: torch.device) -> list[Any]:
    lightness_B1HW = torch.stack([pair.lightness for pair in pairs]).to(device)
    ab_B2HW, mask_B1HW = (torch.stack([getattr(pair.hints, part) for pair in pairs]) for part in ("ab", "mask"))
    hints = Hints(ab_B2HW, mask_B1HW).to(device)
    return to_numpy_images(lab_to_rgb8(lightness_B1HW, network(lightness_B1HW, hints)))


def _finished_rows(output: Path, pairs: Pairs) -> dict[int, tuple[str, ...]]:
    """Return the rows of images that were written and whose pairs have not changed, by the number of the pair."""
    table = output / "images.csv"
    text = table.read_text(encoding="utf-8", errors="surrogateescape") if table.is_file() else ""
    written = {tuple(row) for row in csv.reader(io.StringIO(text))}
    rows: dict[int, tuple[str, ...]] = {}
    for number, name in enumerate(pairs.names):
        try:
            row = (_file_name(number), name, pairs.identify(number))
        except UnreadableImageError:
            continue
        if row in written and (output / row[0]).is_file():
            rows[number] = row
    return rows


def _to_csv(rows: Iterable[tuple[str, ...]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _file_name(number: int) -> str:
    return f"image_{number:06d}.png"


def _identity(batch: list[Pair | UnreadableImageError]) -> list[Pair | UnreadableImageError]:
    return batch
