"""The command line: help, lists, and what a person reads who typed something that can't be done."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from chromahint import __version__
from chromahint.cli.main import COMMANDS
from chromahint.config.paths import list_groups


def refused(outcome, *parts):
    """Status 2 and one message with all these parts, and no traceback."""
    assert outcome.status == 2, outcome.out + outcome.err
    assert "Traceback" not in outcome.err
    for part in parts:
        assert part in outcome.err
    return outcome


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["help"]])
def test_overview_lists_every_command(command, words):
    shown = command(*words)
    assert shown.status == 0
    for name in COMMANDS:
        assert f"\n  {name} " in shown.out


def test_version(command):
    assert command("--version").out == f"chromahint {__version__}\n"


@pytest.mark.parametrize("name", ["train", "evaluate"])
def test_help_shows_groups_choices_and_defaults(command, name):
    shown = command(name, "--help")
    assert shown.status == 0
    lines = {line.split()[0]: line for line in shown.out.splitlines() if line.startswith("  ")}
    for group in ("model", "data", "protocol"):
        for choice in list_groups()[group]:
            assert choice in lines[group]
    assert "[scenes]" in lines["data"]


def test_help_of_train_shows_experiments_and_all_groups(command):
    shown = command("train", "-m", "-h").out
    for part in ("[spreadnet]", "hscaunet_2022", "smoke", "[log_uniform]", "callbacks"):
        assert part in shown


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_has_help(command, name):
    shown = command(name, "--help")
    assert shown.status == 0
    assert name in shown.out


def test_models_are_listed(command):
    shown = command("models")
    assert shown.status == 0
    for name in list_groups()["model"]:
        assert name in shown.out


def test_models_as_json(command):
    entries = {entry["name"]: entry for entry in json.loads(command("models", "--json").out)}
    assert set(entries) == set(list_groups()["model"])
    assert entries["unet"]["parameters"] == 31_038_274
    assert entries["gray"]["parameters"] == 0


def test_hints_preview_writes_a_picture(command, photos, tmp_path):
    shown = command(
        "hints", "preview", "--photos", photos, "--sampler", "points", "--size", "64", "--output", "x/y.png"
    )
    assert shown.status == 0
    assert (tmp_path / shown.out.strip()).stat().st_size > 1000


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["trian"], ["trian", "there is no such command", "train, experiment, sweep, evaluate"]),
        (["train", "unet"], ["unet: is not key=value", "chromahint train --help"]),
        (["train", "--model=unet"], ["--model=unet", "key=value"]),
        (["train", "model=unet", "-m"], ["-m", "chromahint train"]),
        (["train", "model=unett"], ["model=unett", "Did you mean unet?"]),
        (["train", "model.widht=4"], ["model.widht", "Did you mean width?"]),
        (["train", "model=unet,resunet"], ["chromahint train -m model=unet,resunet"]),
        (["train", "data=folder"], ["data.root=VALUE"]),
        (["train", "data=folder", "data.root=nowhere"], ["data.root=nowhere", "no such folder", "type data.root="]),
        (["train", "loss=zhang"], ["color classes", "type model=zhang2017"]),
        (["train", "model=gray"], ["Gray has nothing to train", "chromahint evaluate model="]),
        (["train", "model=pullpush"], ["PullPush has nothing to train", "chromahint evaluate model="]),
        (["train", "weights=nowhere.ckpt"], ["weights=nowhere.ckpt", "there is no such file", "none"]),
        (["train", "weights=."], ["weights=.: is a folder", "the path of a weights file"]),
        (["train", "model=multibranch", "model.branches=3"], ["model.branches=3", "a list [...]"]),
        (["train", "model=multibranch", "model.branches=[[2,0]]"], ["'model.branches=[[2,2],[1,1]]'"]),
        (["train", "model=icolorit", "model.width=194"], ["model.width=194", "Type for example model.width=192"]),
        (["evaluate", "model=levin", "model.solver=fast"], ["model.solver is iterative or exact"]),
        (["experiment"], ["equal_budget, zhang_2017"]),
        (["train", "loss=psnr", "loss.max_psnr=0"], ["loss.max_psnr=0", "above 0"]),
        (["train", "loss.delta=-1"], ["loss.delta", "above 0", "loss.delta=0.01"]),
        (["train", "hints.low=0.9"], ["hints.low"]),
        (["train", "lr_schedule.warmup_fraction=2"], ["lr_schedule.warmup_fraction", "from 0 to below 1"]),
        (["train", "protocol.hint_counts=[10,1]"], ["protocol.hint_counts=[10, 1]", "ascending"]),
        (["train", "data.val_fraction=2", "data=folder", "data.root=."], ["data.val_fraction=2"]),
        (["train", "callbacks.ema.decay=1"], ["callbacks.ema.decay=1", "below 1"]),
        (["train", "-m", "model=unett,unet"], ["model=unett", "Did you mean unet?"]),
        (["train", "-m", "model=unet,gray"], ["Gray has nothing to train"]),
        (["train", "-m", "seed=[0"], ["seed=[0", "key=value"]),
        (["train", "-m", "model=glob(*)"], ["model=glob(*)"]),
        (["train", "-m", "seed=interval(0,1)"], ["seed=interval(0,1)"]),
        (["train", "weights=pretrained", "model=unet"], ["weights=pretrained", "none for UNet", "weights=none"]),
        (["train", "weights=pretrained", "model.width=8"], ["model.width=8", "for model.width=16", "weights=none"]),
        (["evaluate", "model=null"], ["model=null: model is one of", "spreadnet"]),
        (["evaluate", "weights=pretrained", "model=unet"], ["weights=pretrained", "none for UNet", "weights=none"]),
        (["evaluate", "model.width=32"], ["model.width=32", "for model.width=16", "weights=none", "chromahint train"]),
        (["evaluate", "run=nowhere"], ["nowhere: folder not found", "runs/NAME/DATE"]),
        (["evaluate", "run=."], ["no run folder", "runs/NAME/DATE"]),
        (["evaluate", "run=5"], ["5: folder not found"]),
        (["evaluate", "model=unett"], ["Did you mean unet?"]),
        (["evaluate", "model=unet,gray"], ["model=unet,gray"]),
        (["evaluate", "model=gray", "split=tset"], ["split=tset", "train, val, test, all"]),
        (["evaluate", "model=gray", "split=5"], ["split=5", "train, val, test, all"]),
        (["evaluate", "model=gray", "device=abacus"], ["device=abacus", "type device=auto"]),
        (["evaluate", "model=gray", "batch_size=0"], ["batch_size=0", "from 1"]),
        (["evaluate", "model=unet", "weights=nowhere"], ["weights=nowhere", "no such file"]),
        (["evaluate", "weights=nowhere"], ["weights=nowhere", "no such file"]),
        (["evaluate", "model.propagation_steps=-1"], ["model.propagation_steps=-1", "a whole number from 0"]),
        (["evaluate", "model=gray", "loss=mse"], ["loss"]),
        (["evaluate", "-m", "model=gray"], ["-m", "chromahint evaluate"]),
        (["models", "--bogus"], ["--bogus"]),
        (["hints"], ["what"]),
        (["hints", "preview", "--sampler", "few"], ["few", "points"]),
        (["hints", "preview", "--photos", "nowhere"], ["nowhere", "not a folder"]),
        (["hints", "preview", "--size", "0"], ["size"]),
    ],
)
def test_refused_before_anything_is_made(command, tmp_path, words, parts):
    refused(command(*words), *parts)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("words", [["trainer=gpu"], ["trainer=ddp"], ["trainer.accelerator=gpu", "trainer.devices=2"]])
def test_a_gpu_that_is_not_there(command, tmp_path, words):
    refused(command("train", *words), "no GPU", "type trainer=cpu")
    assert list(tmp_path.iterdir()) == []


def test_weights_of_another_network(command, tiny, tmp_path):
    made = command("train", *tiny, "model=unet")
    weights = made.run / "checkpoints/best.ckpt"
    other = refused(command("train", *tiny, "model=hscaunet", f"weights={weights}"), str(weights), "type model=unet")
    assert other.out == ""
    refused(command("evaluate", "model=resunet", "model.width=4", f"weights={weights}"), "type model=unet")
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["unet"]
    again = command("train", *tiny, "model=unet", f"weights={weights}")
    assert again.status == 0, again.err


@pytest.mark.parametrize("content", [b"", b"not weights", b"PK\x03\x04 broken zip"])
def test_weights_that_are_none(command, tmp_path, content):
    (tmp_path / "w.ckpt").write_bytes(content)
    refused(command("train", "weights=w.ckpt"), "w.ckpt", "can't be read as weights")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("kind", ["empty", "broken"])
def test_a_folder_without_a_single_picture(command, tiny, tmp_path, kind):
    root = tmp_path / "photos"
    root.mkdir()
    if kind == "broken":
        for number in range(6):
            (root / f"{number}.jpg").write_text("not a picture")
    made = refused(
        command("train", *tiny, f"data.root={root}"), str(root), "data.root" if kind == "broken" else "No pict"
    )
    about = json.loads((made.run / "run.json").read_text()) if "run: " in made.out else {"state": "failed"}
    assert about["state"] == "failed"


def test_runs_that_cannot_be_written(command, tiny, tmp_path):
    (tmp_path / "taken").write_text("a file")
    refused(command("train", *tiny, "runs_dir=taken/runs"), "runs_dir=", "cannot be written", "type runs_dir=FOLDER")


@pytest.mark.parametrize("file", ["run.json", "config.yaml"])
def test_a_damaged_run(command, smoke_run, tmp_path, file):
    run = shutil.copytree(smoke_run, tmp_path / "run")
    (run / file).write_text("{[")
    refused(command("evaluate", f"run={run}"), file)


def test_a_run_of_a_later_version(command, smoke_run, tmp_path):
    run = shutil.copytree(smoke_run, tmp_path / "run")
    (run / "run.json").write_text(json.dumps(json.loads((run / "run.json").read_text()) | {"format": 2}))
    refused(command("evaluate", f"run={run}"), "format 2", "format 1")


def test_a_run_whose_network_is_gone(command, smoke_run, tmp_path):
    run = shutil.copytree(smoke_run, tmp_path / "run")
    text = (run / "config.yaml").read_text()
    (run / "config.yaml").write_text(text.replace("chromahint.models.spreadnet.SpreadNet", "nets_that_are_gone.Net"))
    refused(command("evaluate", f"run={run}"), "nets_that_are_gone.Net", "no Python module")


def test_a_run_whose_config_lacks_a_part(command, smoke_run, tmp_path):
    run = shutil.copytree(smoke_run, tmp_path / "run")
    (run / "config.yaml").write_text("seed: 0\n")
    refused(command("evaluate", f"run={run}"), "config.yaml")


def test_a_run_without_weights(command, smoke_run, tmp_path):
    run = shutil.copytree(smoke_run, tmp_path / "run")
    shutil.rmtree(run / "checkpoints")
    refused(command("evaluate", f"run={run}"), "no checkpoint yet")


@pytest.mark.parametrize("words", [["model=unet"], ["model.width=8"], ["model=unet", "model.width=8"]])
def test_a_run_brings_its_own_network(command, smoke_run, words):
    refused(command("evaluate", f"run={smoke_run}", *words), "model")


def test_a_run_brings_its_own_weights(command, smoke_run):
    weights = smoke_run / "checkpoints/last.ckpt"
    refused(command("evaluate", f"run={smoke_run}", f"weights={weights}"), "leave out weights=")


@pytest.mark.parametrize("output", ["taken", "taken/below"])
def test_an_output_that_cannot_be_written(command, photos, tmp_path, output):
    (tmp_path / "taken").write_text("a file")
    words = ["model=gray", "data=folder", f"data.root={photos}", "protocol.size=64", "protocol.hint_counts=[0]"]
    refused(command("evaluate", *words, f"output={output}"), "output=", "type output=")
    assert (tmp_path / "taken").read_text() == "a file"


def test_a_keyboard_interrupt_is_no_error(command, monkeypatch):
    def stopped(_):
        raise KeyboardInterrupt

    monkeypatch.setitem(COMMANDS, "models", stopped)
    ended = command("models")
    assert ended.status == 130
    assert "Traceback" not in ended.err


def test_an_unforeseen_error_is_not_hidden(command, monkeypatch):
    def wrong(_):
        raise RuntimeError("a bug")

    monkeypatch.setitem(COMMANDS, "models", wrong)
    with pytest.raises(RuntimeError, match="a bug"):
        command("models")


def test_python_m_chromahint_is_the_command(process, tmp_path):
    ended = process(tmp_path, "train", "model=unett")
    assert ended.status == 2
    assert ended.err.count("\n") == 1
    assert ended.out == ""
    assert Path(tmp_path).exists()
