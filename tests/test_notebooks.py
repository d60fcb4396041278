"""Every notebook runs from the first cell to the last, in its own folder."""

import json
import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def test_notebooks_exist():
    assert NOTEBOOKS


@pytest.fixture(scope="module")
def kernels(tmp_path_factory, python):
    """A folder that tells Jupyter about a kernel, `forked`, which starts with torch already imported."""
    folder = tmp_path_factory.mktemp("jupyter")
    words = [python, "-m", "support.notebook_kernel", "-f", "{connection_file}"]
    (folder / "kernels/forked").mkdir(parents=True)
    described = {"argv": words, "display_name": "forked", "language": "python"}
    (folder / "kernels/forked/kernel.json").write_text(json.dumps(described))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_notebook_runs(file, tmp_path, monkeypatch, kernels):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_PATH", str(kernels))
    notebook = nbformat.read(file, as_version=4)
    for cell in notebook.cells:  # smaller training runs, to save time
        small = '"logger=none", "protocol.size=64", "data.max_images=16", "data.num_train=32"'
        cell.source = cell.source.replace('"logger=none"', small)
    resources = {"metadata": {"path": str(tmp_path)}}
    client = NotebookClient(notebook, timeout=300, kernel_name="forked", resources=resources)
    client.execute(env={**os.environ, "MINUTES": "0.01", "WANDB_MODE": "offline"})
    assert [cell for cell in notebook.cells if cell.cell_type == "code"]


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_notebook_is_small(file):
    """Outputs are not stored in the repository."""
    assert file.stat().st_size < 500_000
