"""The configuration reference: a page for each group of conf/, from its YAML files and the signatures they name."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from chromahint.config.errors import ConfigError
from chromahint.config.paths import group_defaults
from chromahint.config.signatures import SignatureParameter, signature
from chromahint.config.validate import TOP_LEVEL
from chromahint.ranges import describe_annotation

COMMANDS = {"train": "train", "evaluate": "evaluate", "multirun": "train -m"}
GROUPS = {
    "model": "The network. `chromahint models` lists size, cost, and source of each.",
    "data": "Where images come from, and how a batch is made of them.",
    "hints": "The simulated user: which hints a training image gets. `chromahint hints preview` draws them.",
    "augment": "Random changes of training images, made on the device.",
    "loss": "What training minimizes.",
    "optimizer": "The optimizer and its learning rate.",
    "lr_schedule": "The course of the learning rate: a factor on `optimizer.lr`.",
    "trainer": "Devices, precision, and the limits of a run. Names follow `lightning.Trainer`.",
    "callbacks": "Checkpoints, moving average, early stopping, and the image log.",
    "logger": "Where metrics are sent in addition to `metrics.csv`.",
    "protocol": "Evaluation: number and place of hints, size of images, and the metric.",
    "launcher": "Who starts the runs of a multirun, if not this machine.",
    "sweep": "Hyperparameter searches for `chromahint sweep NAME`.",
    "benchmark": "Methods, sets of photos, and protocols for `chromahint benchmark NAME`.",
    "debug": "Changes that make any run short.",
}


@dataclass
class Choice:
    """One YAML file of a group.

    Attributes:
        group: name of the folder.
        name: name of the file.
        text: its content.
        description: the comment at its top.
        comments: the comment above each key, by dotted path.
        content: the parsed file.
        base: the file of the same group that it extends.
    """

    group: str
    name: str
    text: str
    description: str = ""
    comments: dict[str, str] = field(default_factory=dict)
    content: dict[str, Any] = field(default_factory=dict)
    base: str | None = None

    @property
    def prefix(self) -> str:
        """What stands before its options on the command line: the group, or the package that the file names."""
        package = re.search(r"^# @package ((?!_)\S+)$", self.text, re.MULTILINE)
        return package[1] if package else self.group

    @property
    def is_shared(self) -> bool:
        """Whether it only holds options that others extend."""
        return self.name.startswith("_")


@dataclass
class Option:
    """One row of a table.

    Attributes:
        key: full name, as on the command line.
        default: the value in the file, as YAML.
        allowed: type and range.
        meaning: the comment, or the entry in the docstring.
    """

    key: str
    default: str
    allowed: str
    meaning: str


def pages(root: Path) -> dict[str, str]:
    """Generate all pages; keys are paths on the site."""
    groups = [*GROUPS, *sorted(set(_folders(root)) - set(GROUPS))]
    found = {"reference/configuration/index.md": _index(root, groups)}
    for group in groups:
        found[f"reference/configuration/{group}.md"] = _group_page(root, group)
    return found


def _folders(root: Path) -> list[str]:
    return [folder.name for folder in sorted((root / "conf").iterdir()) if folder.is_dir()]


@cache
def choices(root: Path, group: str) -> dict[str, Choice]:
    """Read the files of a group."""
    return {file.stem: read(file, group) for file in sorted((root / "conf" / group).glob("*.yaml"))}


def read(file: Path, group: str) -> Choice:
    """Read a YAML file with its comments."""
    text = file.read_text(encoding="utf-8")
    choice = Choice(group, file.stem, text, content=yaml.safe_load(text) or {})
    choice.description, choice.comments = read_comments(text)
    for entry in choice.content.pop("defaults", []):
        if isinstance(entry, str) and entry != "_self_":
            choice.base = entry
    return choice


def read_comments(text: str) -> tuple[str, dict[str, str]]:
    """Split a YAML file into the comment at its top and the comments above its keys."""
    header: list[str] = []
    comments: dict[str, str] = {}
    pending: list[str] = []
    path: list[tuple[int, str]] = []
    in_header = True
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("#"):
            words = stripped.lstrip("#").strip()
            if not words.startswith("@package"):
                (header if in_header else pending).append(words)
            continue
        in_header = False
        match = re.match(r"(\s*)([\w.]+):", line)
        if match is None:
            pending = []
            continue
        indent = len(match[1])
        path = [*(entry for entry in path if entry[0] < indent), (indent, match[2])]
        if pending:
            comments[".".join(name for _, name in path)] = " ".join(pending)
        pending = []
    return " ".join(header), comments


def options(root: Path, choice: Choice) -> list[Option]:
    """List the options that a file sets, in its order."""
    return [
        Option(f"{choice.prefix}.{path}", _value(value), _allowed(parameter), _meaning(root, choice, path, target))
        for path, value, parameter, target in _walk(choice.content, _target(root, choice), "")
    ]


def _target(root: Path, choice: Choice) -> dict[str, Any]:
    """The nodes of a file that names its target only through the file it extends."""
    if choice.base is None or choice.base not in choices(root, choice.group):
        return choice.content
    return {**_target(root, choices(root, choice.group)[choice.base]), **choice.content}


def _walk(
    node: dict[str, Any], full: dict[str, Any], prefix: str
) -> Iterator[tuple[str, Any, SignatureParameter | None, str | None]]:
    target = full.get("_target_")
    parameters = _parameters(full) if target else {}
    for key, value in node.items():
        if key.startswith("_"):
            continue
        path = f"{prefix}{key}"
        if isinstance(value, dict) and (not target or "_target_" in value or key not in parameters):
            yield from _walk(value, value, f"{path}.")
        else:
            yield path, value, parameters.get(key), _owner(full, key)


def _parameters(node: dict[str, Any]) -> dict[str, SignatureParameter]:
    """Parameters of a node's target, with those it passes on to a part of itself."""
    try:
        found = signature(node["_target_"])
        part = node.get(found.forwards_to) if found.forwards_to else None
        passed = signature(part["_target_"]).parameters if isinstance(part, dict) else {}
    except ConfigError:
        return {}
    return {**passed, **found.parameters}


