"""What an exported network says of itself: where it comes from, what it was measured at, and how it is opened."""

from __future__ import annotations

import datetime
import re
import shlex
from pathlib import Path
from typing import Any

from chromahint import __version__
from chromahint.inference.load import LoadedNetwork
from chromahint.models.pretrained import PRETRAINED_DIR, find_pretrained
from chromahint.models.registry import get_model_info
from chromahint.runs.files import file_hash, read_json

_NODES = ("data", "hints", "augment", "loss", "optimizer", "lr_schedule", "trainer")


def describe(opened: LoadedNetwork) -> dict[str, Any]:
    """List what is known of a network, in plain JSON types: what config.json holds."""
    boxed = find_pretrained(str(opened.model["_target_"]))
    run = opened.run
    about: dict[str, Any] = {
        "network": opened.name,
        "options": opened.options,
        "side": opened.side,
        "trained_side": opened.trained_side,
        "class": opened.model["_target_"],
        "chromahint": __version__,
        "weights": {"file": opened.weights.name, "blake2b": file_hash(opened.weights)},
        "figures": figures(opened),
    }
    if boxed is not None and boxed.file == opened.weights:
        about["trained_on"] = boxed.trained_on
    if run is not None:
        said = run.metadata
        about["trained"] = {
            "command": without_folders(str(said.get("command", ""))),
            "date": str(said.get("created", ""))[:10],
            "seed": run.config.get("seed"),
            "choices": {key: value for key, value in said.get("choices", {}).items() if value is not None},
        }
    return about


def figures(opened: LoadedNetwork) -> list[dict[str, Any]]:
    """List what the run was measured at with these very weights, and methods that were measured beside it."""
    if opened.run is None:
        return []
    own, found = file_hash(opened.weights), []
    for file in sorted((opened.run.path / "evaluation").glob("*/metrics.json")):
        if read_json(file.with_name("evaluation.json")).get("weights") != own:
            continue
        found.append(_measured(file, opened.name))
        found += [_measured(other, other.parent.name) for other in sorted(file.parent.glob("baselines/*/metrics.json"))]
    return found


def model_card(opened: LoadedNetwork) -> str:
    """Write README.md: the box's own card where the weights are those of the box."""
    boxed = find_pretrained(str(opened.model["_target_"]))
    if boxed is not None and boxed.file == opened.weights:
        text = (PRETRAINED_DIR / f"{boxed.file.stem}.md").read_text(encoding="utf-8")
        return f"{_HEADER}{text}\n{_how_to_load(opened)}"
    about = describe(opened)
    parts = [f"# {type(opened.network).__name__}", _what_it_is(opened), _trained_on(opened, about)]
    parts += [_figures(about["figures"]), _LIMITS, _how_to_load(opened)]
    return _HEADER + "\n\n".join(part.strip() for part in parts if part) + "\n"


def without_folders(command: str) -> str:
    """Leave the folders of a machine out of a command: `data.root=/home/me/photos` says `data.root=photos`.

    >>> without_folders("chromahint train data.root=/home/me/photos")
    'chromahint train data.root=photos'
    """
    return re.sub(r"(?<=[=\s,\['\"])(?:~|[A-Za-z]:)?[/\\](?:[^\s,\]'\"]*[/\\])?(?=[^\s,\]'\"/\\])", "", command)


def _measured(file: Path, name: str) -> dict[str, Any]:
    metrics = read_json(file)
    date = datetime.date.fromtimestamp(file.stat().st_mtime).isoformat()
    kept = {key: metrics.get(key) for key in ("protocol", "measures", "size", "images", "by_hints")}
    return {"name": name, "date": date, **kept}


def _what_it_is(opened: LoadedNetwork) -> str:
    source = get_model_info(str(opened.model["_target_"])).source
    count = sum(parameter.numel() for parameter in opened.network.parameters())
    options = ", ".join(f"{key} {value}" for key, value in opened.options.items())
    side = opened.trained_side
    sides = "" if side is None else f" It was trained on images of {side}x{side} pixels."
    squash = "" if opened.side is None else f" Images are squashed to {opened.side}x{opened.side} for it."
    return f"""## What it is

A network that colors a gray image from a few color hints: {source or opened.name}. {count:,} parameters; {options}.
It reads lightness L (0..100), the hints' ab (CIE Lab) and a mask that is 1 where there is a hint, and answers ab for
images of any size.{sides}{squash}"""


