"""Which runs are found, which of them compare, and what is said of the others."""

import re
import shutil

import numpy as np
import pytest

from chromahint.report.load_runs import load_runs
from support.synthetic_runs import write_evaluation, write_run


def test_runs_below_a_folder_that_were_measured_alike_compare(group):
    found = load_runs([str(group)])
    assert set(found.runs) == {"good", "better", "bad", "elsewhere", "seeded", "failed"}
    assert set(found.measured) == {"good", "better", "bad"}
    assert found.title == "group"


def test_the_others_stand_apart_with_the_reason(group):
    apart = load_runs([str(group)]).apart
    assert set(apart) == {"elsewhere", "seeded", "failed"}
    assert apart["elsewhere"] == "measured on other photos: 20, of which the others have 0"
    assert apart["seeded"].startswith("measured with other hints")
    assert apart["failed"] == "has no evaluation; the run is failed: the disk was full"


def test_methods_beside_count_only_where_they_were_measured_on_the_same(group):
    assert set(load_runs([str(group)]).beside) == {"levin", "pullpush"}, "gray has a photo less"


def test_runs_can_be_named_one_by_one(group):
    found = load_runs([str(group / "good"), str(group / "bad"), str(group / "good")])
    assert list(found.measured) == ["good", "bad"]
    assert list(load_runs([str(group / "elsewhere")]).measured) == ["elsewhere"]


def test_figures_are_put_in_the_order_of_the_pictures_ids(tmp_path):
    psnr = write_run(tmp_path / "a", photos=12)
    table = tmp_path / "a/evaluation/random_pixels/images.csv"
    head, *rows = table.read_text().splitlines()
    table.write_text("\n".join([head, *reversed(rows)]) + "\n")
    found = load_runs([str(tmp_path)]).measured["a"]
    photos = [int(name.removeprefix("photo-").removesuffix(".png")) for name in found.images]
    assert photos == sorted(range(12), key=str)
    assert found.psnr == pytest.approx(psnr[:, photos])


def test_the_same_number_of_hints_at_another_size_is_another_protocol(group, tmp_path):
    shutil.copytree(group, tmp_path / "group")
    file = tmp_path / "group/bad/evaluation/random_pixels/metrics.json"
    file.write_text(file.read_text().replace("[64, 64]", "[128, 128]"))
    apart = load_runs([str(tmp_path)]).apart
    assert "random_pixels at 128x128" in apart["bad"]
    assert "the others by random_pixels at 64x64" in apart["bad"]


def test_of_two_evaluations_the_shared_one_is_taken_or_the_named_one(tmp_path):
    for number in range(2):
        write_run(tmp_path / f"{number}", number=number)
        write_evaluation(tmp_path / f"{number}/evaluation/on-photos", np.full((4, 5), 30.0 + number), "p")
    write_evaluation(tmp_path / "0/evaluation/a-first", np.full((4, 7), 10.0), "q")
    assert len(load_runs([str(tmp_path)], "on-photos").first.images) == 5
    assert set(load_runs([str(tmp_path)]).measured) == {"0", "1"}
    assert list(load_runs([str(tmp_path)], "a-first").measured) == ["0"]


@pytest.mark.parametrize("file", ["evaluation.json", "metrics.json", "images.csv"])
@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"protocol": 3}', "image,id,k\n1,2\n"])
def test_damaged_files_set_one_run_apart(tmp_path, file, content):
    for number in range(2):
        write_run(tmp_path / f"{number}", number=number)
    (tmp_path / "1/evaluation/random_pixels" / file).write_text(content)
    found = load_runs([str(tmp_path)])
    assert list(found.measured) == ["0"]
    assert "1/evaluation/random_pixels" in found.apart["1"]


def test_an_evaluation_that_was_cut_off_is_none(tmp_path):
    write_run(tmp_path / "a")
    write_run(tmp_path / "b")
    table = tmp_path / "b/evaluation/random_pixels/images.csv"
    table.write_text("\n".join(table.read_text().splitlines()[:-3]) + "\n")
    assert "its files do not belong together" in load_runs([str(tmp_path)]).apart["b"]


def test_figures_that_are_no_numbers_are_not_ranked(tmp_path):
    write_run(tmp_path / "a")
    write_run(tmp_path / "b")
    table = tmp_path / "b/evaluation/random_pixels/images.csv"
    table.write_text(re.sub(r"(photo-3,10,)[\d.]+", r"\1nan", table.read_text()))
    found = load_runs([str(tmp_path)])
    assert list(found.measured) == ["a"]
    assert "figures that are no numbers" in found.apart["b"]


def test_nothing_to_compare_is_said(tmp_path):
    with pytest.raises(ValueError, match="no such folder; type a run"):
        load_runs([str(tmp_path / "nowhere")])
    with pytest.raises(ValueError, match="is no run and has none below"):
        load_runs([str(tmp_path)])
    write_run(tmp_path / "a", evaluated=False)
    with pytest.raises(ValueError, match="none of 1 runs has an evaluation to compare.*chromahint evaluate run=RUN"):
        load_runs([str(tmp_path)])


def test_jobs_of_a_sweep_are_called_by_what_differs(tmp_path):
    for name in ("000-seed-0_network-unet", "001-seed-0_network-two_branches"):
        write_run(tmp_path / name, photos=3)
    assert list(load_runs([str(tmp_path)]).measured) == ["unet", "two_branches"]


def test_jobs_that_differ_in_much_are_called_by_their_number(tmp_path):
    for name in ("007-loss-mse_optimizer.lr-0.001_schedule-cosine", "011-loss-huber_optimizer.lr-0.01_schedule-cosine"):
        write_run(tmp_path / name, photos=3)
    assert list(load_runs([str(tmp_path)]).measured) == ["run 7", "run 11"]
