"""Experiments of several runs: each run is trained once, and compared with the others and with baselines."""

import csv
import json
import shutil

import pytest
import torch
import yaml
from PIL import Image

from chromahint.launch import experiment
from chromahint.launch.comparison import ComparisonRow, comparison_markdown
from chromahint.launch.experiment import read_plan
from chromahint.models.pullpush import PullPush
from chromahint.runs.run import Run
from chromahint.training.train import main as train_run

RUNS = {
    # an epoch has 3 batches of 2: the first step accumulates two batches, the second step one
    "accumulated": ["model=unet", "trainer.accumulate_grad_batches=2"],
    "broken": ["model=unet", "optimizer.lr=1.0e+30", "trainer.gradient_clip_val=null"],
    "other": ["model=resunet", "seed=1"],
}


def write_plan(folder, plan, name="mine"):
    """Write an experiment into the current folder."""
    (folder / "experiments" / name).mkdir(parents=True, exist_ok=True)
    (folder / "experiments" / name / "plan.yaml").write_text(yaml.safe_dump(plan, sort_keys=False))
    (folder / "experiments" / name / "config.yaml").write_text("# @package _global_\n")


@pytest.fixture(scope="module", autouse=True)
def in_this_process():
    """Train in this process; tests/test_experiments.py trains in separate processes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiment, "launch_and_wait", lambda run, processes: train_run([str(run.path)]))
        yield


@pytest.fixture(scope="module")
def words(tmp_path_factory, make_photos, tiny):
    folder = tmp_path_factory.mktemp("splits")
    for seed, (split, count) in enumerate({"train": 6, "val": 2, "test": 3}.items()):
        make_photos(folder / split, count, seed=seed)
    return [*(word for word in tiny if not word.startswith("model=")), f"data.root={folder}"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory, here, words):
    """The result of three runs, of which one fails. Don't change it."""
    folder = tmp_path_factory.mktemp("plan")
    write_plan(folder, {"runs": RUNS, "baselines": ["pullpush", "gray"]})
    return here(folder, "experiment", "mine", *words)


@pytest.fixture
def copied(finished, tmp_path):
    """A copy of its folder."""
    shutil.copytree(finished.folder, tmp_path, dirs_exist_ok=True)
    return tmp_path


def runs(folder):
    return {name: next((folder / "runs/mine").glob(f"*/{name}")) for name in RUNS}


def comparison(folder):
    return next((folder / "runs/mine").glob("*/comparison"))


def rows(folder):
    """The two tables of table.md: {name of the network: {heading: cell}}."""
    found = []
    for block in (comparison(folder) / "table.md").read_text().split("\n\n"):
        if block.startswith("|"):
            headings, _, *lines = [[c.strip() for c in line.strip("|").split("|")] for line in block.splitlines()]
            found.append({cells[0]: dict(zip(headings, cells, strict=True)) for cells in lines})
    return found


def test_other_runs_continue_if_one_fails(finished):
    assert finished.status == 1
    states = {name: Run(run).metadata["state"] for name, run in runs(finished.folder).items()}
    assert states == {"accumulated": "finished", "broken": "failed", "other": "finished"}
    broken = runs(finished.folder)["broken"]
    assert f"failed: {broken.relative_to(finished.folder)}: {Run(broken).metadata['error']}" in finished.out
    assert finished.out.count("failed: ") == 1


def test_tables_contain_the_scores_of_each_run(finished):
    psnr, ssim = rows(finished.folder)
    assert list(psnr) == list(ssim) == ["accumulated", "other", "pullpush", "gray"]
    for name in ("accumulated", "other"):
        measured = json.loads((runs(finished.folder)[name] / "evaluation/random_pixels/metrics.json").read_text())
        assert list(measured["by_hints"]) == ["0", "1", "10"]
        for count, figures in measured["by_hints"].items():
            assert psnr[name][count] == f"{figures['psnr']:.2f}"
            assert ssim[name][count] == f"{figures['ssim']:.4f}"


