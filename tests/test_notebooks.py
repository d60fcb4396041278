"""Every notebook runs from the first cell to the last, in its own folder."""

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def test_notebooks_exist():
    assert NOTEBOOKS


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_notebook_runs(file, tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = nbformat.read(file, as_version=4)
    for cell in notebook.cells:  # smaller training runs, to save time
        small = '"logger=none", "protocol.size=64", "data.max_images=16"'
        cell.source = cell.source.replace('"logger=none"', small)
    resources = {"metadata": {"path": str(tmp_path)}}
    client = NotebookClient(notebook, timeout=300, kernel_name="python3", resources=resources)
    client.execute(env={**os.environ, "MINUTES": "0.05", "WANDB_MODE": "offline"})
    assert [cell for cell in notebook.cells if cell.cell_type == "code"]


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_notebook_is_small(file):
    """Outputs are not stored in the repository."""
    assert file.stat().st_size < 500_000
