"""`chromahint export`: what a run leaves behind for others, and what is refused without leaving anything."""

import subprocess
import sys

import pytest
import torch

from chromahint.export.model_card import without_folders
from chromahint.inference.exported_folder import open_exported_folder
from chromahint.models.pretrained import find_pretrained
from chromahint.models.registry import MODEL_CLASSES, qualname_of
from chromahint.models.state_dict import read_state_dict
from chromahint.models.unet import UNet
from chromahint.runs.run import create_run

UNET = {"_target_": "chromahint.models.unet.UNet", "width": 4, "zero_init_head": True}


def make_run(folder, model=UNET, checkpoint=True):
    config = {"model": model, "data": {"_target_": "chromahint.data.sources.folder.folder_data", "size": 96}, "seed": 3}
    command = "chromahint train model=unet data.root=/home/me/photos"
    run = create_run(folder, config, {"command": command, "choices": {"model": "unet"}})
    if checkpoint:
        run.checkpoints.mkdir()
        torch.save(
            {"state_dict": {f"network.{k}": v for k, v in UNet(4).state_dict().items()}}, run.checkpoints / "best.ckpt"
        )
    return run


def test_own_networks_are_those_of_the_list_with_weights():
    from chromahint.config.compose import compose
    from chromahint.config.paths import list_groups
    from chromahint.models.registry import list_models

    targets = {name: compose("train", [f"model={name}"]).config["model"]["_target_"] for name in list_groups()["model"]}
    learning = {entry.name for entry in list_models(targets) if entry.parameters}
    assert learning == set(MODEL_CLASSES)
    assert all(qualname_of(name) == targets[name] for name in MODEL_CLASSES)


def test_a_run_becomes_a_folder_that_says_where_it_comes_from(command, tmp_path):
    run = make_run(tmp_path / "runs" / "one")
    made = command("export", str(run.path), "--format", "safetensors", "-o", "out")
    assert made.status == 0, made.err
    opened = open_exported_folder(made.folder / "out")
    weights = read_state_dict(run.best_checkpoint)
    assert all(torch.equal(tensor, weights[name]) for name, tensor in opened.network.state_dict().items())
    assert (opened.name, opened.metadata["trained_side"]) == ("unet", 96)
    card = (made.folder / "out" / "README.md").read_text()
    assert "chromahint train model=unet data.root=photos" in card
    assert "/home/me" not in card + (made.folder / "out" / "config.json").read_text()
    assert "Nothing was measured with these weights" in card


def test_figures_are_those_of_the_same_weights(command, tmp_path):
    from chromahint.runs.files import file_hash, write_json

    run = make_run(tmp_path / "one")
    metrics = {"format": 1, "protocol": "random_pixels", "measures": "PSNR", "size": [64, 64], "images": 7}
    for name, weights in (("random_pixels", file_hash(run.best_checkpoint)), ("random_pixels-2", "0" * 32)):
        psnr = 31.25 if name == "random_pixels" else 99.75
        figures = {"by_hints": {"0": {"psnr": 20.5, "ssim": 0.9}, "1966": {"psnr": psnr, "ssim": 0.95}}}
        write_json(run.path / "evaluation" / name / "metrics.json", metrics | figures)
        write_json(run.path / "evaluation" / name / "evaluation.json", {"weights": weights})
    made = command("export", str(run.path), "--format", "safetensors", "-o", "out")
    assert made.status == 0, made.err
    card = (made.folder / "out" / "README.md").read_text()
    assert "| unet | 20.50 | 31.25 |" in card
    assert "99.75" not in card


@pytest.mark.parametrize("words", [[], ["pretrained"]])
def test_the_box_goes_out_with_its_own_card(command, words):
    made = command("export", *words, "--format", "safetensors")
    assert made.status == 0, made.err
    opened = open_exported_folder(made.folder / "spreadnet")
    weights = read_state_dict(find_pretrained(qualname_of("spreadnet")).file)
    assert all(torch.equal(opened.network.state_dict()[name], tensor) for name, tensor in weights.items())
    assert "# SpreadNet, the weights in the box" in (made.folder / "spreadnet" / "README.md").read_text()


def test_a_loose_file_tells_its_network(command, tmp_path):
    torch.save(UNet(4).state_dict(), tmp_path / "w.pt")
    made = command("export", str(tmp_path / "w.pt"), "--format", "safetensors", "-o", "out")
    assert made.status == 0, made.err
    assert (open_exported_folder(made.folder / "out").name, open_exported_folder(made.folder / "out").options["width"]) == ("unet", 4)
    assert "U-Net" in made.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "no such run, and no such file"),
        (["{no_checkpoint}"], "has no checkpoint yet"),
        (["{levin}"], "learns nothing"),
        (["levin"], "learns nothing"),
        (["{run}", "-o", "{full}"], "holds other things"),
        (["{run}", "-o", "{file}"], "is a file"),
        (["{run}", "-o", "{file}/out"], "is no folder that you may write in"),
        (["{run}", "--rgb"], "--rgb goes with --format onnx"),
    ],
)
def test_what_cannot_be_exported_is_said_and_leaves_nothing(command, tmp_path, words, said):
    places = {name: tmp_path / name for name in ("run", "no_checkpoint", "levin", "full", "file")}
    make_run(places["run"])
    make_run(places["no_checkpoint"], checkpoint=False)
    make_run(places["levin"], {"_target_": "chromahint.models.levin.Levin"})
    places["full"].mkdir()
    (places["full"] / "thesis.tex").write_text("years")
    places["file"].write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    made = command("export", *(word.format(**places) for word in words), "--format", "safetensors")
    assert made.status == 2
    assert said in made.err
    assert sorted(tmp_path.rglob("*")) == before
    assert not (made.folder / "unet").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="needs ulimit")
def test_a_disk_that_takes_no_more_leaves_nothing(tmp_path):
    run = make_run(tmp_path / "one")
    out = tmp_path / "out" / "here"
    limited = ["sh", "-c", 'ulimit -f 64 && exec "$0" -m chromahint "$@"', sys.executable]
    words = ["export", str(run.path), "--format", "safetensors", "-o", str(out)]
    done = subprocess.run([*limited, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "cannot be written" in done.stderr
    assert not list(out.parent.iterdir())


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("data.root=/home/me/photos seed=1", "data.root=photos seed=1"),
        ("weights=~/w/best.ckpt", "weights=best.ckpt"),
        ("lists=[/a/b.txt,/c/d.txt]", "lists=[b.txt,d.txt]"),
        ("experiment=a/b lr=1/2", "experiment=a/b lr=1/2"),
    ],
)
def test_commands_lose_their_folders(typed, shown):
    assert without_folders(typed) == shown
