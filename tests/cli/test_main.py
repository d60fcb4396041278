"""The command line: help, lists, and the messages for mistakes."""

import argparse
import json
import shutil

import pytest
import torch
from PIL import Image

from chromahint import __version__
from chromahint.cli import models
from chromahint.cli.main import build_parser, parse
from chromahint.config.paths import list_groups
from chromahint.models import registry

NAMES = next(list(each.choices) for each in build_parser()._actions if isinstance(each, argparse._SubParsersAction))


def assert_error(result, *parts):
    """Assert exit status 2 and a message that contains all parts, without a traceback."""
    assert result.status == 2, result.out + result.err
    assert result.err.lstrip().startswith("Error: ")
    assert "Traceback" not in result.err
    for part in parts:
        assert part in result.err
    return result


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["help"]])
def test_overview_lists_every_command(command, words):
    shown = command(*words)
    assert shown.status == 0
    for name in set(NAMES) - {"sweep trial"}:
        assert f"\n    {name} " in shown.out.replace("\n" + " " * 20, " ")


def test_version(command):
    assert command("--version").out == f"chromahint {__version__}\n"


@pytest.mark.parametrize("name", ["train", "evaluate"])
def test_help_lists_groups_choices_and_defaults(command, name):
    shown = command(name, "--help")
    assert shown.status == 0
    lines = {line.split()[0]: line for line in shown.out.splitlines() if line.startswith("  ")}
    for group in ("model", "data", "protocol"):
        for choice in list_groups()[group]:
            assert choice in lines[group]
    assert "[scenes]" in lines["data"]


def test_help_of_train_lists_experiments_and_all_groups(command):
    shown = command("train", "-m", "-h").out
    for part in ("[spreadnet]", "hscaunet_2022", "smoke", "[log_uniform]", "callbacks"):
        assert part in shown


@pytest.mark.parametrize("name", NAMES)
def test_every_command_has_help(command, name):
    shown = command(*name.split(), "--help")
    assert shown.status == 0
    assert shown.out.startswith(f"usage: chromahint {name} ")


@pytest.mark.parametrize("words", [["data", "--help"], ["hints", "-h"]])
def test_help_of_an_incomplete_name_lists_its_commands(command, words):
    shown = command(*words)
    assert shown.status == 0
    assert f"`chromahint {words[0]} " in shown.out


@pytest.mark.parametrize(
    "words",
    ["-m model=a,b seed=0,1 --n-jobs 2", "model=a,b -m --n-jobs 2 seed=0,1", "model=a,b seed=0,1 --n-jobs=2 -m"],
)
def test_options_may_stand_anywhere(words):
    arguments = parse(["train", *words.split()])
    assert (arguments.multirun, arguments.n_jobs) == (True, 2)
    assert arguments.overrides == ["model=a,b", "seed=0,1"]


def test_models_as_json(models_as_json):
    entries = {entry["name"]: entry for entry in models_as_json}
    assert set(entries) == set(list_groups()["model"])
    assert entries["unet"]["parameters"] == 31_038_274
    assert entries["gray"]["parameters"] == 0


def test_models_are_listed(command, models_as_json, monkeypatch):
    counted = [registry.ModelSummary(**entry) for entry in models_as_json]
    monkeypatch.setattr(registry, "list_models", lambda targets: [each for each in counted if each.name in targets])
    shown = command("models")
    assert shown.status == 0
    for name in list_groups()["model"]:
        assert name in shown.out


