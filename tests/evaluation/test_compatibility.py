import pytest
from rich.console import Console

from chromahint.evaluation.compatibility import require_comparable
from chromahint.evaluation.table import hint_table


def metrics(protocol="random_pixels", measures="as it measures", size=256, counts=("0", "10"), psnr=30.0):
    by_hints = {count: {"psnr": psnr, "ssim": 0.9} for count in counts}
    return {
        "format": 1,
        "protocol": protocol,
        "measures": measures,
        "size": [size, size],
        "images": 4,
        "by_hints": by_hints,
    }


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"protocol": "cells_2023"}, ["ours was measured by random_pixels at 256x256", "theirs by cells_2023"]),
        ({"size": 128}, ["at 256x256", "at 128x128"]),
        ({"counts": ["0", "100"]}, ["with 0, 10 hints", "with 0, 100 hints"]),
    ],
)
@pytest.mark.parametrize("use", [require_comparable, lambda results: hint_table(results, "title")])
def test_what_was_measured_otherwise_is_refused(use, other, words):
    with pytest.raises(ValueError, match="protocol=NAME") as caught:
        use({"ours": metrics(), "baselines": metrics(), "theirs": metrics(**other)})
    for word in words:
        assert word in str(caught.value)


def test_what_was_measured_alike_is_not():
    require_comparable({"ours": metrics(), "theirs": metrics(psnr=20.0)})


def test_a_table_says_what_its_figures_are():
    console = Console(width=200)
    with console.capture() as shown:
        console.print(hint_table({"ours": metrics(measures="PSNR in dB of 8-bit Lab")}, "title"))
    assert "PSNR in dB of 8-bit Lab, means of 4 images" in " ".join(shown.get().split())
