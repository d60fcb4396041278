"""The weights of a run as a W&B artifact: what an offline run would upload, a stand-in of W&B's API hands out again."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import wandb

from chromahint.inference.load import load_network
from chromahint.wandb_api import run_artifact
from chromahint.wandb_api.run_artifact import download_run


@pytest.fixture(scope="module")
def uploaded(tmp_path_factory, here, photos):
    """A run, and the artifacts in its offline W&B file."""
    done = here(
        tmp_path_factory.mktemp("uploaded"), "train", "debug=smoke", "data=folder", f"data.root={photos}",
        "data.shorter_side=64", "trainer=cpu",
        "model=unet", "model.width=4", "protocol.hint_counts=[0,1]", "logger.wandb.log_model=true",
    )  # fmt: skip
    assert done.status == 0, done.err
    [file] = done.run.glob("wandb/offline-run-*/*.wandb")
    shown = subprocess.run(
        [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(file)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    records = [json.loads(line) for line in shown.stdout.splitlines()]
    return done.run, [record["artifact"] for record in records if record["type"] == "artifact"]


@pytest.fixture
def api(uploaded, tmp_path, monkeypatch):
    """A stand-in of `wandb.Api` with the model artifact of the run `lab/colors/ID`."""
    run, artifacts = uploaded
    [model] = [each for each in artifacts if each["type"] == "model"]
    identifier = json.loads((run / "run.json").read_text())["wandb_id"]
    asked = []

    class Artifact:
        def download(self, root):
            for entry in model["manifest"]["contents"]:
                target = Path(root, entry["path"])
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(entry["local_path"], target)

    class Api:
        def artifact(self, name, type):
            asked.append(name)
            if name != f"lab/colors/{model['name']}:best" or type != model["type"] or "best" not in model["aliases"]:
                raise wandb.errors.CommError(f"artifact '{name}' not found")
            return Artifact()

    monkeypatch.setattr(wandb, "Api", Api)
    monkeypatch.setattr(run_artifact, "server_problem", lambda: None)
    monkeypatch.setenv("WANDB_API_KEY", "x" * 40)
    monkeypatch.setenv("CHROMAHINT_CACHE", str(tmp_path / "cache"))
    return f"wandb:lab/colors/{identifier}", asked


def test_network_is_that_of_the_run(uploaded, api):
    run, _ = uploaded
    source, asked = api
    loaded, original = load_network(source), load_network(run)
    assert loaded.name == original.name == "unet"
    for one, other in zip(loaded.network.parameters(), original.network.parameters(), strict=True):
        assert torch.equal(one, other)
    load_network(source)
    assert len(asked) == 1, "the second time it is in the cache"


def test_names_of_runs_are_taken_everywhere(api, command, photos, tmp_path):
    source, _ = api
    data = ["data=folder", f"data.root={photos}", "data.shorter_side=64"]
    small = ["protocol.size=64", "data.eval_size=64", "protocol.hint_counts=[0,1]", "data.train_size=64"]
    by_run, by_weights = (command("evaluate", f"{key}={source}", *data, *small) for key in ("run", "weights"))
    assert by_run.status == by_weights.status == 0, by_run.err + by_weights.err
    further = command("train", f"weights={source}", *data, *small, "model=unet", "model.width=4", "debug=smoke",
                      "logger=none", "trainer=cpu")  # fmt: skip
    assert further.status == 0, further.err
    photo = next(photos.rglob("*.png"))
    colored = command("colorize", photo, "-o", tmp_path / "colored.png", "--model", source)
    assert colored.status == 0, colored.err


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("wandb:lab/colors", "must be wandb:ENTITY/PROJECT/RUN"),
        ("wandb:lab/colors/other", r"W&B has no artifact lab/colors/model-other:best .*log_model=true"),
    ],
)
def test_wrong_names_are_explained(api, source, problem):
    with pytest.raises(ValueError, match=problem):
        download_run(source)


def test_without_an_api_key_nothing_is_asked(api, monkeypatch):
    monkeypatch.delenv("WANDB_API_KEY")
    with pytest.raises(ValueError, match=r"needs an API key for W&B\. Type `wandb login`"):
        download_run("wandb:lab/colors/another")
