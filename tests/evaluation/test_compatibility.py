"""Only results of the same protocol, size and hint counts are compared."""

import pytest
from rich.console import Console

from chromahint.evaluation.compatibility import require_comparable
from chromahint.evaluation.table import hint_table


def metrics(protocol="random_pixels", measures="PSNR over SSIM", size=256, counts=("0", "10"), psnr=30.0):
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
        ({"protocol": "cells_2023"}, ["first was evaluated with random_pixels at 256x256", "second with cells_2023"]),
        ({"size": 128}, ["at 256x256", "at 128x128"]),
        ({"counts": ["0", "100"]}, ["with 0, 10 hints", "with 0, 100 hints"]),
    ],
)
@pytest.mark.parametrize("use", [require_comparable, lambda results: hint_table(results, "title")])
def test_error_if_results_are_not_comparable(use, other, words):
    with pytest.raises(ValueError, match="protocol=NAME") as caught:
        use({"first": metrics(), "baselines": metrics(), "second": metrics(**other)})
    for word in words:
        assert word in str(caught.value)


def test_results_of_the_same_setup_are_comparable():
    require_comparable({"first": metrics(), "second": metrics(psnr=20.0)})


def test_table_caption_describes_the_metrics():
    console = Console(width=200)
    with console.capture() as shown:
        console.print(hint_table({"first": metrics(measures="PSNR in dB of 8-bit Lab")}, "title"))
    assert "PSNR in dB of 8-bit Lab, means of 4 images" in " ".join(shown.get().split())