def _owner(node: dict[str, Any], key: str) -> str | None:
    """The target whose docstring explains an option."""
    target: str | None = node.get("_target_")
    if target is None:
        return None
    found = signature(target)
    part = node.get(found.forwards_to) if found.forwards_to else None
    if key not in found.parameters and isinstance(part, dict):
        return str(part["_target_"])
    return target


def _meaning(root: Path, choice: Choice, path: str, target: str | None) -> str:
    """The comment above a key, here or in the file it extends; else the docstring of what the option belongs to."""
    current: Choice | None = choice
    while current is not None:
        if path in current.comments:
            return current.comments[path]
        current = choices(root, choice.group).get(current.base or "")
    if target is None:
        return "not used" if choice.content.get(path) is None else ""
    text = docstring_arguments(target).get(path.rpartition(".")[2], "")
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


@cache
def docstring_arguments(target: str) -> dict[str, str]:
    """Entries of the sections `Args:` and `Attributes:` in the docstring of a class or function."""
    module, _, name = target.rpartition(".")
    file = Path(__file__).resolve().parents[2] / "src" / Path(*module.split(".")).with_suffix(".py")
    if not file.is_file():
        return {}
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            return _entries(ast.get_docstring(node) or "")
    return {}


def _entries(docstring: str) -> dict[str, str]:
    found: dict[str, str] = {}
    key = None
    inside = False
    for line in docstring.splitlines():
        if re.match(r"\w+:$", line):
            inside = line in ("Args:", "Attributes:")
        elif inside and (match := re.match(r"    (\w+): (.*)", line)):
            key = match[1]
            found[key] = match[2]
        elif inside and key and line.startswith("        "):
            found[key] += f" {line.strip()}"
    return found


def _allowed(parameter: SignatureParameter | None) -> str:
    return describe_annotation(parameter.annotation) if parameter else ""


def _value(value: Any) -> str:
    if value == "???":
        return "required"
    if isinstance(value, str) and not value.startswith("${"):
        return f"`{value}`"
    if isinstance(value, float):
        return f"`{value:g}`"
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def _cell(text: str) -> str:
    text = " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
    return text if ". " in text else text.removesuffix(".")


def option_table(rows: list[Option]) -> str:
    """Format options as a Markdown table."""
    lines = ["| Option | Default | Type and range | Meaning |", "|---|---|---|---|"]
    lines += [f"| `{row.key}` | {row.default} | {_cell(row.allowed)} | {_cell(row.meaning)} |" for row in rows]
    return "\n".join(lines)


