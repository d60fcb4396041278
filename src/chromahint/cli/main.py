"""The command `chromahint`, and nothing else: what was typed goes to the room that does it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from chromahint import __version__
from chromahint.config.paths import experiment_plans, list_groups

Command = Callable[[list[str]], int]

OVERRIDES = """\
Each argument is key=value: a choice in a group (model=unet) or one option (data.batch_size=4).
Values with spaces, commas or brackets stand in quotes: 'hints.probabilities=[0.01, 0.03]'.
"""

SEVERAL = """\
`train -m model=unet,resunet seed=0,1` trains every combination, n_jobs=N at once; launcher=slurm gives them to a
cluster, and `train -m status=FOLDER` shows how they stand."""

TUNE = "`train tune=lr ...` suggests a learning rate for what else is typed, `train tune=batch ...` a batch size."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0, 1 for a run that failed, 2 for something typed wrongly."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ("-h", "--help", "help"):
        print(_overview())
        return 0
    if words[0] == "--version":
        print(f"chromahint {__version__}")
        return 0
    # threads that wait by spinning starve each other as soon as anything else runs on the machine
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    # glibc hands large pieces of memory back at once, and every step of training asks for them again
    os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", str(2**32))
    os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", str(2**34))
    name, rest = words[0], words[1:]
    if name not in COMMANDS:
        print(f"Error: {name}: there is no such command; the commands are {', '.join(COMMANDS)}.", file=sys.stderr)
        return 2
    try:
        return COMMANDS[name](rest)
    except ValueError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130


def train(words: list[str]) -> int:
    """Train a network: `train model=unet`; several with -m; `train resume=RUN` goes on with a stopped one."""
    if _wants_help(words):
        print(_with_groups("train [-m] [key=value ...]", f"{train.__doc__}\n{SEVERAL}\n{TUNE}", "train"))
        return 0
    if words and words[0] in ("-m", "--multirun"):
        from chromahint.launch.multirun import main as multirun

        return multirun(_overrides("train", words[1:]))
    if any(word.startswith("resume=") for word in words):
        from chromahint.launch.resume import main as resume

        return resume(_overrides("train", words))
    if any(word.startswith("tune=") for word in words):
        from chromahint.launch.tune import main as tune

        return tune(_overrides("train", words))
    from chromahint.launch.launcher import main as launch

    return launch(_overrides("train", words))


def evaluate(words: list[str]) -> int:
    """Measure a network on photos: `evaluate data=folder data.root=PHOTOS`, `evaluate run=RUN`, ..."""
    if _wants_help(words):
        print(_with_groups("evaluate [key=value ...]", evaluate.__doc__, "evaluate"))
        return 0
    from chromahint.cli.evaluate import main as command

    return command(_overrides("evaluate", words))


def experiment(words: list[str]) -> int:
    """Run an experiment of several runs: `experiment equal_budget data=folder data.root=PHOTOS`; again goes on."""
    known = ", ".join(experiment_plans())
    if _wants_help(words):
        print(f"usage: chromahint experiment NAME [key=value ...]\n\n{experiment.__doc__}\n\n{OVERRIDES}")
        print(f"Names: {known}.")
        return 0
    if not words:
        raise ValueError(f"which experiment? Type `chromahint experiment NAME`; the names are {known}")
    from chromahint.launch.experiment import main as plan

    return plan(words[0], _overrides("experiment", words[1:]))


def sweep(words: list[str]) -> int:
    """Choose by trying: `sweep NAME [key=value ...]`, again for more workers; `sweep status|plot|wandb NAME`."""
    known = ", ".join(list_groups()["sweep"])
    if words and words[0] in ("status", "plot"):
        from chromahint.cli.sweep import look

        return look(*words)
    if words and words[0] in ("wandb", "trial"):
        from chromahint.cli.sweep_wandb import main as with_wandb

        return with_wandb(*words)
    if _wants_help(words):
        print("usage: chromahint sweep NAME [key=value ...]\n       chromahint sweep status|plot|wandb NAME [--help]\n")
        print(f"{sweep.__doc__}\n\n{OVERRIDES}")
        print("Options of the sweep itself: trials, minutes, sampler, pruner, storage, heartbeat.\n")
        print(f"Names: {known}; or the path of a YAML file.")
        return 0
    if not words or "=" in words[0]:
        raise ValueError(f"which sweep? Type `chromahint sweep NAME`; the names are {known}")
    from chromahint.cli.sweep import main as command

    return command(words[0], _overrides("sweep", words[1:]))


def models(words: list[str]) -> int:
    """List the networks with their year, size, cost and source."""
    parser = argparse.ArgumentParser("chromahint models", description=models.__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args(words)
    from chromahint.cli.models import as_json, as_tables
    from chromahint.config.compose import compose
    from chromahint.models.registry import list_models

    targets = {name: compose("train", [f"model={name}"]).config["model"]["_target_"] for name in list_groups()["model"]}
    entries = list_models(targets)
    if arguments.json:
        print(as_json(entries))
    else:
        from rich.console import Console

        Console().print(as_tables(entries), highlight=False)
    return 0


def hints(words: list[str]) -> int:
    """Draw what each hint sampler makes of a few photos into one picture: `hints preview`."""
    from chromahint.cli.hints import main as command

    return command(words)


def data(words: list[str]) -> int:
    """Look at photos, or shrink them once to be read faster: `data check PHOTOS`, `data pack PHOTOS -o PACK`."""
    from chromahint.cli.data import main as command

    return command(words)


def colorize(words: list[str]) -> int:
    """Color gray photos from hints: `colorize PHOTO -o OUT --hints FILE`, one photo or a folder of thousands."""
    from chromahint.cli.colorize import main as command

    return command(words)


def studio(words: list[str]) -> int:
    """Color photos by clicking, on a page of this machine: `studio`, `studio PHOTO`."""
    from chromahint.cli.studio import main as command

    return command(words)


def doctor(words: list[str]) -> int:
    """Show what this machine has, where things are kept, and what is missing: `doctor`."""
    argparse.ArgumentParser("chromahint doctor", description=doctor.__doc__).parse_args(words)
    from chromahint.cli.doctor import main as command

    return command()


def reproduce(words: list[str]) -> int:
    """Train a finished run again and say whether the figures match: `reproduce RUN`."""
    parser = argparse.ArgumentParser("chromahint reproduce", description=reproduce.__doc__)
    parser.add_argument("run", metavar="RUN", help="the folder of a finished run")
    arguments = parser.parse_args(words)
    from chromahint.launch.reproduce import main as command

    return command(arguments.run)


def report(words: list[str]) -> int:
    """Compare runs on one page that opens anywhere: `report RUNS`."""
    from chromahint.cli.report import report as command

    return command(words)


def best(words: list[str]) -> int:
    """Name the best of several runs, and say whether it is ahead by more than chance: `best RUNS`."""
    from chromahint.cli.report import best as command

    return command(words)


def dashboard(words: list[str]) -> int:
    """Compare runs on W&B, in a workspace and a report: `dashboard --sweep NAME`, `dashboard --dry-run`."""
    from chromahint.cli.report import dashboard as command

    return command(words)


def export(words: list[str]) -> int:
    """Write a trained network for use elsewhere: `export RUN --format onnx`, `export RUN --format safetensors`."""
    from chromahint.cli.export import main as command

    return command(words)


COMMANDS: dict[str, Command] = {
    "train": train,
    "experiment": experiment,
    "sweep": sweep,
    "evaluate": evaluate,
    "colorize": colorize,
    "studio": studio,
    "models": models,
    "hints": hints,
    "data": data,
    "report": report,
    "best": best,
    "dashboard": dashboard,
    "export": export,
    "doctor": doctor,
    "reproduce": reproduce,
}


def _wants_help(words: Sequence[str]) -> bool:
    return any(word in ("-h", "--help") for word in words)


def _overrides(command: str, words: Sequence[str]) -> list[str]:
    for word in words:
        if word.startswith("-"):
            raise ValueError(f"{word}: `chromahint {command}` takes key=value; see `chromahint {command} --help`")
        if "=" not in word and not word.startswith("~"):
            raise ValueError(f"{word}: is not key=value; see `chromahint {command} --help`")
    return list(words)


def _overview() -> str:
    width = max(map(len, COMMANDS)) + 2
    lines = [f"  {name:<{width}}{(command.__doc__ or '').splitlines()[0]}" for name, command in COMMANDS.items()]
    return "\n".join(
        [
            f"chromahint {__version__}: train, compare and use networks that color a gray photo from color hints",
            "",
            *lines,
            "",
            "`chromahint COMMAND --help` says more.",
        ]
    )


def _with_groups(usage: str, text: str | None, command: str) -> str:
    from chromahint.config.paths import group_defaults

    chosen = group_defaults(command)
    groups = {group: names for group, names in list_groups().items() if group in chosen}
    width = max(map(len, groups))
    lines = [
        f"  {g:<{width}}  {' '.join(f'[{n}]' if n == chosen[g] else n for n in names)}" for g, names in groups.items()
    ]
    return "\n".join(
        [
            f"usage: chromahint {usage}",
            "",
            text or "",
            "",
            OVERRIDES,
            "Groups and their choices; [the default]:",
            *lines,
            "",
            f"Options stand, with what they mean, in {_conf()}.",
        ]
    )


def _conf() -> Path:
    from chromahint.config.paths import packaged_dir

    return packaged_dir("conf")


if __name__ == "__main__":
    sys.exit(main())
