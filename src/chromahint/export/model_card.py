"""Description of an exported network: config.json and the model card."""

from __future__ import annotations

import datetime
import re
import shlex
from pathlib import Path
from typing import Any

from chromahint import __version__
from chromahint.inference.load import LoadedNetwork, NetworkSpec
from chromahint.models.pretrained import pretrained_of_file
from chromahint.models.registry import get_model_info
from chromahint.runs.files import file_hash, read_json

_NODES = ("data", "hints", "augment", "loss", "optimizer", "lr_schedule", "trainer")


def describe_export(spec: NetworkSpec) -> dict[str, Any]:
    """Return the content of config.json, in JSON types."""
    description: dict[str, Any] = {
        "network": spec.name,
        "options": spec.options,
        "side": spec.input_size,
        "trained_side": spec.train_size,
        "class": spec.model["_target_"],
        "chromahint": __version__,
        "weights": {"file": spec.weights.name, "blake2b": file_hash(spec.weights)},
        "figures": find_results(spec),
    }
    if (pretrained := pretrained_of_file(spec.weights)) is not None:
        description["trained_on"] = pretrained.trained_on
    if spec.run is not None:
        metadata = spec.run.metadata
        description["trained"] = {
            "command": without_folders(str(metadata.get("command", ""))),
            "date": str(metadata.get("created", ""))[:10],
            "seed": spec.run.config.get("seed"),
            "choices": {key: value for key, value in metadata.get("choices", {}).items() if value is not None},
        }
    return description


def find_results(spec: NetworkSpec) -> list[dict[str, Any]]:
    """Return the evaluations of these weights in the run folder, and those of the baselines next to them."""
    if spec.run is None:
        return []
    weights_hash = file_hash(spec.weights)
    results = []
    for file in sorted((spec.run.path / "evaluation").glob("*/metrics.json")):
        if read_json(file.with_name("evaluation.json")).get("weights") == weights_hash:
            results.append(_read_result(file, spec.name))
            baselines = sorted(file.parent.glob("baselines/*/metrics.json"))
            results += [_read_result(baseline, baseline.parent.name) for baseline in baselines]
    return results


def model_card(loaded: LoadedNetwork) -> str:
    """Return the text of README.md. The pretrained weights of the package have a card of their own."""
    spec = loaded.require_spec()
    if (pretrained := pretrained_of_file(spec.weights)) is not None:
        return f"{_HEADER}{pretrained.card}\n{_usage_section(spec)}"
    sections = [
        f"# {type(loaded.network).__name__}",
        _model_section(loaded, spec),
        _training_section(loaded, spec),
        _results_section(find_results(spec)),
        _INTENDED_USE,
        _usage_section(spec),
    ]
    return _HEADER + "\n\n".join(section.strip() for section in sections) + "\n"


def without_folders(command: str) -> str:
    """Remove the folders of this machine from a command: `data.root=/home/me/photos` becomes `data.root=photos`.

    >>> without_folders("chromahint train data.root=/home/me/photos")
    'chromahint train data.root=photos'
    """
    return re.sub(r"(?<=[=\s,\['\"])(?:~|[A-Za-z]:)?[/\\](?:[^\s,\]'\"]*[/\\])?(?=[^\s,\]'\"/\\])", "", command)


def _read_result(file: Path, name: str) -> dict[str, Any]:
    metrics = read_json(file)
    date = datetime.date.fromtimestamp(file.stat().st_mtime).isoformat()
    return {
        "name": name,
        "date": date,
        **{key: metrics.get(key) for key in ("protocol", "measures", "size", "images", "by_hints")},
    }


def _model_section(loaded: LoadedNetwork, spec: NetworkSpec) -> str:
    source = get_model_info(str(spec.model["_target_"])).source
    num_parameters = sum(parameter.numel() for parameter in loaded.network.parameters())
    options = ", ".join(f"{key} {value}" for key, value in spec.options.items())
    trained_at, squashed = "", ""
    if spec.train_size is not None:
        trained_at = f" It was trained on images of {spec.train_size}x{spec.train_size} pixels."
    if spec.input_size is not None:
        squashed = f" Images are squashed to {spec.input_size}x{spec.input_size} for it."
    return f"""## Model

Network that colors a gray image from a few color hints: {source or spec.name}.
It has {num_parameters:,} parameters; {options}.
Inputs are lightness L (0..100), the ab of the hints (CIE Lab) and a mask that is 1 at hinted pixels. The output is ab,
for images of any size.{trained_at}{squashed}"""