def test_hints_preview_writes_an_image(command, photos, tmp_path):
    words = ["--photos", photos, "--sampler", "points", "--size", "64", "--output", "x/y.png"]
    shown = command("hints", "preview", *words)
    assert shown.status == 0
    assert (tmp_path / shown.out.strip()).stat().st_size > 1000


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["trian"], ["trian: unknown command", "train, resume, tune", "Did you mean train?"]),
        (["fit"], ["fit: unknown command", "Did you mean train?"]),
        (["eval", "ckpt_path=last.ckpt"], ["eval: unknown command", "Did you mean evaluate?"]),
        (["test"], ["test: unknown command", "Did you mean evaluate?"]),
        (["train", "unet"], ["unet: not key=value", "chromahint train --help"]),
        (["train", "--model=unet"], ["unrecognized arguments: --model=unet", "chromahint train --help"]),
        (["train", "--trainer.max_epochs", "3"], ["--trainer.max_epochs", "KEY=VALUE, without dashes"]),
        (["train", "-cn", "mine"], ["--config-name: there is one configuration", "experiment=NAME"]),
        (["train", "--config", "mine.yaml"], ["--config: there is one configuration", "experiment=NAME"]),
        (["train", "resume=runs/x"], ["resume=runs/x: ", "Type `chromahint resume RUN`."]),
        (["train", "tune=lr"], ["tune=lr: ", "`chromahint tune lr`"]),
        (["train", "ckpt_path=last.ckpt"], ["`chromahint resume RUN`", "`chromahint train weights=FILE`"]),
        (["train", "hparams_search=optuna"], ["Type `chromahint sweep NAME`."]),
        (["train", "-m", "status=runs/x"], ["status=runs/x: ", "Type `chromahint status FOLDER`."]),
        (["train", "-m", "n_jobs=2"], ["n_jobs=2: ", "--n-jobs N"]),
        (["train", "--n-jobs", "2"], ["--n-jobs 2: is for several runs. Add -m"]),
        (["data"], ["chromahint data check", "chromahint data pack", "chromahint data clean-cache"]),
        (["resume"], ["the following arguments are required: RUN. See `chromahint resume --help`."]),
        (["data", "shrink"], ["data shrink: unknown command"]),
        (["sweep"], ["hscaunet, hyperparameters_2021"]),
        (["benchmark"], ["chromahint benchmark NAME", "equal_budget"]),
        (["sweep", "hscaunet", "n_trials=3"], ["n_trials=3: unknown option of a sweep. Did you mean trials?"]),
        (["sweep", "seed=1"], ["the name of the sweep is missing"]),
        (["train", "model=unett"], ["model=unett", "Did you mean unet?"]),
        (
            ["train", "model.optimizer.lr=1"],
            ["model.optimizer.lr: unknown option of model", "Did you mean optimizer.lr?"],
        ),
        (["train", "logger=csv"], ["logger=csv: unknown logger", "metrics.csv is always written"]),
        (["train", "model=HSCAUNet"], ["Did you mean hscaunet?"]),
        (["train", "optimizer=adamW"], ["Did you mean adamw?"]),
        (["train", "model=[unet]"], ["model=['unet']: unknown model"]),
        (["train", "experiment=[a]"], ["experiment=['a']: unknown experiment"]),
        (
            ["train", "~logger"],
            ["~logger: groups are neither added nor removed. Use logger=NAME with one of mlflow, none"],
        ),
        (["train", "~experiment"], ["~experiment: groups are neither added nor removed", "hscaunet_2022"]),
        (["train", "+experiment=unet_2015"], ["+experiment=unet_2015: groups are neither added nor removed"]),
        (["train", "trainer.gpus=1"], ["trainer.gpus: unknown option", "Did you mean devices?"]),
        (["train", "epochs=1"], ["epochs: unknown option", "Did you mean trainer.max_epochs?"]),
        (["train", "learning_rate=1"], ["Did you mean optimizer.lr?"]),
        (["train", "optimizer.learning_rate=1"], ["Did you mean lr?"]),
        (["train", "trainer.precision=half"], ["must be auto, 32-true, bf16-mixed, 16-mixed, 32, bf16, or 16. "]),
        (["train", "name=../x"], ["name=../x: must be a name within runs_dir"]),
        (["train", "name=/tmp/x"], ["name=/tmp/x: must be a name within runs_dir", "runs_dir=FOLDER"]),
        (["train", "model.widht=4"], ["model.widht", "Did you mean width?"]),
        (["train", "model=unet,resunet"], ["chromahint train -m model=unet,resunet"]),
        (["train", "data=folder"], ["data.root=VALUE"]),
        (["train", "data=folder", "data.root=nowhere"], ["data.root=nowhere: folder not found", "data.root=PATH"]),
        (["train", "loss=zhang"], ["color classes", "Try model=zhang2017"]),
        (["train", "model=gray"], ["model=gray: has no parameters to train", "chromahint evaluate model=gray"]),
        (["train", "model=pullpush"], ["model=pullpush: has no parameters to train"]),
        (["train", "weights=nowhere.ckpt"], ["weights=nowhere.ckpt: file not found", "none"]),
        (["train", "weights=."], ["weights=.: is a folder", "the path of a weights file"]),
        (["train", "model=multibranch", "model.branches=3"], ["model.branches=3", "a list [...]"]),
        (["train", "model=multibranch", "model.branches=[[2,0]]"], ["model.branches=[[2, 0]]", ">= 1"]),
        (["train", "model=icolorit", "model.width=194"], ["model.width=194", "Try model.width=192"]),
        (["evaluate", "model=levin", "model.solver=fast"], ["model.solver=fast: must be iterative or exact"]),
        (["experiment"], ["equal_budget, spreadnet, zhang_2017"]),
        (["train", "loss=psnr", "loss.max_psnr=0"], ["loss.max_psnr=0", "> 0"]),
        (["train", "loss.delta=-1"], ["loss.delta=-1", "> 0", "Try loss.delta=0.01."]),
        (["train", "hints.low=0.9"], ["hints.low"]),
        (["train", "lr_schedule.warmup_fraction=2"], ["lr_schedule.warmup_fraction=2", ">= 0 and < 1"]),
        (["train", "protocol.hint_counts=[10,1]"], ["protocol.hint_counts=[10, 1]", "ascending"]),
        (["train", "data.val_fraction=2", "data=folder", "data.root=."], ["data.val_fraction=2"]),
        (["train", "callbacks.ema.decay=1"], ["callbacks.ema.decay=1", "< 1"]),
        (["train", "-m", "model=unett,unet"], ["model=unett", "Did you mean unet?"]),
        (["train", "-m", "model=unet,gray"], ["model=gray: has no parameters to train"]),
        (["train", "-m", "seed=[0"], ["seed=[0", "key=value"]),
        (["train", "-m", "model=glob(*)"], ["model=gray: has no parameters to train"]),
        (["train", "-m", "seed=interval(0,1)"], ["seed=interval(0,1)"]),
        (
            ["train", "weights=pretrained", "model=unet"],
            ["weights=pretrained: UNet has no pretrained weights", "weights=none"],
        ),
        (["train", "weights=pretrained", "model.width=8"], ["model.width=8", "require model.width=16", "weights=none"]),
        (["evaluate", "model=null"], ["model=null: unknown model; choose one of", "spreadnet"]),
        (
            ["evaluate", "weights=pretrained", "model=unet"],
            ["weights=pretrained: UNet has no pretrained weights", "weights=none"],
        ),
        (
            ["evaluate", "model.width=32"],
            ["model.width=32", "require model.width=16", "weights=none", "chromahint train"],
        ),
        (["evaluate", "ckpt_path=last.ckpt"], ["`chromahint evaluate run=RUN`", "`chromahint evaluate weights=FILE`"]),
        (["evaluate", "run=nowhere"], ["nowhere: folder not found", "runs/NAME/DATE"]),
        (["evaluate", "run=."], [".: not a run folder", "runs/NAME/DATE"]),
        (["evaluate", "run=5"], ["5: folder not found"]),
        (["evaluate", "model=unett"], ["Did you mean unet?"]),
        (["evaluate", "model=unet,gray"], ["model=unet,gray"]),
        (["evaluate", "model=gray", "split=tset"], ["split=tset", "train, val, test, all"]),
        (["evaluate", "model=gray", "split=5"], ["split=5", "train, val, test, all"]),
        (["evaluate", "model=gray", "device=abacus"], ["device=abacus", "device=auto"]),
        (["evaluate", "model=gray", "batch_size=0"], ["batch_size=0", ">= 1"]),
        (["evaluate", "model=unet", "weights=nowhere"], ["weights=nowhere: file not found"]),
        (["evaluate", "weights=nowhere"], ["weights=nowhere: file not found"]),
        (["evaluate", "model.propagation_steps=-1"], ["model.propagation_steps=-1", "an integer >= 0"]),
        (["evaluate", "model=gray", "loss=mse"], ["loss"]),
        (["evaluate", "-m", "model=gray"], ["-m", "chromahint evaluate"]),
        (["models", "--bogus"], ["--bogus"]),
        (["hints"], ["chromahint hints preview"]),
        (["hints", "preview", "--sampler", "few"], ["few", "points"]),
        (["hints", "preview", "--photos", "nowhere"], ["--photos nowhere: folder not found"]),
        (["hints", "preview", "--size", "0"], ["--size 0: must be an integer >= 16"]),
    ],
)
def test_mistakes_are_reported_before_anything_is_written(command, tmp_path, words, parts):
    assert_error(command(*words), *parts)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("words", [["trainer=gpu"], ["trainer=ddp"], ["trainer.accelerator=gpu", "trainer.devices=2"]])
