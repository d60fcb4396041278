"""Every experiment runs two steps through the real command, and is explained."""

from pathlib import Path

import pytest
import torch

from chromahint.config.compose import compose
from chromahint.config.instantiate import instantiate_node
from chromahint.launch.experiment import read_plan
from chromahint.runs.files import read_json
from chromahint.runs.run import open_run

FOLDER = Path(__file__).resolve().parents[1] / "experiments"
PLANS = sorted(file.parent.name for file in FOLDER.glob("*/plan.yaml"))
STAGES = [name for name in PLANS if read_plan(name).chained]
COMPARISONS = [name for name in PLANS if not read_plan(name).chained]
CONFIGS = sorted(file.parent.name for file in FOLDER.glob("*/config.yaml"))
FOLDERS = sorted(folder.name for folder in FOLDER.iterdir() if folder.is_dir())


def words_for(name, photos):
    words = ["debug=smoke", "data=folder", f"data.root={photos}", "logger=none", "trainer=cpu"]
    if "width" in compose("train", [f"experiment={name}", *words]).config["model"]:
        words.append("model.width=4")
    return words


@pytest.mark.parametrize("name", CONFIGS)
def test_runs_two_steps(name, command, photos, read_metrics):
    made = command("train", f"experiment={name}", *words_for(name, photos))
    assert made.status == 0, made.err
    assert made.run.parent.name == name
    assert len(read_metrics(made.run)["val/psnr"]) >= 1


@pytest.mark.parametrize("name", STAGES)
def test_stages_follow_each_other_and_are_not_run_twice(name, command, photos):
    made = command("experiment", name, *words_for(name, photos))
    assert made.status == 0, made.err
    runs = sorted((made.folder / "runs" / name).glob("*/*"))
    assert [run.name.partition("-")[2] for run in runs] == list(read_plan(name).jobs)
    assert all(open_run(run).metadata["state"] == "finished" for run in runs)
    weights = [open_run(run).config["weights"] for run in runs]
    assert weights == ["none", *(str(run.relative_to(made.folder) / "checkpoints/last.ckpt") for run in runs[:-1])]
    ended = [open_run(run).metadata["ended"] for run in runs]

    again = command("experiment", name, *words_for(name, photos))
    assert again.status == 0, again.err
    assert again.out.count("finished: ") == len(runs)
    assert [open_run(run).metadata["ended"] for run in runs] == ended

    open_run(runs[-1]).update_metadata(state="interrupted")
    onwards = command("experiment", name, *words_for(name, photos))
    assert onwards.status == 0, onwards.err
    assert len(open_run(runs[-1]).metadata["resumed"]) == 1


@pytest.mark.parametrize("name", COMPARISONS)
def test_runs_are_compared(name, command, photos):
    plan = read_plan(name)
    made = command("experiment", name, *words_for(name, photos))
    assert made.status == 0, made.err
    [folder] = (made.folder / "runs" / name).glob("*/comparison")
    assert sorted(file.parent.name for file in folder.parent.glob("*/run.json")) == sorted(plan.jobs)
    assert list(read_json(folder / "metrics.json")["networks"]) == [*plan.jobs, *plan.beside]


@pytest.mark.parametrize("name", COMPARISONS)
def test_networks_of_a_comparison_are_of_one_size(name):
    small = {"spreadnet": 274_560}  # what it is wider by does not help it
    for job, words in read_plan(name).jobs.items():
        config = compose("train", [f"experiment={name}", *words]).config
        with torch.device("meta"):
            network = instantiate_node(config["model"])
        assert sum(each.numel() for each in network.parameters()) == pytest.approx(small.get(job, 2e6), rel=0.2), job


def test_a_second_stage_trains_what_the_first_has_learned(command, photos):
    made = command("experiment", "zhang_2017", *words_for("zhang_2017", photos))
    first, second = (
        torch.load(run / "checkpoints/last.ckpt", weights_only=True)["state_dict"]
        for run in sorted((made.folder / "runs/zhang_2017").glob("*/*"))
    )
    # two steps with 1e-5 move a weight by no more than that each
    moved = max(float((second[name] - first[name]).abs().max()) for name in first if name.endswith("weight"))
    assert 0 < moved < 1e-4


def test_training_one_run_of_a_plan_says_what_makes_all(command, tiny):
    made = command("train", "experiment=equal_budget", *tiny)
    assert made.status == 0, made.err
    assert "chromahint experiment equal_budget\n" in made.out
    assert "chromahint experiment" not in command("train", "experiment=resunet_2021", *tiny).out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["zhang_2071"], "Did you mean zhang_2017?"),
        (["hscaunet_2022"], "no such plan"),
        (["zhang_2017", "weights=x.ckpt"], "a plan chooses that itself"),
        (["zhang_2017", "data=folder", "data.root=nowhere"], "nowhere"),
        (["zhang_2017", "model.width=x"], "model.width"),
    ],
)
def test_what_cannot_be_run_is_a_sentence(command, words, said):
    ended = command("experiment", *words)
    assert ended.status == 2
    assert said in ended.err
    assert "Traceback" not in ended.err
    assert not (ended.folder / "runs").exists()


@pytest.mark.parametrize("name", FOLDERS)
def test_is_explained_and_listed(name):
    text = (FOLDER / name / "README.md").read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert f"experiment={name}" in text or f"experiment {name}" in text, "its README.md shows the command"
    assert f"[{name}]({name}/README.md)" in (FOLDER / "README.md").read_text(encoding="utf-8")


def test_there_are_experiments():
    assert CONFIGS
