"""Which runs are found, which are comparable, and why others are excluded."""

import json
import re
import shutil

import numpy as np
import pytest

from chromahint.report.clicks import click_statistics
from chromahint.report.load_runs import load_runs
from support.synthetic_runs import CLICKS, content_of, write_evaluation, write_run


def test_runs_with_the_same_evaluation_are_compared(group):
    found = load_runs([str(group)])
    assert set(found.runs) == {"good", "better", "bad", "elsewhere", "seeded", "failed"}
    assert set(found.evaluations) == {"good", "better", "bad"}
    assert found.title == "group"


def test_other_runs_are_excluded_with_a_reason(group):
    excluded = load_runs([str(group)]).excluded
    assert set(excluded) == {"elsewhere", "seeded", "failed"}
    assert excluded["elsewhere"] == "evaluated on different images: 20, of which 0 are shared with the others"
    assert excluded["seeded"].startswith("evaluated with different hints")
    assert excluded["failed"] == "has no evaluation; the run is failed: the disk was full"


def test_baselines_need_the_same_evaluation(group):
    assert set(load_runs([str(group)]).baselines) == {"levin", "pullpush"}, "gray has one image fewer"


def test_runs_can_be_listed_individually(group):
    found = load_runs([str(group / "good"), str(group / "bad"), str(group / "good")])
    assert list(found.evaluations) == ["good", "bad"]
    assert list(load_runs([str(group / "elsewhere")]).evaluations) == ["elsewhere"]


def test_scores_are_sorted_by_image_id(tmp_path):
    psnr = write_run(tmp_path / "a", photos=12)
    table = tmp_path / "a/evaluation/random_pixels/images.csv"
    head, *rows = table.read_text().splitlines()
    table.write_text("\n".join([head, *reversed(rows)]) + "\n")
    found = load_runs([str(tmp_path)]).evaluations["a"]
    photos = [int(name.removeprefix("photo-").removesuffix(".png")) for name in found.image_names]
    assert photos == sorted(range(12), key=str)
    assert found.scores["psnr"] == pytest.approx(psnr[:, photos])


def test_evaluation_at_another_size_is_excluded(group, tmp_path):
    shutil.copytree(group, tmp_path / "group")
    file = tmp_path / "group/bad/evaluation/random_pixels/metrics.json"
    file.write_text(file.read_text().replace("[64, 64]", "[128, 128]"))
    excluded = load_runs([str(tmp_path)]).excluded
    assert "random_pixels at 128x128" in excluded["bad"]
    assert "the others by random_pixels at 64x64" in excluded["bad"]


def test_shared_or_named_evaluation_is_selected(tmp_path):
    for number in range(2):
        write_run(tmp_path / f"{number}", number=number)
        write_evaluation(tmp_path / f"{number}/evaluation/on-photos", np.full((4, 5), 30.0 + number), "p")
    write_evaluation(tmp_path / "0/evaluation/a-first", np.full((4, 7), 10.0), "q")
    assert len(load_runs([str(tmp_path)], "on-photos").reference.image_names) == 5
    assert set(load_runs([str(tmp_path)]).evaluations) == {"0", "1"}
    assert list(load_runs([str(tmp_path)], "a-first").evaluations) == ["0"]


def write_with_counts(folder, hint_counts, psnr=30.0, name="random_pixels"):
    """Write a run with one score at every hint count, plus a hundredth of the count."""
    if not folder.exists():
        write_run(folder, evaluated=False)
    scores = np.full((len(hint_counts), 5), psnr) + np.array(hint_counts)[:, None] / 100
    model = {"_target_": "chromahint.models.unet.UNet", "width": 4}
    write_evaluation(folder / "evaluation" / name, scores, model=model, hint_counts=hint_counts)


def test_runs_are_compared_at_the_hint_counts_that_they_share(tmp_path, command):
    write_with_counts(tmp_path / "a", [0, 1, 10, 100], 30.0)
    write_with_counts(tmp_path / "b", [0, 1, 10, 100], 31.0)
    write_with_counts(tmp_path / "c", [1, 5, 10], 32.0)
    found = load_runs([str(tmp_path)])
    assert {name: result.hint_counts for name, result in found.evaluations.items()} == {name: [1, 10] for name in "abc"}
    assert found.left_out_counts == [0, 5, 100]
    best = command("best", tmp_path, "--json")
    # the mean over 1 and 10 hints
    expected = {"c": 32.055, "b": 31.055, "a": 30.055}
    assert {row["name"]: row["psnr"] for row in json.loads(best.out)["ranking"]} == pytest.approx(expected)
    assert "excluded: 0, 5, 100 hints: only some of the runs were evaluated with them" in best.err
    assert command("report", tmp_path, "-o", tmp_path / "report.html", "--gallery", "0").status == 0
    page = content_of(tmp_path / "report.html")
    assert (page["hint_counts"], page["excluded_hint_counts"]) == ([1, 10], [0, 5, 100])
    assert np.array(page["scores"]["psnr"]["mean"])[:, :2] == pytest.approx(
        np.array([[32.01, 32.1], [31.01, 31.1], [30.01, 30.1]])
    )


