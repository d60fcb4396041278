"""W&B dashboard: it shows what runs log, and needs no account or connection until it is saved."""

import json
import os
import subprocess
import sys

import pytest

from chromahint.report.wandb_dashboard import dashboard_outline, plan_dashboard
from chromahint.sweeps.sweep_config import read_sweep, sweep_names
from chromahint.sweeps.wandb_export import wandb_key

BEST_PSNR = "val/psnr.max"
COUNTS = [0, 1, 10, 100, 328, 1966]
BLOCK_CONNECTIONS = """
import socket, sys
def block(*_, **__):
    raise SystemExit("tried to open a connection")
for name in ("connect", "connect_ex", "sendto"):
    setattr(socket.socket, name, block)
socket.getaddrinfo = socket.create_connection = block
"""


@pytest.fixture
def offline(tmp_path):
    """`offline("dashboard", ...)` runs the command in a process that refuses to connect anywhere."""

    def run(*words, before=""):
        code = f"{BLOCK_CONNECTIONS}\n{before}\nfrom chromahint.cli.main import main\nsys.exit(main({list(words)}))"
        return subprocess.run(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            env={**os.environ, "WANDB_SERVICE": "", "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run


@pytest.fixture(scope="session")
def logged(tmp_path_factory, here, tiny, inspect_wandb):
    """The history keys, summary and config that W&B reads from a real run."""
    hint_counts = f"protocol.hint_counts={COUNTS}".replace(" ", "")
    options = ["model=spreadnet", "logger=wandb", "trainer.val_check_interval=1", hint_counts]
    result = here(tmp_path_factory.mktemp("logged"), "train", *tiny, *options)
    assert result.status == 0, result.err
    [file] = result.run.glob("wandb/offline-run-*/run-*.wandb")
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(file)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    records = [json.loads(line).get("history", {}).get("item", {}) for line in lines]
    shown = inspect_wandb(result.run)
    return {"history": {name for record in records for name in record}, **shown}


def value_at(tree, path):
    """Return the value at a dotted path; keys may contain dots themselves."""
    if not path:
        return tree
    for key in tree:
        if path == key or path.startswith(f"{key}."):
            return value_at(tree[key], path[len(key) + 1 :])
    raise KeyError(path)


def exists(logged, accessor):
    """Whether a run has a column or axis of W&B: `summary:...`, or `config:KEY.value...`."""
    section, _, name = accessor.partition(":")
    if section == "run":
        return name == "displayName"
    if section == "config":
        top, _, rest = name.partition(".value")
        return not isinstance(value_at(logged["config"][top], rest.lstrip(".")), dict)
    return isinstance(value_at(logged["summary"], name), int | float)


def find(tree, key):
    """Yield all values of a key at any depth."""
    if isinstance(tree, dict):
        for name, value in tree.items():
            yield from [value] if name == key else []
            yield from find(value, key)
    elif isinstance(tree, list):
        for value in tree:
            yield from find(value, key)


@pytest.mark.parametrize("page", ["workspace", "report"])
def test_runs_log_everything_that_panels_show(command, logged, page):
    shown = command(
        "dashboard", "--dry-run", "--json", "--by", "choices.lr_schedule", "--by", "model.propagation_steps"
    )
    sent = json.loads(shown.out)[page]
    lines = [each for each in find(sent, "config") if isinstance(each, dict) and "metrics" in each]
    assert {(each["xAxis"], *each["metrics"]) for each in lines} == {
        ("hints/count", "hints/psnr"), ("hints/count", "hints/ssim"), ("hints/count", "hints/ciede2000"),
        ("trainer/global_step", "train/loss"), ("trainer/global_step", "train/lr"),
        ("trainer/global_step", "train/images_per_second"), ("trainer/global_step", "train/data_wait"),
        ("trainer/global_step", "train/grad_norm"), ("trainer/global_step", "train/gpu_memory_gb"),
        ("trainer/global_step", "val/psnr"), ("_runtime", "val/psnr"), ("_runtime", "trainer/global_step"),
    }  # fmt: skip
    shown = {name for each in lines for name in (each["xAxis"], *each["metrics"])}
    assert shown - {"train/gpu_memory_gb"} <= logged["history"], "that is logged on a GPU only"
    media = {key for keys in find(sent, "mediaKeys") for key in keys}
    assert media == {"pictures/test", "pictures/strip"}
    assert {logged["summary"][key]["_type"] for key in media} == {"image-file", "images/separated"}
    [axes] = [[column["accessor"] for column in columns] for columns in find(sent, "columns")]
    assert axes == ["config:choices.value.lr_schedule", "config:model.value.propagation_steps", f"summary:{BEST_PSNR}"]
    assert all(exists(logged, axis) for axis in axes)
    for columns in find(sent, "columnOrder"):
        assert columns[:2] == ["run:displayName", f"summary:{BEST_PSNR}"]
        figures = [f"summary:test/{figure}@{count}" for figure in ("psnr", "ssim", "ciede2000") for count in COUNTS]
        assert columns[2:20] == figures
        assert all(exists(logged, column) for column in columns)
    for keys in find(sent, "sort"):
        assert keys == {"keys": [{"key": {"section": "summary", "name": BEST_PSNR}, "ascending": False}]}


def test_default_keys_are_logged(command, logged):
    sent = json.loads(command("dashboard", "--dry-run", "--json").out)
    [axes] = [[column["accessor"] for column in columns] for columns in find(sent["workspace"], "columns")]
    assert len(axes) == 8
    assert all(exists(logged, axis) for axis in axes)


@pytest.mark.parametrize("name", sweep_names())
def test_sweeps_are_compared_by_their_parameters(command, name):
    shown = command("dashboard", "--dry-run", "--json", "--sweep", name, "--entity", "team", "--project", "photos")
    assert shown.status == 0, shown.err
    sent = json.loads(shown.out)
    space = read_sweep(name, []).space
    for page in ("workspace", "report"):
        filters = [each["filters"] for each in find(sent[page], "filters") if isinstance(each, dict)]
        wanted = {"key": {"section": "run", "name": "group"}, "op": "=", "value": f"sweep/{name}", "disabled": False}
        assert filters
        assert all(each == [wanted] for each in filters)
        [columns] = find(sent[page], "columns")
        keys = [column["accessor"].removeprefix("config:").replace(".value", "", 1) for column in columns[:-1]]
        assert keys == [wandb_key(parameter, each) for parameter, each in space.items()]
        logarithmic = [key for key, column in zip(keys, columns, strict=False) if column.get("log")]
        assert logarithmic == [key for key in keys if key == "optimizer.lr"]
    assert sent["report"]["displayName"] == sent["workspace"]["displayName"] == f"Chromahint sweep {name}"
    assert (sent["workspace"]["entity"], sent["workspace"]["project"]) == ("team", "photos")
    assert sent["report"]["project"] == {"name": "photos", "entityName": "team"}


def test_report_panels_do_not_overlap(command):
    sent = json.loads(command("dashboard", "--dry-run", "--json").out)["report"]
    for grid in find(sent, "panelBankSectionConfig"):
        places = [panel["layout"] for panel in grid["panels"]]
        cells = [(x, y) for p in places for x in range(p["x"], p["x"] + p["w"]) for y in range(p["y"], p["y"] + p["h"])]
        assert len(cells) == len(set(cells))
        assert max((x for x, _ in cells), default=0) < 24


def test_outline_lists_everything():
    said = dashboard_outline(plan_dashboard("photos", None, "unet", [0, 10], ["choices.loss"]))
    for part in (
        "your account/photos", "group unet", "test/psnr@10", "test/ssim@0", "choices.loss",
        "hints/psnr over hints/count", "pictures/test by run", "train/loss",
    ):  # fmt: skip
        assert part in said
    assert "all runs" in dashboard_outline(plan_dashboard("photos", "team", None, [0], ["seed"]))


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_dry_run_opens_no_connection(offline, form):
    done = offline("dashboard", "--sweep", "spreadnet", "--dry-run", *form)
    assert done.returncode == 0, done.stderr
    assert "hints/psnr" in done.stdout
    assert "sweep/spreadnet" in done.stdout


def test_missing_api_key_is_explained(offline):
    done = offline("dashboard")
    assert done.returncode == 2
    for part in ("wandb login", "WANDB_API_KEY", "chromahint dashboard --dry-run", "chromahint report"):
        assert part in done.stderr


def test_missing_extra_is_explained(offline):
    without_extra = "sys.modules['wandb_workspaces'] = None"
    done = offline("dashboard", "--dry-run", "--json", before=without_extra)
    assert done.returncode == 2
    assert "pip install 'chromahint[dashboard]'" in done.stderr
    assert offline("dashboard", "--dry-run", before=without_extra).returncode == 0


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["--json"], ["--dry-run --json"]),
        (["--by", "model.widht", "--dry-run"], ["model.widht", "choices.loss"]),
        (["--by", "model", "--dry-run"], ["--by model", "choices.loss"]),
        (["--sweep", "spreadnat", "--dry-run"], ["Did you mean spreadnet?"]),
        (["protocol.hint_counts", "--dry-run"], ["not key=value"]),
    ],
)
def test_invalid_arguments_are_an_error_with_advice(command, words, parts):
    shown = command("dashboard", *words)
    assert shown.status == 2
    for part in parts:
        assert part in shown.err