def test_baselines_are_measured_on_the_same_images_and_hints(finished):
    psnr, _ = rows(finished.folder)
    # every run measures pull-push, too, on its own test images
    measured = runs(finished.folder)["other"] / "evaluation/random_pixels/baselines/pullpush"
    for count, figures in json.loads((measured / "metrics.json").read_text())["by_hints"].items():
        assert psnr["pullpush"][count] == f"{figures['psnr']:.2f}"
    assert [psnr["gray"][key] for key in ("parameters", "steps", "images seen", "minutes")] == ["0", "-", "-", "-"]
    with (comparison(finished.folder) / "baselines/pullpush/images.csv").open() as file:
        assert {row["image"] for row in csv.DictReader(file)} == {
            "test/photo-0.png",
            "test/photo-1.png",
            "test/photo-2.png",
        }


def test_time_per_image_is_the_mean_over_images_and_hints(finished):
    seconds = json.loads((comparison(finished.folder) / "metrics.json").read_text())["networks"]["other"]["seconds"]
    with (runs(finished.folder)["other"] / "evaluation/random_pixels/timings.csv").open() as file:
        each = [float(row["seconds"]) for row in csv.DictReader(file)]
    assert len(each) == 9
    assert seconds == pytest.approx(sum(each) / 9)


def test_cost_is_that_recorded_by_the_run(finished):
    psnr, _ = rows(finished.folder)
    assert [psnr[name]["steps"] for name in ("accumulated", "other")] == ["2", "2"]
    assert [psnr[name]["images seen"] for name in ("accumulated", "other")] == ["6", "4"]
    for name in ("accumulated", "other"):
        saved = torch.load(runs(finished.folder)[name] / "checkpoints/last.ckpt", weights_only=True)
        state = {key: value for key, value in saved["state_dict"].items() if key.startswith("network.")}
        entry = json.loads((comparison(finished.folder) / "metrics.json").read_text())["networks"][name]
        assert entry["minutes"] * 60 == pytest.approx(saved["callbacks"]["TrainingLimits"]["elapsed"])
        assert 0 < entry["parameters"] <= sum(value.numel() for value in state.values())
        assert psnr[name]["parameters"] == f"{entry['parameters']:,}"


def test_paths_of_table_figure_and_image_are_printed(finished):
    folder = comparison(finished.folder).relative_to(finished.folder)
    for label, file in (("table", "table.md"), ("figure", "psnr_by_hints.png"), ("picture", "strip.png")):
        assert f"{label}: {folder / file}" in " ".join(finished.out.split())
    for name in ("psnr_by_hints.png", "strip.png"):
        with Image.open(comparison(finished.folder) / name) as image:
            assert len(image.convert("RGB").getcolors(2**24)) > 100, "the image is not empty"


def test_finished_runs_are_not_repeated(copied, here, words, monkeypatch):
    before = (comparison(copied) / "table.md").read_text()
    ended = {name: Run(run).metadata["ended"] for name, run in runs(copied).items() if name != "broken"}
    monkeypatch.setattr(PullPush, "forward", lambda *_: pytest.fail("evaluated again"))
    monkeypatch.setattr("chromahint.launch.comparison.sample_grid", lambda *_: torch.zeros(4, 4, 3).byte().numpy())
    again = here(copied, "experiment", "mine", *words)
    assert again.status == 1, "one has failed, again"
    assert again.out.count("finished: ") == 2
    assert {name: Run(runs(copied)[name]).metadata["ended"] for name in ended} == ended
    assert (comparison(copied) / "table.md").read_text() == before


def test_interrupted_run_is_resumed(copied, here, words):
    write_plan(copied, {"runs": {name: own for name, own in RUNS.items() if name != "broken"}})
    other = Run(runs(copied)["other"])
    other.update_metadata(state="interrupted")
    result = here(copied, "experiment", "mine", *words)
    assert result.status == 0, result.err
    assert other.metadata["state"] == "finished"
    assert len(other.metadata["resumed"]) == 1
    assert list(rows(copied)[0]) == ["accumulated", "other"], "baselines are optional"


