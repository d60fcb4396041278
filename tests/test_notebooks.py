"""Every notebook runs from the first cell to the last, in its own folder."""

import os
from pathlib import Path

import nbformat
import pytest
import yaml
from nbclient import NotebookClient

from chromahint.config.paths import packaged_dir

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
SMALL = {"protocol/random_pixels": {"size": 64}, "data/scenes": {"num_train": 64, "scene_size": 128}}
"""Smaller defaults of the config groups, to save time."""


@pytest.fixture
def folder(tmp_path):
    """A folder with a `conf/` that makes training runs small."""
    for name, options in SMALL.items():
        content = yaml.safe_load((packaged_dir("conf") / f"{name}.yaml").read_text(encoding="utf-8"))
        assert options.keys() <= content.keys()
        file = tmp_path / "conf" / f"{name}.yaml"
        file.parent.mkdir(parents=True)
        file.write_text(yaml.safe_dump(content | options, sort_keys=False))
    return tmp_path


def test_notebooks_exist():
    assert NOTEBOOKS


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_notebook_runs(file, folder, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(folder / "ipython"))
    notebook = nbformat.read(file, as_version=4)
    client = NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    client.execute(env={**os.environ, "MINUTES": "0.05", "WANDB_MODE": "offline"})
    assert [cell for cell in notebook.cells if cell.cell_type == "code"]


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_notebook_is_small(file):
    """Outputs are not stored in the repository."""
    assert file.stat().st_size < 500_000
