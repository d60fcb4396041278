"""The table of hint counts fits into a terminal of 80 columns for every protocol."""

import io

import pytest
from rich.console import Console

from chromahint.config.compose import compose
from chromahint.config.instantiate import instantiate_node
from chromahint.config.paths import list_groups
from chromahint.evaluation.table import hint_table


@pytest.mark.parametrize("name", list_groups()["protocol"])
def test_no_number_is_truncated(name):
    counts = instantiate_node(compose("evaluate", ["model=gray", f"protocol={name}"]).config["protocol"]).hint_counts
    metrics = {
        "protocol": name,
        "measures": "PSNR over SSIM",
        "size": [256, 256],
        "images": 3,
        "by_hints": {str(count): {"psnr": 20 + count / 1000, "ssim": 0.81234} for count in counts},
    }
    text = io.StringIO()
    Console(file=text, width=80).print(hint_table({"hscaunet": metrics}, "title"))
    shown = text.getvalue()
    for count in counts:
        assert f"{20 + count / 1000:.2f}" in shown
    assert shown.count("0.812") == len(counts)
    assert "…" not in shown