def test_overrides_and_group_are_applied(command):
    shown = command(
        "dashboard", "--dry-run", "protocol.hint_counts=[0,5]", "logger.wandb.project=mine", "--group", "multirun/now"
    )
    assert "test/psnr@5" in shown.out
    assert "test/psnr@10" not in shown.out
    assert "your account/mine" in shown.out
    assert "multirun/now" in shown.out


@pytest.mark.parametrize(
    ("objective", "best_score", "ascending"),
    [("val/psnr@10", "val/psnr@10.max", False), ("val/ciede2000", "val/ciede2000.min", True)],
)
def test_runs_are_sorted_by_the_objective_of_their_sweep(command, tmp_path, objective, best_score, ascending):
    sweep = tmp_path / "mine.yaml"
    sweep.write_text(
        f"objective: {objective}\ntrials: 4\nspace:\n  optimizer.lr: {{low: 0.001, high: 0.01, log: true}}\n"
    )
    sent = json.loads(command("dashboard", "--dry-run", "--json", "--sweep", str(sweep)).out)
    for keys in find(sent, "sort"):
        assert keys == {"keys": [{"key": {"section": "summary", "name": best_score}, "ascending": ascending}]}
    for columns in find(sent, "columns"):
        assert columns[-1]["accessor"] == f"summary:{best_score}"