def test_missing_gpu(command, tmp_path, words):
    assert_error(command("train", *words), "no GPU", "Use trainer=cpu")
    assert list(tmp_path.iterdir()) == []


def test_weights_of_a_different_network(command, tiny, tmp_path):
    trained = command("train", *tiny, "model=unet")
    weights = trained.run / "checkpoints/best.ckpt"
    other = assert_error(command("train", *tiny, "model=hscaunet", f"weights={weights}"), str(weights), "model=unet")
    assert other.out == ""
    assert_error(command("evaluate", "model=resunet", "model.width=4", f"weights={weights}"), "model=unet")
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["unet"]
    again = command("train", *tiny, "model=unet", f"weights={weights}")
    assert again.status == 0, again.err


@pytest.mark.parametrize("content", [b"", b"not weights", b"PK\x03\x04 broken zip"])
def test_unreadable_weights(command, tmp_path, content):
    (tmp_path / "w.ckpt").write_bytes(content)
    assert_error(command("train", "weights=w.ckpt"), "w.ckpt", "cannot be read as weights")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("kind", ["empty", "broken"])
def test_folder_without_a_readable_image(command, tiny, tmp_path, kind):
    root = tmp_path / "photos"
    root.mkdir()
    if kind == "broken":
        for number in range(6):
            (root / f"{number}.jpg").write_text("not an image")
    result = assert_error(command("train", *tiny, f"data.root={root}"), str(root))
    if "run: " in result.out:
        assert json.loads((result.run / "run.json").read_text())["state"] == "failed"


