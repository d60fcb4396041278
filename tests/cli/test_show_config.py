"""What users of Hydra type by habit: showing the configuration, and settings of Hydra itself."""

import re
from pathlib import Path

import pytest
import yaml

from chromahint.config.compose import compose
from chromahint.config.paths import list_groups, packaged_dir
from chromahint.launch.multirun import expand_grid


def test_cfg_prints_what_would_be_run(command):
    shown = command("train", "model=unet", "model.width=8", "--cfg", "job", "--resolve")
    assert shown.status == 0, shown.err
    assert yaml.safe_load(shown.out) == compose("train", ["model=unet", "model.width=8"]).config
    assert not (shown.folder / "runs").exists()


def test_interpolations_are_kept_without_resolve(command):
    assert "eval_size: ${protocol.size}" in command("train", "--cfg", "job").out


@pytest.mark.parametrize(("package", "expected"), [("optimizer.lr", 0.002), ("lr_schedule.warmup_fraction", 0.03)])
def test_package_prints_a_part(command, package, expected):
    shown = command("train", "--cfg", "job", "--package", package)
    assert shown.status == 0, shown.err
    assert yaml.safe_load(shown.out) == expected


def test_evaluate_shows_its_configuration(command):
    shown = command("evaluate", "model=pullpush", "-c", "job", "-p", "model")
    assert yaml.safe_load(shown.out) == {"_target_": "chromahint.models.pullpush.PullPush"}


def test_all_adds_the_choices(command):
    choices = yaml.safe_load(command("train", "model=unet", "--cfg", "all").out)["choices"]
    assert choices["model"] == "unet"
    assert choices["debug"] is None


def test_info_names_the_file_of_each_choice(command):
    lines = command("train", "model=unet", "experiment=spreadnet", "--info", "defaults").out.splitlines()
    files = dict(line.split(maxsplit=1) for line in lines if " " in line)
    assert files["experiment=spreadnet"] == str(packaged_dir("experiments") / "spreadnet/config.yaml")
    assert all(Path(file).is_file() for file in files.values())
    assert str(packaged_dir("conf")) in command("train", "--info", "config").out


def test_config_dir_takes_the_place_of_conf(command, tmp_path):
    (tmp_path / "mine/loss").mkdir(parents=True)
    (tmp_path / "mine/loss/gentle.yaml").write_text("_target_: chromahint.training.losses.Huber\ndelta: 0.7\n")
    assert command("train", "loss=gentle", "--cfg", "job").status == 2
    shown = command("train", "loss=gentle", "--config-dir", "mine", "--cfg", "job", "-p", "loss.delta")
    assert shown.out == "0.7\n"
    assert command("train", "loss=gentle", "--cfg", "job").status == 2, "the folder counts for one command"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--resolve"], "--resolve: shows a part of the configuration. Add --cfg job."),
        (["-p", "model"], "--package model: shows a part of the configuration. Add --cfg job."),
        (["--cfg", "job", "-p", "nothing"], "--package nothing: not in the configuration."),
        (["--config-dir", "nowhere"], "--config-dir nowhere: folder not found."),
        (["hydra.run.dir=out"], "hydra.run.dir=out: a run creates its own folder .* Use runs_dir=out"),
        (["hydra.sweep.dir=out"], "multirun creates its own folder .* Use runs_dir=out"),
        (["hydra/launcher=joblib"], "chromahint train -m --n-jobs N"),
        (["hydra/launcher=submitit_slurm"], "chromahint train -m launcher=slurm"),
        (["hydra/sweeper=optuna"], "chromahint sweep NAME"),
        (["hydra.verbose=true"], "Hydra's own settings can't be changed"),
        (["lr=0.1"], "lr: unknown option; .* Did you mean optimizer.lr"),
        (["batch_size=4"], "Did you mean data.batch_size"),
        (["hints.probabilities=[0.1]"], "It is an option of .*hints=pixels_2022"),
        (["optimizer.learning_rate=1"], "optimizer.learning_rate: unknown option of optimizer; choose one of"),
    ],
)
def test_habits_that_differ_are_answered(command, words, message):
    refused = command("train", *words)
    assert refused.status == 2
    assert re.search(message, refused.err), refused.err


def test_glob_selects_choices_of_a_group():
    found = expand_grid(["model=glob(*,exclude=[gray,levin,pullpush])", "seed=1"])
    baselines = {"gray", "levin", "pullpush"}
    assert found == [[f"model={name}", "seed=1"] for name in list_groups()["model"] if name not in baselines]
    with pytest.raises(ValueError, match="no choice matches; the choices are"):
        expand_grid(["model=glob(no_such_*)"])
    with pytest.raises(ValueError, match="seed is not a group"):
        expand_grid(["seed=glob(*)"])


def test_choice_range_and_shuffle_are_expanded():
    assert [words[0] for words in expand_grid(["seed=range(0,3)"])] == ["seed=0", "seed=1", "seed=2"]
    assert [words[0] for words in expand_grid(["model=choice(unet,resunet)"])] == ["model=unet", "model=resunet"]
    shuffled = [words[0] for words in expand_grid(["seed=shuffle(range(0,20))"])]
    assert sorted(shuffled) == sorted(f"seed={n}" for n in range(20))
    with pytest.raises(ValueError, match="`chromahint sweep NAME` searches intervals"):
        expand_grid(["optimizer.lr=interval(0.001,0.01)"])
