"""`chromahint export`: exported folders, their model cards, and messages for mistakes."""

import subprocess
import sys

import pytest
import torch

from chromahint.config.compose import compose
from chromahint.config.instantiate import instantiate_node
from chromahint.config.paths import list_groups
from chromahint.export.model_card import without_folders
from chromahint.inference.exported_folder import open_exported_folder
from chromahint.models.pretrained import find_pretrained
from chromahint.models.registry import MODEL_CLASSES, qualname_of
from chromahint.models.state_dict import read_state_dict
from chromahint.models.unet import UNet
from chromahint.runs.run import create_run

UNET = {"_target_": "chromahint.models.unet.UNet", "width": 4, "zero_init_head": True}


def make_run(folder, model=UNET, checkpoint=True):
    config = {
        "model": model,
        "data": {"_target_": "chromahint.data.datamodule.PhotoDataModule", "train_size": 96},
        "seed": 3,
    }
    command = "chromahint train model=unet data.root=/home/me/photos"
    run = create_run(folder, config, {"command": command, "choices": {"model": "unet"}})
    if checkpoint:
        run.checkpoints.mkdir()
        torch.save(
            {"state_dict": {f"network.{k}": v for k, v in UNet(4).state_dict().items()}}, run.checkpoints / "best.ckpt"
        )
    return run


def test_exportable_networks_are_all_trainable_networks():
    nodes = {name: compose("train", [f"model={name}"]).config["model"] for name in list_groups()["model"]}
    with torch.device("meta"):
        trainable = {name for name, node in nodes.items() if list(instantiate_node(node).parameters())}
    assert trainable == set(MODEL_CLASSES)
    assert all(qualname_of(name) == nodes[name]["_target_"] for name in MODEL_CLASSES)


def test_exported_run_describes_its_origin(command, tmp_path):
    run = make_run(tmp_path / "runs" / "one")
    result = command("export", str(run.path), "--format", "safetensors", "-o", "out")
    assert result.status == 0, result.err
    opened = open_exported_folder(result.folder / "out")
    weights = read_state_dict(run.best_checkpoint)
    assert all(torch.equal(tensor, weights[name]) for name, tensor in opened.network.state_dict().items())
    assert (opened.name, opened.metadata["trained_side"]) == ("unet", 96)
    card = (result.folder / "out" / "README.md").read_text()
    assert "chromahint train model=unet data.root=photos" in card
    assert "/home/me" not in card + (result.folder / "out" / "config.json").read_text()
    assert "Not evaluated yet" in card


def test_model_card_lists_only_metrics_of_the_exported_weights(command, tmp_path):
    from chromahint.runs.files import file_hash, write_json

    run = make_run(tmp_path / "one")
    metrics = {"format": 1, "protocol": "random_pixels", "measures": "PSNR", "size": [64, 64], "images": 7}
    for name, weights in (("random_pixels", file_hash(run.best_checkpoint)), ("random_pixels-2", "0" * 32)):
        psnr = 31.25 if name == "random_pixels" else 99.75
        scores = {"by_hints": {"0": {"psnr": 20.5, "ssim": 0.9}, "1966": {"psnr": psnr, "ssim": 0.95}}}
        write_json(run.path / "evaluation" / name / "metrics.json", metrics | scores)
        write_json(run.path / "evaluation" / name / "evaluation.json", {"weights": weights})
    result = command("export", str(run.path), "--format", "safetensors", "-o", "out")
    assert result.status == 0, result.err
    card = (result.folder / "out" / "README.md").read_text()
    assert "| unet | 20.50 | 31.25 |" in card
    assert "99.75" not in card


@pytest.mark.parametrize("words", [[], ["pretrained"]])
def test_pretrained_weights_are_exported_with_their_model_card(command, words):
    result = command("export", *words, "--format", "safetensors")
    assert result.status == 0, result.err
    opened = open_exported_folder(result.folder / "spreadnet")
    weights = read_state_dict(find_pretrained("pretrained").file)
    assert all(torch.equal(opened.network.state_dict()[name], tensor) for name, tensor in weights.items())
    assert "# SpreadNet, pretrained weights" in (result.folder / "spreadnet" / "README.md").read_text()


def test_network_of_a_weights_file_is_recognized(command, tmp_path):
    torch.save(UNet(4).state_dict(), tmp_path / "w.pt")
    result = command("export", str(tmp_path / "w.pt"), "--format", "safetensors", "-o", "out")
    assert result.status == 0, result.err
    exported = open_exported_folder(result.folder / "out")
    assert (exported.name, exported.options["width"]) == ("unet", 4)
    assert "U-Net" in result.out


def test_exported_folder_can_be_exported_again(command, tmp_path):
    run = make_run(tmp_path / "one")
    assert command("export", run.path, "--format", "safetensors", "-o", "first").status == 0
    result = command("export", "first", "--format", "safetensors", "-o", "second")
    assert result.status == 0, result.err
    first, second = (open_exported_folder(result.folder / name).network.state_dict() for name in ("first", "second"))
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere"], "nowhere: file or folder not found"),
        (["{no_checkpoint}"], "has no checkpoint yet"),
        (["{levin}"], "has no weights"),
        (["levin"], "has no weights"),
        (["{run}", "-o", "{full}"], "holds other files"),
        (["{run}", "-o", "{file}"], "is a file"),
        (["{run}", "-o", "{file}/out"], "is not a writable folder"),
        (["{run}", "--rgb"], "--rgb: has no effect on --format safetensors"),
    ],
)
def test_mistakes_are_reported_and_nothing_is_written(command, tmp_path, words, message):
    places = {name: tmp_path / name for name in ("run", "no_checkpoint", "levin", "full", "file")}
    make_run(places["run"])
    make_run(places["no_checkpoint"], checkpoint=False)
    make_run(places["levin"], {"_target_": "chromahint.models.levin.Levin"})
    places["full"].mkdir()
    (places["full"] / "thesis.tex").write_text("years")
    places["file"].write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    result = command("export", *(word.format(**places) for word in words), "--format", "safetensors")
    assert result.status == 2
    assert message in result.err
    assert sorted(tmp_path.rglob("*")) == before
    assert not (result.folder / "unet").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="needs ulimit")
def test_full_disk_leaves_nothing_behind(tmp_path):
    run = make_run(tmp_path / "one")
    out = tmp_path / "out" / "here"
    limited = ["sh", "-c", 'ulimit -f 64 && exec "$0" -m chromahint "$@"', sys.executable]
    words = ["export", str(run.path), "--format", "safetensors", "-o", str(out)]
    done = subprocess.run([*limited, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "can't be written" in done.stderr
    assert not list(out.parent.iterdir())


@pytest.mark.parametrize(
    ("command_line", "shown"),
    [
        ("data.root=/home/me/photos seed=1", "data.root=photos seed=1"),
        ("weights=~/w/best.ckpt", "weights=best.ckpt"),
        ("lists=[/a/b.txt,/c/d.txt]", "lists=[b.txt,d.txt]"),
        ("experiment=a/b lr=1/2", "experiment=a/b lr=1/2"),
    ],
)
def test_without_folders(command_line, shown):
    assert without_folders(command_line) == shown
