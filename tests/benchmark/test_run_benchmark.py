"""Benchmarks from the command line: measuring, resuming, and refusing sets that differ from their manifest."""

import json
import shutil
import subprocess

import pytest
import torch

from chromahint.benchmark import run_benchmark as module
from chromahint.benchmark.methods import identify_method, load_method
from chromahint.inference.exported_folder import write_exported_folder
from chromahint.models.registry import create_model
from chromahint.report.evaluation_result import read_evaluation

FOLDERS = [f"tiny/{protocol}/{method}" for protocol in ("random_pixels", "small") for method in ("pullpush", "gray")]


def measurements(folder):
    """Content of every timings.csv, which differs between two measurements of the same."""
    return {file.parent.relative_to(folder).as_posix(): file.read_text() for file in folder.rglob("timings.csv")}


def test_measures_every_combination_and_writes_the_results(tiny_benchmark, command, tmp_path):
    done = command("benchmark", "bench.yaml")
    assert done.status == 0, done.err
    output = tmp_path / "benchmark/bench"
    assert {*FOLDERS} <= measurements(output).keys()
    assert len(measurements(output)) == 6
    assert (output / "benchmark.html").is_file()
    text = (output / "leaderboard.md").read_text()
    assert text.startswith("# Tiny & quick\n")
    for folder in FOLDERS:
        metrics = json.loads((output / folder / "metrics.json").read_text())
        for scores in metrics["by_hints"].values():
            assert f"{scores['psnr']:.2f}" in text
    assert len(list((output / FOLDERS[0] / "pictures").iterdir())) == 6


def test_agrees_with_the_evaluate_command(tiny_benchmark, command, tmp_path):
    assert command("benchmark", "bench.yaml").status == 0
    words = ("protocol.size=32", "protocol.hint_counts=[0,1,10]")
    done = command("evaluate", "model=levin", "data=folder", "data.root=tiny", *words, "output=single")
    assert done.status == 0, done.err
    single = read_evaluation(tmp_path / "single")
    benchmark = read_evaluation(tmp_path / "benchmark/bench/tiny/random_pixels/levin")
    assert benchmark.metrics == single.metrics
    assert benchmark.image_ids == single.image_ids


def test_dry_run_writes_nothing(tiny_benchmark, command, tmp_path):
    done = command("benchmark", "bench.yaml", "--dry-run")
    assert done.status == 0, done.err
    assert "tiny, random_pixels, levin: to do" in done.out
    assert "6 of 6 evaluations to do, of 24 photos in all" in done.out
    assert not (tmp_path / "benchmark").exists()


def test_nothing_is_measured_twice(tiny_benchmark, command, tmp_path, monkeypatch):
    assert command("benchmark", "bench.yaml", "-o", "out").status == 0
    before = measurements(tmp_path / "out")
    monkeypatch.setattr(module, "load_method", lambda *_: pytest.fail("a method was loaded"))
    done = command("benchmark", "bench.yaml", "-o", "out")
    assert done.status == 0, done.err
    assert measurements(tmp_path / "out") == before
    assert "0 of 6 evaluations to do" in command("benchmark", "bench.yaml", "-o", "out", "--dry-run").out


def test_a_killed_benchmark_continues_with_the_next_photo(tiny_benchmark, command, python, tmp_path):
    words = ["-m", "support.killed_benchmark", "6", "bench.yaml", "-o", "out", "--batch-size", "1"]
    killed = subprocess.run([python, *words], cwd=tmp_path, capture_output=True, timeout=300)
    assert killed.returncode != 0
    assert not (tmp_path / "out/leaderboard.md").exists()
    before = measurements(tmp_path / "out")
    states = command("benchmark", "bench.yaml", "-o", "out", "--dry-run").out
    assert "tiny, random_pixels, pullpush: measured\n" in states
    assert "tiny, random_pixels, levin: 2 photos measured\n" in states
    assert command("benchmark", "bench.yaml", "-o", "out").status == 0
    after = measurements(tmp_path / "out")
    assert all(after[name].startswith(text) for name, text in before.items()), "seconds would differ if measured again"
    assert command("benchmark", "bench.yaml", "-o", "whole").status == 0
    for name in after:
        resumed, whole = (json.loads((tmp_path / out / name / "metrics.json").read_text()) for out in ("out", "whole"))
        assert resumed == whole