def test_runs_dir_that_is_not_writable(command, tiny, tmp_path):
    (tmp_path / "taken").write_text("a file")
    assert_error(
        command("train", *tiny, "runs_dir=taken/runs"), "runs_dir=", "can't be written", "Pass runs_dir=FOLDER"
    )


@pytest.mark.parametrize("file", ["run.json", "config.yaml"])
def test_damaged_run(command, smoke_run, tmp_path, file):
    run = shutil.copytree(smoke_run, tmp_path / "run")
    (run / file).write_text("{[")
    assert_error(command("evaluate", f"run={run}"), file)


def test_run_of_another_version(command, smoke_run, tmp_path):
    run = shutil.copytree(smoke_run, tmp_path / "run")
    (run / "run.json").write_text(json.dumps(json.loads((run / "run.json").read_text()) | {"format": 1}))
    assert_error(command("evaluate", f"run={run}"), "another version")


def test_run_whose_network_is_missing(command, smoke_run, tmp_path):
    run = shutil.copytree(smoke_run, tmp_path / "run")
    text = (run / "config.yaml").read_text()
    (run / "config.yaml").write_text(text.replace("chromahint.models.spreadnet.SpreadNet", "nets_that_are_gone.Net"))
    assert_error(
        command("evaluate", f"run={run}", "--trust"), "nets_that_are_gone.Net", "module nets_that_are_gone not found"
    )


