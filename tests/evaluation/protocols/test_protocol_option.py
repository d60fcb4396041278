"""Every protocol can be used for evaluation and for training."""

import json
from pathlib import Path

import pytest

CONF = Path(__file__).resolve().parents[3] / "conf" / "protocol"
NAMES = sorted(file.stem for file in CONF.glob("*.yaml"))
SMALL = ["protocol.size=64", "protocol.hint_counts=[0,3]"]


@pytest.mark.parametrize("name", NAMES)
def test_evaluate_with_protocol(name, command, photos, tmp_path):
    outcome = command("evaluate", "model=pullpush", "data=folder", f"data.root={photos}", f"protocol={name}", *SMALL)
    assert outcome.status == 0, outcome.err
    metrics = json.loads((tmp_path / "evaluation/pullpush" / name / "metrics.json").read_text())
    assert (metrics["protocol"], metrics["size"], metrics["images"]) == (name, [64, 64], 8)
    assert metrics["by_hints"]["3"]["psnr"] > metrics["by_hints"]["0"]["psnr"] > 5


def test_output_folder_of_another_protocol_is_not_overwritten(command, photos, tmp_path):
    words = ["evaluate", "model=pullpush", "data=folder", f"data.root={photos}", *SMALL, f"output={tmp_path / 'here'}"]
    assert command(*words).status == 0
    refused = command(*words, "protocol=cells_2023")
    assert refused.status == 2
    assert "holds another evaluation. Use output=" in refused.err


@pytest.mark.parametrize("name", [name for name in NAMES if name != "random_pixels"])
def test_train_with_protocol(name, train, read_metrics):
    run = train(f"protocol={name}", *SMALL)
    metrics = read_metrics(run)
    assert metrics["val/psnr"] == metrics["val/psnr@3"]
    assert json.loads((run / "evaluation" / name / "metrics.json").read_text())["protocol"] == name