def test_run_without_a_shared_hint_count_is_excluded(tmp_path):
    for name in "ab":
        write_with_counts(tmp_path / name, [0, 1, 10])
    write_with_counts(tmp_path / "c", [0, 7])
    found = load_runs([str(tmp_path)])
    assert list(found.evaluations) == ["a", "b"]
    assert found.excluded == {"c": "evaluated with 0, 7 hints; the others with 0, 1, 10"}


def test_evaluation_of_a_run_with_most_shared_hint_counts_is_compared(tmp_path):
    for name in "ab":
        write_with_counts(tmp_path / name, [0, 1, 10])
    write_with_counts(tmp_path / "c", [1], name="a-first")
    write_with_counts(tmp_path / "c", [0, 1, 10, 50])
    found = load_runs([str(tmp_path)])
    assert [result.hint_counts for result in found.evaluations.values()] == [[0, 1, 10]] * 3
    assert found.left_out_counts == [50]


@pytest.mark.parametrize("baseline_counts", [[0, 1], [0, 1, 3, 10]])
def test_baselines_need_all_compared_hint_counts(tmp_path, baseline_counts):
    write_with_counts(tmp_path / "a", [0, 1, 10])
    scores = np.full((len(baseline_counts), 5), 25.0)
    write_evaluation(tmp_path / "comparison/baselines/levin", scores, hint_counts=baseline_counts)
    baselines = load_runs([str(tmp_path)]).baselines
    assert [result.hint_counts for result in baselines.values()] == [[0, 1, 10]] * (10 in baseline_counts)


def test_fewer_clicks_are_compared_with_more(tmp_path):
    """A photo that needs more clicks than were made everywhere counts as not reached."""
    for name, clicks in (("a", 50), ("b", 20)):
        write_run(tmp_path / name, evaluated=False)
        psnr = 20 + 0.3 * np.arange(clicks + 1)[:, None] + np.zeros((1, 6))
        write_evaluation(tmp_path / name / "evaluation/clicks", psnr, protocol="clicks", clicks=clicks)
    found = load_runs([str(tmp_path)])
    assert [result.all_counts for result in found.evaluations.values()] == [list(range(21))] * 2
    statistics = click_statistics(found.evaluations)
    assert statistics["largest"] == 20
    means = {each["target"]: each["mean"] for each in statistics["targets"]}
    assert means == {26.0: [20, 20], 28.0: [21, 21], 30.0: [21, 21], 32.0: [21, 21]}


@pytest.mark.parametrize("file", ["evaluation.json", "metrics.json", "images.csv"])
@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"protocol": 3}', "image,id,k\n1,2\n"])
def test_damaged_files_exclude_only_their_run(tmp_path, file, content):
    for number in range(2):
        write_run(tmp_path / f"{number}", number=number)
    (tmp_path / "1/evaluation/random_pixels" / file).write_text(content)
    found = load_runs([str(tmp_path)])
    assert list(found.evaluations) == ["0"]
    assert "1/evaluation/random_pixels" in found.excluded["1"]


def test_a_damaged_evaluation_leaves_the_others_of_its_run(tmp_path):
    for number in range(2):
        write_run(tmp_path / f"{number}", number=number)
        write_evaluation(tmp_path / f"{number}/evaluation/other", np.full((4, 5), 20.0), "q")
    (tmp_path / "1/evaluation/other/metrics.json").write_text("{}")
    found = load_runs([str(tmp_path)])
    assert set(found.evaluations) == {"0", "1"}
    assert list(found.excluded) == ["1/evaluation/other"]


def test_incomplete_evaluation_is_excluded(tmp_path):
    write_run(tmp_path / "a")
    write_run(tmp_path / "b")
    table = tmp_path / "b/evaluation/random_pixels/images.csv"
    table.write_text("\n".join(table.read_text().splitlines()[:-3]) + "\n")
    assert "its files are incomplete or inconsistent" in load_runs([str(tmp_path)]).excluded["b"]


def test_nan_scores_are_excluded(tmp_path):
    write_run(tmp_path / "a")
    write_run(tmp_path / "b")
    table = tmp_path / "b/evaluation/random_pixels/images.csv"
    table.write_text(re.sub(r"(photo-3,10,0,)[\d.]+", r"\1nan", table.read_text()))
    found = load_runs([str(tmp_path)])
    assert list(found.evaluations) == ["a"]
    assert "NaN or infinite scores" in found.excluded["b"]