def test_run_whose_config_is_incomplete(command, smoke_run, tmp_path):
    run = shutil.copytree(smoke_run, tmp_path / "run")
    (run / "config.yaml").write_text("seed: 0\n")
    assert_error(command("evaluate", f"run={run}"), "config.yaml")


def test_run_without_weights(command, smoke_run, tmp_path):
    run = shutil.copytree(smoke_run, tmp_path / "run")
    shutil.rmtree(run / "checkpoints")
    assert_error(command("evaluate", f"run={run}"), "no checkpoint yet")


@pytest.mark.parametrize("words", [["model=unet"], ["model.width=8"], ["model=unet", "model.width=8"]])
def test_evaluating_a_run_with_another_network(command, smoke_run, words):
    assert_error(command("evaluate", f"run={smoke_run}", *words), "model")


def test_evaluating_a_run_with_other_weights(command, smoke_run):
    weights = smoke_run / "checkpoints/last.ckpt"
    assert_error(command("evaluate", f"run={smoke_run}", f"weights={weights}"), "eave out weights=")


@pytest.mark.parametrize("output", ["taken", "taken/below"])
def test_output_that_is_not_writable(command, photos, tmp_path, output):
    (tmp_path / "taken").write_text("a file")
    words = ["model=gray", "data=folder", f"data.root={photos}", "protocol.size=64", "protocol.hint_counts=[0]"]
    assert_error(command("evaluate", *words, f"output={output}"), "output=")
    assert (tmp_path / "taken").read_text() == "a file"


def test_ctrl_c_exits_without_traceback(command, monkeypatch):
    def stopped(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(models, "run", stopped)
    ended = command("models")
    assert ended.status == 130
    assert "Traceback" not in ended.err


def test_bugs_are_not_hidden(command, monkeypatch):
    def wrong(_):
        raise RuntimeError("a bug")

    monkeypatch.setattr(models, "run", wrong)
    with pytest.raises(RuntimeError, match="a bug"):
        command("models")


def test_python_m_chromahint(process, tmp_path):
    ended = process(tmp_path, "train", "model=unett")
    assert ended.status == 2
    assert ended.err.count("\n") == 1
    assert ended.out == ""


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["data=folder", "data.root=empty"], ["empty: no images found"]),
        (["data=folder", "data.root=few"], ["few: no images for val"]),
        (["data=packed", "data.root=empty"], ["not a pack", "chromahint data pack"]),
        (["data.shorter_side=64", "data.train_size=128"], ["data.shorter_side=64", "larger than the resized image"]),
        (["trainer=gpu"], ["PyTorch finds no GPU"]),
    ],
)
def test_faults_are_found_before_a_run_folder_is_made(command, tmp_path, words, parts):
    (tmp_path / "empty").mkdir()
    (tmp_path / "few").mkdir()
    Image.new("RGB", (64, 64), (200, 40, 40)).save(tmp_path / "few/red.png")
    if torch.cuda.is_available() and words == ["trainer=gpu"]:
        pytest.skip("there is a GPU")
    assert_error(command("train", "debug=smoke", *words), *parts)
    assert not (tmp_path / "runs").exists()
