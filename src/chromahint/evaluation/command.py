"""The command `chromahint evaluate`: a run's network, or any network with weights, on any photos."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from chromahint.config.check import check, offers
from chromahint.config.compose import Composed, Config, compose
from chromahint.config.errors import ConfigError
from chromahint.config.folders import options
from chromahint.config.reading import read
from chromahint.runs.folder import Run, open_run

SPLITS = ("train", "val", "test", "all")


def main(overrides: Sequence[str]) -> int:
    """Evaluate as the overrides say; returns the exit status."""
    console = Console(soft_wrap=True, highlight=False)
    run_path, model, file = (_typed(overrides, key) for key in ("run", "model", "weights"))
    run = None if run_path is None else open_run(run_path)
    if run is not None:
        composed = compose("evaluate", _of_its_data(run, overrides))
        config = _with_run(composed.config, run, list(overrides))
    elif model is None and file not in (None, "none"):
        composed = _of_weights(Path(str(file)).expanduser(), overrides, console)
        config = composed.config
    else:
        composed = compose("evaluate", overrides)
        config = composed.config
        if config.get("model") is None:
            raise ConfigError("nothing to evaluate: type run=RUN, a run's folder, weights=FILE, or model=NAME")
    if config["split"] not in (None, *SPLITS):
        raise ConfigError(f"split={config['split']}: split is one of {', '.join(SPLITS)}, or null")
    check(config, "evaluate")
    weights = run.weights if run is not None else _file(config["weights"])

    # imports torch, after all that can be said without it
    from chromahint.evaluation.perform import evaluate_config, predict_config

    name = run.path.name if run is not None else str(composed.choices["model"])
    parent = run.path / "evaluation" if run is not None else Path("evaluation") / name
    output = None if config["output"] is None else Path(config["output"]).expanduser()
    perform = predict_config if offers(config["data"], "pairs") else evaluate_config
    perform(config, weights, name, parent, output, console)
    return 0


def _typed(overrides: Sequence[str], key: str) -> str | None:
    """The value of an option as it was typed last."""
    values = [override.value() for override in map(read, overrides) if override.key_or_group == key]
    return None if not values or values[-1] is None else str(values[-1])


def _of_weights(file: Path, overrides: Sequence[str], console: Console) -> Composed:
    """Take the network from a file of weights, with the scaling and the size that released weights need."""
    from chromahint.config.build import build
    from chromahint.inference.identify import identify, try_mask_centres
    from chromahint.inference.ready import choose_device, make_ready

    found = identify(file)
    side = [f"side={found.side}"] if found.side is not None else []
    composed = compose("evaluate", [*found.options, *side, *overrides])
    check(composed.config, "evaluate")
    console.print(f"{file.name}: {found.name}: {' '.join([*found.options, *side])}")
    if "mask_centre" in composed.config["model"] and _typed(overrides, "model.mask_centre") is None:
        device = choose_device(composed.config["device"])
        centre = try_mask_centres(make_ready(build(composed.config["model"]), file, device), found.side or 256, device)
        composed.config["model"]["mask_centre"] = centre.value
        console.print(centre.reason)
    return composed


def _of_its_data(run: Run, overrides: Sequence[str]) -> list[str]:
    """Let options of data that were typed be those of the run's kind of data."""
    kind = run.about.get("choices", {}).get("data")
    return [*([f"data={kind}"] if kind in options()["data"] else []), *overrides]


def _with_run(config: Config, run: Run, overrides: list[str]) -> Config:
    """Take network and data from a run; options of data that were typed go before the run's."""
    typed = {text.lstrip("+~").partition("=")[0] for text in overrides}
    if any(key == "model" or key.startswith("model.") for key in typed):
        raise ConfigError("run= brings its own network: leave out model=, or leave out run=")
    of_run: dict[str, Any] = run.config
    if missing := {"model", "data"} - set(of_run):
        raise ConfigError(f"{run.path / 'config.yaml'}: has no {' and no '.join(sorted(missing))}; choose another run")
    config = config | {"model": of_run["model"]}
    if "data" not in typed:
        if "data.root" not in typed:
            config["split"] = config["split"] or "test"  # the others, training has seen
        chosen = {key.partition(".")[2] for key in typed if key.startswith("data.")}
        config["data"] = of_run["data"] | {option: config["data"][option] for option in chosen}
    return config


def _file(weights: str) -> Path | None:
    return None if weights == "none" else Path(weights).expanduser()