def test_run_of_an_earlier_plan_is_not_compared(copied, here, words):
    write_plan(copied, {"runs": RUNS | {"other": ["model=resunet", "seed=2"]}, "baselines": ["pullpush", "gray"]})
    result = here(copied, "experiment", "mine", *words)
    assert result.status == 2
    assert f"{runs(copied)['other'].relative_to(copied)}: was made with different data, seed." in result.err


def test_runs_with_different_images_are_not_compared(copied, here, words):
    file = next((copied / "runs/mine").glob("*/other/evaluation/random_pixels/images.csv"))
    lines = file.read_text().splitlines()
    file.write_text("\n".join([lines[0], *(line.replace(line.split(",")[1], "0" * 32) for line in lines[1:])]))
    result = here(copied, "experiment", "mine", *words)
    assert result.status == 2
    assert "accumulated and other were evaluated on different images" in result.err


def test_table_of_a_run_and_a_baseline():
    metrics = {"protocol": "p", "size": [8, 8], "images": 1, "by_hints": {"1966": {"psnr": 1.005, "ssim": 0.5}}}
    text = comparison_markdown(
        {"a": ComparisonRow(metrics, 0.0456, 1_000_000, 2000, 30_000, 9.96), "b": ComparisonRow(metrics, 0.0)}
    )
    assert "| network | parameters | steps | images seen | minutes | ms per image | 1,966 |" in text
    assert "| a | 1,000,000 | 2,000 | 30,000 | 10.0 | 46 | " in text
    assert "| b | 0 | - | - | - | 0 | " in text


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ({"stages": 3}, "stages is 3"),
        ({"runs": {}}, "runs is {}"),
        ({"stages": {"a": []}, "runs": {"b": []}}, "not a plan"),
        ({"stages": {"a": []}, "baselines": ["gray"]}, "not a plan"),
        ({"runs": {"a": "model=unet"}}, "a is 'model=unet'"),
        ({"runs": {"a": [{"model": "unet"}]}}, "a is [{'model': 'unet'}]"),
        ({"runs": {"a/b": ["model=unet"]}}, "'a/b' is not a valid name in runs"),
        ({"runs": {"comparison": ["model=unet"]}}, "'comparison' is not a valid name in runs"),
        ({"runs": {"gray": ["model=unet"]}, "baselines": ["gray"]}, "'gray' is not a valid name in runs"),
        ({"runs": {"a": []}, "baselines": ["pulpush"]}, "Did you mean pullpush?"),
        ({"runs": {"a": []}, "baselines": "gray"}, "baselines is 'gray'"),
        ({"runs": {"a": []}, "baselines": ["unet"]}, "unet has to be trained first"),
        ({"runs": {"a": ["model=nte"]}}, "model=nte"),
        ({"runs": {"a": ["model=pullpush"]}}, "no parameters to train"),
        ({"runs": {"a": [], "b": ["protocol=cells_2023"]}}, "a, b: differ in"),
        ({"runs": {"a": [], "b": ["data.max_images=3"]}}, "a, b: differ in data"),
        ([], "not a plan"),
        ("runs", "not a plan"),
    ],
)
def test_invalid_plan(command, tmp_path, plan, message):
    write_plan(tmp_path, plan)
    result = command("experiment", "mine", "data=scenes")
    assert result.status == 2
    assert message in result.err
    assert "Traceback" not in result.err
    assert not (tmp_path / "runs").exists()


def test_override_of_what_the_plan_sets(command, tmp_path):
    write_plan(tmp_path, {"runs": {"a": ["model=unet"]}})
    result = command("experiment", "mine", "model=resunet")
    assert result.status == 2
    assert "model=resunet: the plan sets this itself" in result.err


def test_order_of_a_plan(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_plan(tmp_path, {"stages": {"b": ["hints=none"], "a": ["seed=1"]}})
    plan = read_plan("mine")
    assert list(plan.stages.items()) == [("b", ["hints=none"]), ("a", ["seed=1"])]
    assert plan.chained
    assert plan.chosen_groups == {"hints"}
