"""Every protocol can be used for evaluation and for training."""

import json
from pathlib import Path

import pytest

from chromahint.config.compose import compose
from chromahint.config.instantiate import instantiate_node
from chromahint.evaluation.colorizer import PROTOCOLS
from chromahint.evaluation.protocols.clicks import Clicks
from chromahint.models.gray_baseline import GrayBaseline
from chromahint.ranges import constructor_arguments
from chromahint.training.lightning_module import ColorizationModule

CONF = Path(__file__).resolve().parents[3] / "conf" / "protocol"
NAMES = sorted(file.stem for file in CONF.glob("*.yaml"))
RESULT_NAMES = {"palette": "palette_own"}
"""Names of results that differ from those of the protocol."""
SMALL = ["protocol.size=64", "protocol.hint_counts=[0,3]"]


@pytest.mark.parametrize("name", NAMES)
def test_evaluate_with_protocol(name, command, photos, tmp_path):
    outcome = command("evaluate", "model=pullpush", "data=folder", f"data.root={photos}", f"protocol={name}", *SMALL)
    assert outcome.status == 0, outcome.err
    result_name = RESULT_NAMES.get(name, name)
    metrics = json.loads((tmp_path / "evaluation/pullpush" / result_name / "metrics.json").read_text())
    assert (metrics["protocol"], metrics["size"], metrics["images"]) == (result_name, [64, 64], 8)
    assert metrics["by_hints"]["3"]["psnr"] > metrics["by_hints"]["0"]["psnr"] > 5


def test_table_shows_the_histogram_intersection(command, photos, tmp_path):
    words = ["evaluate", "model=pullpush", "data=folder", f"data.root={photos}", "protocol=palette", *SMALL]
    output = " ".join(command(*words).out.split())
    by_hints = json.loads((tmp_path / "evaluation/pullpush/palette_own/metrics.json").read_text())["by_hints"]
    shares = ", ".join(f"{by_hints[count]['histogram_intersection']:.2f}" for count in ("0", "3"))
    assert f"histogram intersection of pullpush: {shares}" in output


def test_output_folder_of_another_protocol_is_not_overwritten(command, photos, tmp_path):
    words = ["evaluate", "model=pullpush", "data=folder", f"data.root={photos}", *SMALL, f"output={tmp_path / 'here'}"]
    assert command(*words).status == 0
    refused = command(*words, "protocol=cells_2023")
    assert refused.status == 2
    assert "holds another evaluation. Use output=" in refused.err


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("random_pixels", "clicks")])
def test_train_with_protocol(name, train, read_metrics):
    run = train(f"protocol={name}", *SMALL)
    metrics = read_metrics(run)
    assert metrics["val/psnr"] == metrics["val/psnr@3"]
    result_name = RESULT_NAMES.get(name, name)
    assert json.loads((run / "evaluation" / result_name / "metrics.json").read_text())["protocol"] == result_name


def test_training_with_clicks_is_refused(command, tiny):
    refused = command("train", *tiny, "protocol=clicks")
    assert refused.status == 2
    assert "protocol=clicks: its hints depend on the network" in refused.err
    assert "Train with protocol=random_pixels, then run chromahint evaluate run=RUN" in refused.err
    with pytest.raises(ValueError, match=r"protocol=clicks: its hints depend on the network.* RandomPixels\(\)"):
        ColorizationModule(network=GrayBaseline(), protocol=Clicks(size=64))


@pytest.mark.parametrize("name", NAMES)
def test_defaults_in_conf_are_those_of_the_class(name):
    node = compose("evaluate", ["model=gray", f"protocol={name}"]).config["protocol"]
    assert instantiate_node(node) == PROTOCOLS[name]()
    assert {key for key in node if key != "_target_"} == constructor_arguments(PROTOCOLS[name]()).keys()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["protocol=clicks", "protocol.targets=[0]"], "protocol.targets=[0]: must be a list"),
        (["protocol=clicks", "protocol.targets=[30,20]"], "Try 'protocol.targets=[20,30]'"),
        (["protocol=clicks", "protocol.hint_counts=[5,1]"], "Try 'protocol.hint_counts=[1,5]'"),
        (["protocol=regions", "protocol.kind=line"], "protocol.kind=line: must be click or scribble"),
        (["protocol=random_pixels", "protocol.min_chroma=-1"], "protocol.min_chroma=-1: must be a number >= 0"),
        (["protocol=cells_2023", "protocol.min_chroma=1"], "protocol.min_chroma: unknown option"),
        (["protocol=regions", "protocol.extra_metrics=[vmaf]"], "protocol.extra_metrics=['vmaf']: must be a list"),
    ],
)
def test_options_out_of_range_are_reported(command, photos, words, message):
    refused = command("evaluate", "model=gray", "data=folder", f"data.root={photos}", *words)
    assert refused.status == 2
    assert message in refused.err