def test_means_leave_colorless_photos_out(tmp_path):
    psnr = write_run(tmp_path / "a", colorless=(3, 7))
    write_run(tmp_path / "b", number=1, colorless=(3, 7))
    found = load_runs([str(tmp_path)])
    assert found.left_out == {"id-photo-3", "id-photo-7"}
    result = found.evaluations["a"]
    assert len(result.key.image_ids) == 20
    photos = [int(name.removeprefix("photo-").removesuffix(".png")) for name in result.image_names]
    assert sorted(photos) == sorted(set(range(20)) - {3, 7})
    assert result.scores["psnr"] == pytest.approx(psnr[:, photos])
    for row, count in enumerate(result.hint_counts):
        assert result.scores["ciede2000"][row].mean() == pytest.approx(
            result.metrics["by_hints"][str(count)]["ciede2000"]
        )


def test_published_protocols_keep_colorless_photos(tmp_path):
    write_run(tmp_path / "a", colorless=(3, 7), keep_colorless=True)
    found = load_runs([str(tmp_path)])
    assert found.left_out == set()
    assert len(found.reference.image_names) == 20


def test_only_colorless_photos_are_an_error(tmp_path):
    write_run(tmp_path / "a", photos=3, colorless=(0, 1))
    assert len(load_runs([str(tmp_path)]).reference.image_names) == 1
    table = tmp_path / "a/evaluation/random_pixels/images.csv"
    table.write_text(re.sub(r"^(photo-2.png,id-photo-2,\d+),0", r"\1,1", table.read_text(), flags=re.M))
    file = tmp_path / "a/evaluation/random_pixels/metrics.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"images": 0}))
    with pytest.raises(ValueError, match="all images are colorless"):
        load_runs([str(tmp_path)])


def test_format_1_is_comparable_with_format_2(tmp_path):
    write_run(tmp_path / "old", format=1)
    assert load_runs([str(tmp_path)]).metrics == ["psnr", "ssim"]
    write_run(tmp_path / "new", number=1, colorless=(5,))
    found = load_runs([str(tmp_path)])
    assert set(found.evaluations) == {"old", "new"}
    assert found.metrics == ["psnr", "ssim"]
    assert all("photo-5.png" not in result.image_names for result in found.evaluations.values())


def test_later_format_is_excluded_with_a_reason(tmp_path):
    write_run(tmp_path / "a")
    write_run(tmp_path / "b", number=1)
    file = tmp_path / "b/evaluation/random_pixels/metrics.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"format": 3}))
    assert "has format 3, but this version reads formats 1 and 2" in load_runs([str(tmp_path)]).excluded["b"]


def test_run_of_another_version_is_excluded_with_a_reason(tmp_path):
    write_run(tmp_path / "a")
    write_run(tmp_path / "b", number=1, format=1)
    file = tmp_path / "b/run.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"format": 1}))
    assert "written by another version of Chromahint" in load_runs([str(tmp_path)]).excluded["b"]


def test_every_click_is_read_but_reported_counts_rank(tmp_path):
    psnr = write_run(tmp_path / "a", protocol="clicks")
    result = load_runs([str(tmp_path)]).evaluations["a"]
    assert result.hint_counts == CLICKS
    assert result.all_counts == list(range(51))
    assert result.all_scores["psnr"].mean(1) == pytest.approx(psnr.mean(1))
    assert result.scores["psnr"].mean(1) == pytest.approx(psnr[CLICKS].mean(1))


def test_nothing_to_compare_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="folder not found. Pass a run folder"):
        load_runs([str(tmp_path / "nowhere")])
    with pytest.raises(ValueError, match="contains no run"):
        load_runs([str(tmp_path)])
    write_run(tmp_path / "a", evaluated=False)
    with pytest.raises(
        ValueError, match="none of 1 runs has an evaluation to compare. Run chromahint evaluate run=RUN"
    ):
        load_runs([str(tmp_path)])


def test_sweep_jobs_are_labeled_by_what_differs(tmp_path):
    for name in ("000-seed-0_network-unet", "001-seed-0_network-two_branches"):
        write_run(tmp_path / name, photos=3)
    assert list(load_runs([str(tmp_path)]).evaluations) == ["unet", "two_branches"]


def test_jobs_with_long_names_are_labeled_by_number(tmp_path):
    for name in (
        "007-loss-mse_optimizer.lr-0.001_lr_schedule-cosine",
        "011-loss-huber_optimizer.lr-0.01_lr_schedule-cosine",
    ):
        write_run(tmp_path / name, photos=3)
    assert list(load_runs([str(tmp_path)]).evaluations) == ["run 7", "run 11"]
