"""Config of a benchmark, parsed from conf/benchmark/NAME.yaml and checked before slow imports."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from chromahint.config.compose import compose
from chromahint.config.errors import ConfigError, did_you_mean
from chromahint.config.paths import list_groups, packaged_dir, user_conf_dir
from chromahint.config.validate import validate

_KEYS = ("title", "methods", "sets", "protocols")
_SET_KEYS = ("root", "manifest", "max_images")
_LABEL = re.compile(r"[\w.+-]+")


@dataclass(frozen=True)
class PhotoSet:
    """A set of photos.

    Attributes:
        root: Folder of the photos.
        manifest: File that lists them.
        max_images: Measure only this many, spread evenly over the sorted paths; None for all.
    """

    root: Path
    manifest: Path
    max_images: int | None


@dataclass(frozen=True)
class Benchmark:
    """Everything that a benchmark measures. Each method, set and protocol has a label, which names its folder.

    Attributes:
        name: Name of the file.
        title: Title of the page.
        methods: Method by label, as it is named everywhere: pretrained, a run folder, a weights file, ...
        sets: Set by label.
        protocols: Config node of the protocol by label.
    """

    name: str
    title: str
    methods: dict[str, str]
    sets: dict[str, PhotoSet]
    protocols: dict[str, dict[str, Any]]


def read_benchmark(name: str, data: Path, max_images: int | None = None) -> Benchmark:
    """Read conf/benchmark/NAME.yaml (`./conf` is searched first) or another YAML file.

    Args:
        name: Name of the benchmark, or path of a YAML file.
        data: Folder that `root` of each set is relative to.
        max_images: Measure at most this many photos of each set; None for the limits of the file.

    Raises:
        ConfigError: The benchmark is unknown or invalid.
    """
    folders = [folder / "benchmark" for folder in (user_conf_dir(), packaged_dir("conf")) if folder]
    files = [file for file in (*(folder / f"{name}.yaml" for folder in folders), Path(name)) if file.is_file()]
    if not files:
        known = list_groups().get("benchmark", [])
        raise ConfigError(
            f"{name}: unknown benchmark; choose one of {', '.join(known)}, or pass the path of a YAML file."
            f"{did_you_mean(name, known)}"
        )
    file = files[0]
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{file}: cannot be read: {str(error).splitlines()[0]}.") from None
    if not isinstance(content, dict) or not {"methods", "sets", "protocols"} <= content.keys() <= {*_KEYS}:
        raise ConfigError(f"{file}: not a benchmark. Write methods:, sets: and protocols:, and optionally title:.")
    parts = {key: _labeled(file, key, content[key]) for key in ("methods", "sets", "protocols")}
    places = [file.parent, *folders]
    sets = {label: _parse_set(file, label, options, data, places) for label, options in parts["sets"].items()}
    if max_images is not None:
        sets = {
            label: replace(each, max_images=min(max_images, each.max_images or max_images))
            for label, each in sets.items()
        }
    return Benchmark(
        name=file.stem,
        title=str(content.get("title", file.stem)),
        methods={label: _find_method(file, label, source) for label, source in parts["methods"].items()},
        sets=sets,
        protocols={label: _compose_protocol(file, label, words) for label, words in parts["protocols"].items()},
    )


def _labeled(file: Path, key: str, part: Any) -> Mapping[str, Any]:
    if isinstance(part, list):  # of names, which are then the labels
        part = {label: label if key == "methods" else None for label in part}
    if not isinstance(part, dict) or not part or not all(_LABEL.fullmatch(str(label)) for label in part):
        raise ConfigError(
            f"{file}: {key}: must be a list of names or a mapping of labels. Write LABEL: ..., with letters, digits "
            "and _.+- in the label."
        )
    return {str(label): value for label, value in part.items()}


def _find_method(file: Path, label: str, source: Any) -> str:
    """Return the source of a method; a pattern such as `runs/equal_budget/*/unet` must match one path."""
    if not isinstance(source, str):
        raise ConfigError(
            f"{file}: methods.{label}={source}: must be pretrained, a run folder, a weights file, an exported folder, "
            "an .onnx file, or one of levin, pullpush, gray."
        )
    if "*" not in source:
        return source
    found = sorted(Path(source).parent.parent.glob(str(Path(*Path(source).parts[-2:]))))
    if len(found) != 1:
        raise ConfigError(f"{file}: methods.{label}={source}: matches {len(found)} paths. Write the path of one.")
    return str(found[0])


def _parse_set(file: Path, label: str, options: Any, data: Path, places: list[Path]) -> PhotoSet:
    options = {} if options is None else options
    if not isinstance(options, dict) or not options.keys() <= {*_SET_KEYS}:
        raise ConfigError(f"{file}: sets.{label}: must be a mapping of {', '.join(_SET_KEYS)}.")
    limit = options.get("max_images")
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
        raise ConfigError(f"{file}: sets.{label}.max_images={limit}: must be an integer >= 1, or null.")
    manifest = str(options.get("manifest", f"manifests/{label}.json"))
    found = [place / manifest for place in places if (place / manifest).is_file()]
    if not found:
        raise ConfigError(
            f"{file}: sets.{label}.manifest={manifest}: file not found. Write it with "
            f"`chromahint data manifest ROOT -o {places[0] / manifest}`."
        )
    return PhotoSet(data / Path(str(options.get("root", label))).expanduser(), found[0], limit)


def _compose_protocol(file: Path, label: str, words: Any) -> dict[str, Any]:
    """Compose a protocol from `[key=value, ...]`; by default, the label is its name."""
    words = [] if words is None else words
    if not isinstance(words, list) or not all(str(word).startswith(("protocol=", "protocol.")) for word in words):
        raise ConfigError(f"{file}: protocols.{label}={words}: must be a list such as [protocol.size=128].")
    named = any(str(word).startswith("protocol=") for word in words)
    try:
        config = compose("evaluate", ["model=gray", *([] if named else [f"protocol={label}"]), *map(str, words)]).config
        validate(config, "evaluate")
    except ConfigError as error:
        raise ConfigError(f"{file}: protocols.{label}: {error}") from None
    node: dict[str, Any] = config["protocol"]
    return node
