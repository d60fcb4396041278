"""Runs that stand side by side: made once, compared with each other, and with what learns nothing."""

import csv
import json
import shutil

import pytest
import torch
import yaml
from PIL import Image

from chromahint.launch import experiment as command_file
from chromahint.launch.comparison import ComparisonRow, comparison_markdown
from chromahint.launch.experiment import read_plan
from chromahint.models.pullpush import PullPush
from chromahint.runs.run import Run
from chromahint.training.train import main as job

RUNS = {
    # an epoch has 3 batches of 2: the second step sums up one batch, the first two
    "summed": ["model=unet", "trainer.accumulate_grad_batches=2"],
    "broken": ["model=unet", "optimizer.lr=1.0e+30", "trainer.gradient_clip_val=null"],
    "other": ["model=resunet", "seed=1"],
}


def write_plan(folder, plan, name="mine"):
    """Write an experiment of one's own."""
    (folder / "experiments" / name).mkdir(parents=True, exist_ok=True)
    (folder / "experiments" / name / "plan.yaml").write_text(yaml.safe_dump(plan, sort_keys=False))
    (folder / "experiments" / name / "config.yaml").write_text("# @package _global_\n")


@pytest.fixture(scope="module", autouse=True)
def in_this_process():
    """Start jobs here: processes of their own are for tests/test_experiments.py."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command_file, "launch_and_wait", lambda run, processes: job([str(run.path)]))
        yield


@pytest.fixture(scope="module")
def words(tmp_path_factory, make_photos, tiny):
    folder = tmp_path_factory.mktemp("splits")
    for seed, (split, count) in enumerate({"train": 6, "val": 2, "test": 3}.items()):
        make_photos(folder / split, count, seed=seed)
    return [*tiny, f"data.root={folder}"]


@pytest.fixture(scope="module")
def made(tmp_path_factory, here, words):
    """What comes of three runs of which one fails. Read it only."""
    folder = tmp_path_factory.mktemp("plan")
    write_plan(folder, {"runs": RUNS, "baselines": ["pullpush", "gray"]})
    return here(folder, "experiment", "mine", *words)


@pytest.fixture
def copied(made, tmp_path):
    """A copy of that folder, to change."""
    shutil.copytree(made.folder, tmp_path, dirs_exist_ok=True)
    return tmp_path


def runs(folder):
    return {name: next((folder / "runs/mine").glob(f"*/{name}")) for name in RUNS}


def comparison(folder):
    return next((folder / "runs/mine").glob("*/comparison"))


def rows(folder):
    """The two tables of table.md: name of the network -> {heading: cell}."""
    found = []
    for block in (comparison(folder) / "table.md").read_text().split("\n\n"):
        if block.startswith("|"):
            headings, _, *lines = [[c.strip() for c in line.strip("|").split("|")] for line in block.splitlines()]
            found.append({cells[0]: dict(zip(headings, cells, strict=True)) for cells in lines})
    return found


def test_one_that_fails_leaves_the_others_and_is_named(made):
    assert made.status == 1
    states = {name: Run(run).metadata["state"] for name, run in runs(made.folder).items()}
    assert states == {"summed": "finished", "broken": "failed", "other": "finished"}
    broken = runs(made.folder)["broken"]
    assert f"failed: {broken.relative_to(made.folder)}: {Run(broken).metadata['error']}" in made.out
    assert made.out.count("failed: ") == 1


def test_the_tables_hold_what_each_run_has_measured(made):
    psnr, ssim = rows(made.folder)
    assert list(psnr) == list(ssim) == ["summed", "other", "pullpush", "gray"]
    for name in ("summed", "other"):
        measured = json.loads((runs(made.folder)[name] / "evaluation/random_pixels/metrics.json").read_text())
        assert list(measured["by_hints"]) == ["0", "1", "10"]
        for count, figures in measured["by_hints"].items():
            assert psnr[name][count] == f"{figures['psnr']:.2f}"
            assert ssim[name][count] == f"{figures['ssim']:.4f}"


def test_what_learns_nothing_is_measured_on_the_same_photos_and_hints(made):
    psnr, _ = rows(made.folder)
    # every run measures pull-push too, on its own test photos
    measured = runs(made.folder)["other"] / "evaluation/random_pixels/baselines/pullpush"
    for count, figures in json.loads((measured / "metrics.json").read_text())["by_hints"].items():
        assert psnr["pullpush"][count] == f"{figures['psnr']:.2f}"
    assert [psnr["gray"][key] for key in ("parameters", "steps", "pictures seen", "minutes")] == ["0", "-", "-", "-"]
    with (comparison(made.folder) / "baselines/pullpush/images.csv").open() as file:
        assert {row["image"] for row in csv.DictReader(file)} == {
            "test/photo-0.png",
            "test/photo-1.png",
            "test/photo-2.png",
        }


def test_the_time_a_photo_takes_is_the_mean_over_photos_and_hints(made):
    seconds = json.loads((comparison(made.folder) / "metrics.json").read_text())["networks"]["other"]["seconds"]
    with (runs(made.folder)["other"] / "evaluation/random_pixels/images.csv").open() as file:
        each = [float(row["seconds"]) for row in csv.DictReader(file)]
    assert len(each) == 9
    assert seconds == pytest.approx(sum(each) / 9)


def test_what_was_spent_is_what_the_run_has_recorded(made):
    psnr, _ = rows(made.folder)
    assert [psnr[name]["steps"] for name in ("summed", "other")] == ["2", "2"]
    assert [psnr[name]["pictures seen"] for name in ("summed", "other")] == ["6", "4"]
    for name in ("summed", "other"):
        saved = torch.load(runs(made.folder)[name] / "checkpoints/last.ckpt", weights_only=True)
        state = {key: value for key, value in saved["state_dict"].items() if key.startswith("network.")}
        entry = json.loads((comparison(made.folder) / "metrics.json").read_text())["networks"][name]
        assert entry["minutes"] * 60 == pytest.approx(saved["callbacks"]["Limits"]["elapsed"])
        assert 0 < entry["parameters"] <= sum(value.numel() for value in state.values())
        assert psnr[name]["parameters"] == f"{entry['parameters']:,}"


def test_it_says_where_table_figure_and_picture_lie(made):
    folder = comparison(made.folder).relative_to(made.folder)
    for what, file in (("table", "table.md"), ("figure", "psnr_by_hints.png"), ("picture", "strip.png")):
        assert f"{what}: {folder / file}" in " ".join(made.out.split())
    for name in ("psnr_by_hints.png", "strip.png"):
        with Image.open(comparison(made.folder) / name) as picture:
            assert len(picture.convert("RGB").getcolors(2**24)) > 100, "something is drawn"


def test_again_trains_and_measures_nothing_anew(copied, here, words, monkeypatch):
    before = (comparison(copied) / "table.md").read_text()
    ended = {name: Run(run).metadata["ended"] for name, run in runs(copied).items() if name != "broken"}
    monkeypatch.setattr(PullPush, "forward", lambda *_: pytest.fail("measured again"))
    monkeypatch.setattr("chromahint.launch.comparison.sample_grid", lambda *_: torch.zeros(4, 4, 3).byte().numpy())
    again = here(copied, "experiment", "mine", *words)
    assert again.status == 1, "one has still failed"
    assert again.out.count("finished: ") == 2
    assert {name: Run(runs(copied)[name]).metadata["ended"] for name in ended} == ended
    assert (comparison(copied) / "table.md").read_text() == before


def test_an_interrupted_one_goes_on(copied, here, words):
    write_plan(copied, {"runs": {name: own for name, own in RUNS.items() if name != "broken"}})
    other = Run(runs(copied)["other"])
    other.update_metadata(state="interrupted")
    onwards = here(copied, "experiment", "mine", *words)
    assert onwards.status == 0, onwards.err
    assert other.metadata["state"] == "finished"
    assert len(other.metadata["resumed"]) == 1
    assert list(rows(copied)[0]) == ["summed", "other"], "a plan may compare runs alone"


def test_a_run_of_an_earlier_plan_is_not_mixed_in(copied, here, words):
    write_plan(copied, {"runs": RUNS | {"other": ["model=resunet", "seed=2"]}, "baselines": ["pullpush", "gray"]})
    ended = here(copied, "experiment", "mine", *words)
    assert ended.status == 2
    assert f"{runs(copied)['other'].relative_to(copied)}: was made with another data, seed;" in ended.err


def test_photos_that_have_changed_are_not_mixed_in(copied, here, words):
    made_of = next((copied / "runs/mine").glob("*/other/evaluation/random_pixels/images.csv"))
    lines = made_of.read_text().splitlines()
    made_of.write_text("\n".join([lines[0], *(line.replace(line.split(",")[1], "0" * 32) for line in lines[1:])]))
    ended = here(copied, "experiment", "mine", *words)
    assert ended.status == 2
    assert "summed and other were not measured on the same photos" in ended.err


def test_a_name_and_what_was_not_spent():
    metrics = {"protocol": "p", "size": [8, 8], "images": 1, "by_hints": {"1966": {"psnr": 1.005, "ssim": 0.5}}}
    text = comparison_markdown(
        {"a": ComparisonRow(metrics, 0.0456, 1_000_000, 2000, 30_000, 9.96), "b": ComparisonRow(metrics, 0.0)}
    )
    assert "| network | parameters | steps | pictures seen | minutes | ms a photo | 1,966 |" in text
    assert "| a | 1,000,000 | 2,000 | 30,000 | 10.0 | 46 | " in text
    assert "| b | 0 | - | - | - | 0 | " in text


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        ({"stages": 3}, "stages is 3"),
        ({"runs": {}}, "runs is {}"),
        ({"stages": {"a": []}, "runs": {"b": []}}, "is no plan"),
        ({"stages": {"a": []}, "baselines": ["gray"]}, "is no plan"),
        ({"runs": {"a": "model=unet"}}, "a is 'model=unet'"),
        ({"runs": {"a": [{"model": "unet"}]}}, "a is [{'model': 'unet'}]"),
        ({"runs": {"a/b": ["model=unet"]}}, "'a/b' cannot name one of the runs"),
        ({"runs": {"comparison": ["model=unet"]}}, "'comparison' cannot name one of the runs"),
        ({"runs": {"gray": ["model=unet"]}, "baselines": ["gray"]}, "'gray' cannot name one of the runs"),
        ({"runs": {"a": []}, "baselines": ["pulpush"]}, "Did you mean pullpush?"),
        ({"runs": {"a": []}, "baselines": "gray"}, "beside is 'gray'"),
        ({"runs": {"a": []}, "baselines": ["unet"]}, "unet has to be trained first"),
        ({"runs": {"a": ["model=nte"]}}, "model=nte"),
        ({"runs": {"a": ["model=pullpush"]}}, "nothing to train"),
        ({"runs": {"a": [], "b": ["protocol=cells_2023"]}}, "a and b differ in"),
        ({"runs": {"a": [], "b": ["data.max_images=3"]}}, "a and b differ in data"),
        ([], "is no plan"),
        ("runs", "is no plan"),
    ],
)
def test_a_plan_that_is_none_is_a_sentence(command, tmp_path, plan, said):
    write_plan(tmp_path, plan)
    ended = command("experiment", "mine", "data=scenes")
    assert ended.status == 2
    assert said in ended.err
    assert "Traceback" not in ended.err
    assert not (tmp_path / "runs").exists()


def test_what_runs_choose_is_left_to_them(command, tmp_path):
    write_plan(tmp_path, {"runs": {"a": ["model=unet"]}})
    ended = command("experiment", "mine", "model=resunet")
    assert ended.status == 2
    assert "model=resunet: a plan chooses that itself" in ended.err


def test_a_plan_is_read_in_order(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_plan(tmp_path, {"stages": {"b": ["hints=none"], "a": ["seed=1"]}})
    plan = read_plan("mine")
    assert list(plan.jobs.items()) == [("b", ["hints=none"]), ("a", ["seed=1"])]
    assert plan.chained
    assert plan.choices == {"hints"}