def test_a_changed_photo_is_refused(tiny_benchmark, command, tmp_path):
    photo = tmp_path / "tiny/photo-2.png"
    shutil.copy(tmp_path / "tiny/photo-0.png", photo)
    done = command("benchmark", "bench.yaml")
    assert done.status == 2
    assert "tiny: not the set of its manifest, which lists 4 images: photo-2.png has changed" in done.err
    assert not (tmp_path / "benchmark").exists()


def test_new_weights_are_measured_next_to_the_old_ones(tiny_benchmark, command, tmp_path):
    about = {"network": "spreadnet", "options": {"width": 4}, "side": None}
    write_exported_folder(tmp_path / "net", create_model("spreadnet", {"width": 4}), about, "a tiny network")
    text = tiny_benchmark.read_text().replace("{pullpush: pullpush, levin: levin, gray: gray}", "{net: net}")
    tiny_benchmark.write_text(text)
    assert command("benchmark", "bench.yaml", "-o", "out").status == 0
    before = measurements(tmp_path / "out")
    weights = bytearray((tmp_path / "net/model.safetensors").read_bytes())
    weights[-1] ^= 1
    (tmp_path / "net/model.safetensors").write_bytes(weights)
    done = command("benchmark", "bench.yaml", "-o", "out")
    assert done.status == 0, done.err
    after = measurements(tmp_path / "out")
    assert after.items() > before.items()
    assert after.keys() - before.keys() == {"tiny/random_pixels/net-2", "tiny/small/net-2"}
    cost = json.loads((tmp_path / "out/tiny/small/net-2/cost.json").read_text())
    assert cost["parameters"] > 1_000
    assert cost["gmac"] > 0


def test_methods_are_identified_by_their_weights(smoke_run, tmp_path):
    run = identify_method(str(smoke_run))
    file = smoke_run / "checkpoints/best.ckpt"
    assert identify_method(str(file if file.is_file() else file.with_name("last.ckpt"))) == run
    assert run["model"]["_target_"].startswith("chromahint.models.")
    assert load_method(str(smoke_run), torch.device("cpu")).parameters > 1_000
    assert identify_method("levin") == {"model": "levin", "weights": None}
    assert identify_method("pretrained")["model"] == "spreadnet"
    with pytest.raises(ValueError, match="nowhere: not found. Use pretrained, a run folder"):
        identify_method("nowhere")


def test_an_onnx_file_is_a_method(tiny_benchmark, command, tmp_path):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    shapes = {"lightness": 1, "hint_ab": 2, "mask": 1, "ab": 2}
    *inputs, output = (
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n", channels, "h", "w"])
        for name, channels in shapes.items()
    )
    node = onnx.helper.make_node("Identity", ["hint_ab"], ["ab"])
    graph = onnx.helper.make_graph([node], "hints", inputs, [output])
    versions = {"opset_imports": [onnx.helper.make_opsetid("", 18)], "ir_version": 10}
    onnx.save(onnx.helper.make_model(graph, **versions), tmp_path / "hints.onnx")
    tiny_benchmark.write_text(tiny_benchmark.read_text().replace("levin: levin", "file: hints.onnx"))
    done = command("benchmark", "bench.yaml", "-o", "out")
    assert done.status == 0, done.err
    file, gray = (
        read_evaluation(tmp_path / f"out/tiny/random_pixels/{name}").scores["psnr"] for name in ("file", "gray")
    )
    assert (file[0] == gray[0]).all()
    assert (file[-1] > gray[-1]).all()
    assert json.loads((tmp_path / "out/tiny/small/file/cost.json").read_text()) == {"parameters": None, "gmac": None}