def _training_section(loaded: LoadedNetwork, spec: NetworkSpec) -> str:
    if spec.run is None:
        origin = "; ".join(loaded.messages)
        return f"## Training\n\nUnknown: the weights come from the file `{spec.weights.name}` ({origin})."
    training, config = describe_export(spec)["trained"], spec.run.config
    nodes = [node for node in _NODES if isinstance(config.get(node), dict)]
    recipe = "\n".join(f"- {node}: {_summarize(config[node])}" for node in nodes)
    return f"""## Training

`{_class_name(config.get("data"))}` data, with this command, on {training["date"]} (seed {training["seed"]}; of folders,
only the last part is shown):

```
{training["command"]}
```

{recipe}"""


def _summarize(node: dict[str, Any]) -> str:
    """Return the class and the options of a config node."""
    options = [
        f"{key} {without_folders(f'={value}')[1:]}"
        for key, value in node.items()
        if not key.startswith("_") and not isinstance(value, dict) and value is not None
    ]
    return f"{_class_name(node)} ({', '.join(options)})" if options else _class_name(node)


def _class_name(node: Any) -> str:
    """Return the class of a config node; for data, that of its source."""
    if not isinstance(node, dict):
        return "unknown"
    return str((node.get("source") or node).get("_target_", "")).rpartition(".")[2]


def _results_section(results: list[dict[str, Any]]) -> str:
    if not results:
        return "## Results\n\nNot evaluated yet: run `chromahint evaluate weights=model.safetensors`."
    parts = ["## Results"]
    for protocol in dict.fromkeys(result["protocol"] for result in results):
        group = [result for result in results if result["protocol"] == protocol]
        first = group[0]
        counts = list(first["by_hints"])
        size = "x".join(map(str, first["size"]))
        rows = [f"| {result['name']} | {_table_cells(result, counts, 'psnr', 2)} |" for result in group]
        rows += [f"| {first['name']}, SSIM | {_table_cells(first, counts, 'ssim', 4)} |"]
        header = " | ".join(f"{int(count):,}" for count in counts)
        parts.append(
            f"By number of hints, protocol `{protocol}` at {size}, {first['images']} images, {first['date']}; "
            f"{first['measures']}.\n\n| | {header} |\n| --- |{' ---: |' * len(counts)}\n" + "\n".join(rows)
        )
    return "\n\n".join(parts)


def _table_cells(result: dict[str, Any], counts: list[str], metric: str, digits: int) -> str:
    values = result["by_hints"]
    return " | ".join(f"{values[count][metric]:.{digits}f}" if count in values else "" for count in counts)


def _usage_section(spec: NetworkSpec) -> str:
    return f"""## Usage

```python
from chromahint.inference.exported_folder import open_exported_folder

network = open_exported_folder("FOLDER").network  # (lightness, Hints(ab, mask)) -> ab

from chromahint.export.hub import HubNetwork  # pip install 'chromahint[hub]'

network = HubNetwork.from_pretrained("FOLDER")  # (lightness, hint_ab, mask) -> ab
```

Evaluate it with `chromahint evaluate weights=FOLDER/model.safetensors {shlex.join(_overrides(spec))}`.
"""


def _overrides(spec: NetworkSpec) -> list[str]:
    """Return the overrides that build the network."""
    options = [
        f"model.{key}={str(value).lower() if isinstance(value, bool) else value}".replace(" ", "")
        for key, value in spec.options.items()
    ]
    input_size = [f"input_size={spec.input_size}"] if spec.input_size is not None else []
    return [f"model={spec.name}", *options, *input_size]


_HEADER = """---
library_name: chromahint
pipeline_tag: image-to-image
tags:
- colorization
- model_hub_mixin
- pytorch_model_hub_mixin
---

"""

_INTENDED_USE = """## Intended use and limitations

For coloring photos and drawings with colors chosen by a person. Without a hint, a color is a guess based on the
training images, and no evidence of the true color. Results depend on the images and the protocol. Image sizes far from
the training size were not evaluated.
"""
