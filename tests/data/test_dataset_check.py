"""`chromahint data check` reports sizes, near-gray images and unreadable files."""

import json

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def root(tmp_path):
    """Seven images of known sizes, one of them gray and one near-gray, and two files that are not images."""
    sizes = {"train": [(30, 20), (10, 50), (40, 40), (20, 30)], "val": [(8, 9), (100, 3), (60, 60)]}
    for split, split_sizes in sizes.items():
        (tmp_path / split).mkdir()
        for number, (width, height) in enumerate(split_sizes):
            noise = np.random.default_rng(number).integers(0, 256, (height, width, 3), dtype=np.uint8)
            if (split, number) == ("train", 1):
                noise[:] = noise[..., :1]
            if (split, number) == ("val", 2):
                noise[:] = 128 + noise // 200
            Image.fromarray(noise).save(tmp_path / split / f"{number}.png")
    (tmp_path / "train/empty.jpg").write_bytes(b"")
    (tmp_path / "val/[bold]text.png").write_text("not an image")
    return tmp_path


@pytest.fixture
def check(command):
    """`check(folder, ..., status=0)` runs `chromahint data check` and returns what it printed."""

    def run(*words, status=0):
        outcome = command("data", "check", *words)
        assert outcome.status == status, outcome.err
        return outcome.err if status == 2 else outcome.out

    return run


@pytest.mark.parametrize("workers", [0, 2])
def test_json_report(root, check, workers):
    report = json.loads(check(root, "--json", "--num-workers", workers, status=1))
    assert report["images"] == 9
    assert sum(split["images"] for split in report["splits"].values()) == 9
    assert report["splits"]["val"] == {
        "images": 4, "smallest": [8, 9], "median": [100, 3], "largest": [60, 60], "near_gray": 1, "broken": 1,
    }  # fmt: skip
    assert (report["smallest"], report["median"], report["largest"]) == ([8, 9], [20, 30], [60, 60])
    assert [image["path"] for image in report["near_gray"]] == ["train/1.png", "val/2.png"]
    assert report["near_gray"][0]["ab_range"] < 0.1 < report["near_gray"][1]["ab_range"] < 5
    assert report["broken"] == [
        {"path": "train/empty.jpg", "reason": "the file is empty"},
        {"path": "val/[bold]text.png", "reason": "not an image in a supported format"},
    ]


def test_only_listed_images_are_checked(root, check):
    (root / "t.txt").write_text("train/empty.jpg\nval/1.png\n")
    report = json.loads(check(root, "--json", "--num-workers", 0, "--test-list", "t.txt", status=1))
    assert report["splits"]["test"]["images"] == report["images"] == 2
    assert report["largest"] == [100, 3]


def test_table_report(root, check):
    out = check(root, status=1)
    row = next(line for line in out.splitlines() if line.strip().startswith("val"))
    assert row.split() == ["val", "4", "8x9", "100x3", "60x60", "1", "1"]
    assert "broken: val/[bold]text.png: not an image in a supported format" in out


def test_exit_status_is_0_without_broken_images(photos, check):
    assert "broken:" not in check(photos, "--num-workers", 0)


def test_long_lists_are_truncated_in_the_terminal(tmp_path, check):
    for number in range(30):
        (tmp_path / f"{number:02d}.png").write_text("not an image")
    out = check(tmp_path, "--num-workers", 0, status=1)
    assert out.count("broken: ") == 20
    assert "and 10 more" in out
    assert "--json" in out


def test_user_errors(tmp_path, check):
    assert "nowhere: folder not found" in check(tmp_path / "nowhere", status=2)
    assert "no images found" in check(tmp_path, status=2)
    assert "--num-workers" in check(tmp_path, "--num-workers", -1, status=2)
