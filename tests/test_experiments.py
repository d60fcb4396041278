"""Every experiment runs two steps with the command, and has a README."""

import shutil
from pathlib import Path

import pytest
import torch

from chromahint.config.compose import compose
from chromahint.config.instantiate import instantiate_node
from chromahint.launch import experiment
from chromahint.launch.experiment import read_plan
from chromahint.launch.launcher import run_training
from chromahint.runs.files import read_json
from chromahint.runs.run import open_run

pytestmark = pytest.mark.usefixtures("no_figures")

FOLDER = Path(__file__).resolve().parents[1] / "experiments"
PLANS = sorted(file.parent.name for file in FOLDER.glob("*/plan.yaml"))
CHAINED = [name for name in PLANS if read_plan(name).chained]
COMPARISONS = [name for name in PLANS if not read_plan(name).chained]
CONFIGS = sorted(file.parent.name for file in FOLDER.glob("*/config.yaml"))
FOLDERS = sorted(folder.name for folder in FOLDER.iterdir() if folder.is_dir())


def smoke_overrides(name, photos):
    overrides = ["debug=smoke", "data=folder", f"data.root={photos}", "logger=none", "trainer=cpu"]
    config = compose("train", [f"experiment={name}", *overrides]).config
    if "width" in config["model"] and config["weights"] == "none":
        overrides.append("model.width=4")
    if name in CHAINED:
        overrides.append("optimizer.lr=0.00001")
    return overrides


@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGS)
def test_config_trains(name, command, photos, read_metrics):
    result = command("train", f"experiment={name}", *smoke_overrides(name, photos))
    assert result.status == 0, result.err
    assert result.run.parent.name == name
    assert len(read_metrics(result.run)["val/psnr"]) >= 1


@pytest.fixture(scope="module", params=CHAINED)
def finished_stages(request, here, photos, tmp_path_factory):
    """The name of an experiment with stages, and a folder in which it has finished. Make a copy to change it."""
    folder = tmp_path_factory.mktemp("stages")
    result = here(folder, "experiment", request.param, *smoke_overrides(request.param, photos))
    assert result.status == 0, result.err
    return request.param, folder


def stage_runs(name, folder):
    return sorted((folder / "runs" / name).glob("*/*"))


@pytest.mark.slow
def test_stages_are_chained(finished_stages):
    name, folder = finished_stages
    runs = stage_runs(name, folder)
    assert [run.name.partition("-")[2] for run in runs] == list(read_plan(name).stages)
    assert all(open_run(run).metadata["state"] == "finished" for run in runs)
    weights = [open_run(run).config["weights"] for run in runs]
    assert weights == ["none", *(str(run.relative_to(folder) / "checkpoints/last.ckpt") for run in runs[:-1])]


def test_second_stage_starts_from_the_weights_of_the_first(finished_stages):
    name, folder = finished_stages
    first, second = (
        torch.load(run / "checkpoints/last.ckpt", weights_only=True)["state_dict"]
        for run in stage_runs(name, folder)[:2]
    )
    change = max(float((second[key] - first[key]).abs().max()) for key in first if key.endswith("weight"))
    # with the learning rate of the smoke test, 1e-5, two steps move a weight by at most 2e-5
    assert 0 < change < 1e-4


def test_rerun_skips_finished_stages_and_resumes_others(finished_stages, command, photos, tmp_path):
    name, folder = finished_stages
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    runs = stage_runs(name, tmp_path)
    ended = [open_run(run).metadata["ended"] for run in runs]
    result = command("experiment", name, *smoke_overrides(name, photos))
    assert result.status == 0, result.err
    assert result.out.count("finished: ") == len(runs)
    assert [open_run(run).metadata["ended"] for run in runs] == ended

    open_run(runs[-1]).update_metadata(state="interrupted")
    result = command("experiment", name, *smoke_overrides(name, photos))
    assert result.status == 0, result.err
    assert len(open_run(runs[-1]).metadata["resumed"]) == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", COMPARISONS)
def test_runs_are_compared(name, command, photos, monkeypatch):
    monkeypatch.setattr(experiment, "launch_and_wait", run_training)  # in this process, which is faster
    plan = read_plan(name)
    result = command("experiment", name, *smoke_overrides(name, photos))
    assert result.status == 0, result.err
    [folder] = (result.folder / "runs" / name).glob("*/comparison")
    assert sorted(file.parent.name for file in folder.parent.glob("*/run.json")) == sorted(plan.stages)
    assert list(read_json(folder / "metrics.json")["networks"]) == [*plan.stages, *plan.baselines]


@pytest.mark.parametrize("name", COMPARISONS)
def test_compared_networks_are_of_similar_size(name):
    exceptions = {"spreadnet": 4_137_488}  # most of it sees the photo at 128x128 pixels only
    for run, overrides in read_plan(name).stages.items():
        config = compose("train", [f"experiment={name}", *overrides]).config
        with torch.device("meta"):
            network = instantiate_node(config["model"])
        size = sum(parameter.numel() for parameter in network.parameters())
        assert size == pytest.approx(exceptions.get(run, 2e6), rel=0.2), run


def test_training_one_run_of_a_plan_mentions_the_whole_experiment(command, tiny):
    result = command("train", "experiment=equal_budget", *tiny)
    assert result.status == 0, result.err
    assert "chromahint experiment equal_budget\n" in result.out
    assert "chromahint experiment" not in command("train", "experiment=resunet_2021", *tiny).out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["zhang_2071"], "Did you mean zhang_2017?"),
        (["hscaunet_2022"], "hscaunet_2022: unknown experiment"),
        (["zhang_2017", "weights=x.ckpt"], "the plan sets this itself"),
        (["zhang_2017", "data=folder", "data.root=nowhere"], "nowhere"),
        (["zhang_2017", "model.width=x"], "model.width"),
    ],
)
def test_invalid_arguments_are_an_error_with_advice(command, arguments, message):
    result = command("experiment", *arguments)
    assert result.status == 2
    assert message in result.err
    assert "Traceback" not in result.err
    assert not (result.folder / "runs").exists()


@pytest.mark.parametrize("name", FOLDERS)
def test_readme_shows_the_command_and_is_linked(name):
    text = (FOLDER / name / "README.md").read_text(encoding="utf-8")
    assert text.startswith("# ")
    if name in {*CONFIGS, *PLANS}:
        assert f"experiment={name}" in text or f"experiment {name}" in text, "README.md lacks the command"
    else:
        assert "chromahint benchmark" in text, "README.md lacks the command"
    assert f"[{name}]({name}/README.md)" in (FOLDER / "README.md").read_text(encoding="utf-8")


def test_experiments_exist():
    assert CONFIGS