def _group_page(root: Path, group: str) -> str:
    found = choices(root, group)
    chosen = [name for command in COMMANDS if (name := group_defaults(command).get(group)) not in (None, "null")]
    parts = [f"# {group}", GROUPS.get(group, "")]
    typed = f"chromahint {group} {_first(found)}" if group in ("sweep", "benchmark") else f"{group}={_first(found)}"
    defaults = ", ".join(f"`{name}`" for name in dict.fromkeys(chosen))
    parts.append(f"Select a choice with `{typed}`. " + (f"The default is {defaults}." if defaults else ""))
    rows = [f"| [`{c.name}`](#{c.name}) | {_cell(c.description)} |" for c in found.values() if not c.is_shared]
    parts.append("\n".join(["| Choice | |", "|---|---|", *rows]))
    for choice in sorted(found.values(), key=lambda c: not c.is_shared):
        parts += _choice_section(root, choice)
    return "\n\n".join(part for part in parts if part) + "\n"


def _first(found: dict[str, Choice]) -> str:
    return next(name for name in found if not name.startswith("_"))


def _choice_section(root: Path, choice: Choice) -> Iterator[str]:
    title = "Options of every choice" if choice.is_shared else f"`{choice.name}` {{ #{choice.name} }}"
    yield f"## {title}"
    yield choice.description.replace("<", "&lt;").removesuffix(".") + "."
    target = choice.content.get("_target_", "")
    if target and not choice.is_shared:
        yield f"Builds [`{target}`][{target}]."
    if choice.base is not None:
        base = choices(root, choice.group)[choice.base]
        name = "the [options of every choice](#options-of-every-choice)" if base.is_shared else f"[`{base.name}`]"
        name += "" if base.is_shared else f"(#{base.name})"
        yield f"Extends {name}."
    source = choice.content.get("source", {}).get("_target_")
    if source:
        yield f"Reads images with [`{source}`][{source}]."
    as_file = choice.group in ("sweep", "benchmark", "debug")
    rows = [] if as_file else options(root, choice)
    if rows:
        yield option_table(rows)
    elif not as_file and choice.base is None:
        yield "It has no options."
    if as_file or re.search(r"^\s+- _target_:", choice.text, re.MULTILINE):
        yield f'```yaml title="conf/{choice.group}/{choice.name}.yaml"\n{choice.text.strip()}\n```'


def top_level(root: Path, command: str) -> list[Option]:
    """Options of a command that belong to no group."""
    choice = read(root / "conf" / f"{command}.yaml", "")
    parameters = signature(f"chromahint.config.options.{TOP_LEVEL[command]}").parameters
    return [
        Option(key, _value(value), _allowed(parameters.get(key)), choice.comments.get(key, ""))
        for key, value in choice.content.items()
    ]


def _index(root: Path, groups: list[str]) -> str:
    parts = [
        "# Configuration",
        "A command composes its configuration from one YAML file for each group, and then applies what you type: "
        "`GROUP=NAME` selects a file, `GROUP.OPTION=VALUE` sets one option. The whole configuration is checked before "
        "anything is built. Files in `./conf` of your working directory are choices, too; "
        "see [Extending](../../guides/extending.md).",
        "```\nchromahint train model=unet model.width=32 loss=l1_ssim data.batch_size=8\n```",
        "## Groups",
    ]
    rows = []
    for group in groups:
        chosen = [f"`{name}`" for c in COMMANDS if (name := group_defaults(c).get(group)) and name != "null"]
        rows.append(f"| [`{group}`]({group}.md) | {chosen[0] if chosen else ''} | {GROUPS.get(group, '')} |")
    parts.append("\n".join(["| Group | Default | |", "|---|---|---|", *rows]))
    parts.append(
        "`experiment=NAME` applies the file `config.yaml` of a folder under "
        "[`experiments/`](../../experiments/index.md), or of `./experiments` in your working directory."
    )
    for command in ("train", "evaluate"):
        parts += [f"## Options of `chromahint {command}`", option_table(top_level(root, command))]
    parts += [
        "## Values",
        "| Written | Means |\n|---|---|\n"
        "| `trainer.max_steps=null` | no value |\n"
        "| `data.batch_size=8`, `optimizer.lr=1e-3`, `trainer.compile=true` | numbers and booleans |\n"
        "| `'hints.probabilities=[0.01, 0.03]'` | a list; quote it for the shell |\n"
        "| `'data.root=\"/photos/summer, 2025\"'` | text with commas, brackets, or spaces |\n"
        "| `data.eval_size='${protocol.size}'` | the value of another option |\n"
        "| `+model.new_option=1` | an option that the YAML file doesn't list |\n"
        "| `~callbacks.ema` | leaves an entry out |",
    ]
    return "\n\n".join(parts) + "\n"
