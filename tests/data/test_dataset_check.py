"""`chromahint data check`: what it counts, measures and finds."""

import json

import numpy as np
import pytest
from PIL import Image

from chromahint.cli.data import main


@pytest.fixture
def root(tmp_path):
    """Seven pictures of known sizes, of which one is gray and one nearly, and two files that are none."""
    sizes = {"train": [(30, 20), (10, 50), (40, 40), (20, 30)], "val": [(8, 9), (100, 3), (60, 60)]}
    for split, of_split in sizes.items():
        (tmp_path / split).mkdir()
        for number, (width, height) in enumerate(of_split):
            noise = np.random.default_rng(number).integers(0, 256, (height, width, 3), dtype=np.uint8)
            if (split, number) == ("train", 1):
                noise[:] = noise[..., :1]
            if (split, number) == ("val", 2):
                noise[:] = 128 + noise // 200
            Image.fromarray(noise).save(tmp_path / split / f"{number}.png")
    (tmp_path / "train/empty.jpg").write_bytes(b"")
    (tmp_path / "val/[bold]text.png").write_text("no picture")
    return tmp_path


@pytest.mark.parametrize("workers", ["0", "2"])
def test_counts_and_measures(root, capsys, workers):
    assert main(["check", str(root), "--json", "--workers", workers]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["pictures"] == 9
    assert sum(split["pictures"] for split in found["splits"].values()) == 9
    assert found["splits"]["val"] == {
        "pictures": 4, "smallest": [8, 9], "median": [100, 3], "largest": [60, 60], "near_gray": 1, "broken": 1,
    }  # fmt: skip
    assert (found["smallest"], found["median"], found["largest"]) == ([8, 9], [20, 30], [60, 60])
    assert [each["path"] for each in found["near_gray"]] == ["train/1.png", "val/2.png"]
    assert found["near_gray"][0]["ab_range"] < 0.1 < found["near_gray"][1]["ab_range"] < 5
    assert found["broken"] == [
        {"path": "train/empty.jpg", "reason": "the file is empty"},
        {"path": "val/[bold]text.png", "reason": "not a picture in a known format"},
    ]


def test_lists_say_what_is_looked_at(root, capsys):
    (root / "t.txt").write_text("train/empty.jpg\nval/1.png\n")
    assert main(["check", str(root), "--json", "--workers", "0", "--test-list", "t.txt"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["splits"]["test"]["pictures"] == found["pictures"] == 2
    assert found["largest"] == [100, 3]


def test_the_table_has_the_same(root, capsys):
    assert main(["check", str(root)]) == 1
    out = capsys.readouterr().out
    row = next(line for line in out.splitlines() if line.strip().startswith("val"))
    assert row.split() == ["val", "4", "8x9", "100x3", "60x60", "1", "1"]
    assert "broken: val/[bold]text.png: not a picture in a known format" in out


def test_whole_folders_end_well(photos, capsys):
    assert main(["check", str(photos), "--workers", "0"]) == 0
    assert "broken:" not in capsys.readouterr().out


def test_long_lists_are_cut_in_the_terminal(tmp_path, capsys):
    for number in range(30):
        (tmp_path / f"{number:02d}.png").write_text("no picture")
    assert main(["check", str(tmp_path), "--workers", "0"]) == 1
    out = capsys.readouterr().out
    assert out.count("broken: ") == 20
    assert "and 10 more; --json names all" in out


def test_mistakes(tmp_path):
    with pytest.raises(ValueError, match="nowhere: there is no such folder"):
        main(["check", str(tmp_path / "nowhere")])
    with pytest.raises(ValueError, match="No pictures in"):
        main(["check", str(tmp_path)])
    with pytest.raises(ValueError, match="--workers -1"):
        main(["check", str(tmp_path), "--workers", "-1"])
    with pytest.raises(SystemExit):
        main(["chekc", str(tmp_path)])