def _trained_on(opened: LoadedNetwork, about: dict[str, Any]) -> str:
    if opened.run is None:
        found = "; ".join(opened.said)
        return f"## Trained on\n\nThis is not known: the weights come from the file `{opened.weights.name}` ({found})."
    trained, config = about["trained"], opened.run.config
    lines = [f"- {node}: {_node(config[node])}" for node in _NODES if isinstance(config.get(node), dict)]
    recipe = "\n".join(lines)
    words = f"{trained['command']}"
    return f"""## Trained on

`{_kind(config.get("data"))}` data, with this command, on {trained["date"]} (seed {trained["seed"]};
folders are given by their last name):

```
{words}
```

{recipe}"""


def _node(node: dict[str, Any]) -> str:
    options = [
        f"{key} {without_folders(f'={value}')[1:]}"
        for key, value in node.items()
        if not key.startswith("_") and not isinstance(value, dict) and value is not None
    ]
    return f"{_kind(node)} ({', '.join(options)})" if options else _kind(node)


def _kind(node: Any) -> str:
    return str(node.get("_target_", "")).rpartition(".")[2] if isinstance(node, dict) else "unknown"


def _figures(found: list[dict[str, Any]]) -> str:
    if not found:
        return "## Figures\n\nNothing was measured with these weights: `chromahint evaluate weights=model.safetensors`."
    parts = ["## Figures"]
    for protocol in dict.fromkeys(each["protocol"] for each in found):
        group = [each for each in found if each["protocol"] == protocol]
        first = group[0]
        counts = list(first["by_hints"])
        size = "x".join(map(str, first["size"]))
        rows = [f"| {each['name']} | {_row(each, counts, 'psnr', 2)} |" for each in group]
        rows += [f"| {first['name']}, SSIM | {_row(first, counts, 'ssim', 4)} |"]
        head = " | ".join(f"{int(count):,}" for count in counts)
        parts.append(
            f"By number of hints, protocol `{protocol}` at {size}, {first['images']} images, {first['date']}; "
            f"{first['measures']}.\n\n| | {head} |\n| --- |{' ---: |' * len(counts)}\n" + "\n".join(rows)
        )
    return "\n\n".join(parts)


def _row(each: dict[str, Any], counts: list[str], name: str, digits: int) -> str:
    return " | ".join(f"{each['by_hints'][k][name]:.{digits}f}" if k in each["by_hints"] else "" for k in counts)


def _how_to_load(opened: LoadedNetwork) -> str:
    return f"""## How to load it

```python
from chromahint.inference.exported_folder import open_folder

network = open_folder("FOLDER").network  # (lightness, Hints(ab, mask)) -> ab

from chromahint.export.hub import HubNetwork  # pip install 'chromahint[hub]'

network = HubNetwork.from_pretrained("FOLDER")  # (lightness, hint_ab, mask) -> ab
```

`chromahint evaluate weights=FOLDER/model.safetensors {shlex.join(_typed(opened))}` measures it.
"""


def _typed(opened: LoadedNetwork) -> list[str]:
    options = [
        f"model.{key}={str(value).lower() if isinstance(value, bool) else value}"
        for key, value in opened.options.items()
    ]
    side = [f"input_size={opened.side}"] if opened.side is not None else []
    return [f"model={opened.name}", *(option.replace(" ", "") for option in options), *side]


_HEADER = """---
library_name: chromahint
pipeline_tag: image-to-image
tags:
- colorization
- model_hub_mixin
- pytorch_model_hub_mixin
---

"""

_LIMITS = """## What it is for, and what not

For coloring photos and drawings with colors that a person chooses. Colors that no hint says are a guess, which looks
like the images that it was trained on: they are no evidence of what was there. Figures are those of the images and
the protocol above, and other images have others; sizes far from those of training were not measured.
"""
