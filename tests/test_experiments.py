"""Every experiment runs two steps through the real command, and is explained."""

from pathlib import Path

import pytest

from chromahint.config.compose import compose

FOLDER = Path(__file__).resolve().parents[1] / "experiments"
CONFIGS = sorted(file.parent.name for file in FOLDER.glob("*/config.yaml"))
FOLDERS = sorted(folder.name for folder in FOLDER.iterdir() if folder.is_dir())


@pytest.mark.parametrize("name", CONFIGS)
def test_runs_two_steps(name, command, photos, figures):
    words = [f"experiment={name}", "debug=smoke", "data=folder", f"data.root={photos}", "logger=none", "trainer=cpu"]
    if "width" in compose("train", words).config["model"]:
        words.append("model.width=4")
    made = command("train", *words)
    assert made.status == 0, made.err
    assert made.run.parent.name == name
    assert len(figures(made.run)["val/psnr"]) >= 1


@pytest.mark.parametrize("name", FOLDERS)
def test_is_explained_and_listed(name):
    text = (FOLDER / name / "README.md").read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert f"experiment={name}" in text or f"experiment {name}" in text, "its README.md shows the command"
    assert f"[{name}]({name}/README.md)" in (FOLDER / "README.md").read_text(encoding="utf-8")


def test_there_are_experiments():
    assert CONFIGS
