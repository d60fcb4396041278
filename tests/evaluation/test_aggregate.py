"""Rows of images.csv are aggregated to metrics.json."""

import json
import math

import pytest

from chromahint.evaluation.aggregate import aggregate_results
from chromahint.evaluation.curves import area_under_curve
from chromahint.evaluation.images_csv import ImageResult, append_rows, read_rows, write_rows
from chromahint.evaluation.protocols.clicks import Clicks
from chromahint.evaluation.protocols.patches_2017 import Patches2017
from chromahint.evaluation.protocols.random_pixels import RandomPixels
from chromahint.evaluation.protocols.regions import Regions

PROTOCOL = RandomPixels([10, 100], 64)


def row(image, count, psnr, colorless=False):
    return ImageResult(image, f"id-{image}", count, colorless, {"psnr": float(psnr), "ciede2000": 40.0 - psnr}, 0.5)


def rows_of(table, **options):
    """Rows of `{image: [psnr, ...]}`, for 0, 1, 2, ... hints."""
    return [row(image, count, psnr, **options) for image, curve in table.items() for count, psnr in enumerate(curve)]


def test_means_are_over_images_in_the_documented_format():
    rows = [row("x", 100, 32), row("y", 100, 16), row("x", 10, 8), row("y", 10, 8)]
    metrics = aggregate_results(rows, PROTOCOL)
    assert metrics == {
        "format": 2,
        "protocol": "random_pixels",
        "measures": PROTOCOL.metric_description,
        "size": [64, 64],
        "images": 2,
        "colorless": {"min_chroma": 4.0, "images": 0, "ids": []},
        "by_hints": {"10": {"psnr": 8.0, "ciede2000": 32.0}, "100": {"psnr": 24.0, "ciede2000": 16.0}},
    }
    assert list(metrics["by_hints"]) == ["10", "100"]
    assert json.loads(json.dumps(metrics)) == metrics


def test_order_of_the_rows_does_not_matter():
    rows = [row(str(n), 10, math.sin(n) * 20 + 20) for n in range(500)]
    assert aggregate_results(rows, PROTOCOL) == aggregate_results(rows[::-1], PROTOCOL)


def test_no_images():
    metrics = aggregate_results([], PROTOCOL)
    assert (metrics["images"], metrics["by_hints"]) == (0, {})


@pytest.mark.parametrize(("protocol", "mean", "images"), [(PROTOCOL, 20, 2), (Patches2017([10]), 50, 3)])
def test_colorless_images_count_only_in_published_protocols(protocol, mean, images):
    rows = [row("x", 10, 10), row("y", 10, 30), row("gray", 10, 110, colorless=True)]
    metrics = aggregate_results(rows, protocol)
    assert metrics["by_hints"]["10"]["psnr"] == mean
    assert metrics["images"] == images
    assert metrics["colorless"] == {"min_chroma": 4.0, "images": 1, "ids": ["id-gray"]}


# photos after 0, 1, 2, 3 and 4 clicks; targets 25 and 30
TABLE = {
    "a": [20, 26, 24, 30, 31],  # 25 after 1 click although it falls again, 30 after 3
    "b": [25, 25, 25, 25, 25],  # 25 at once, 30 never
    "c": [10, 12, 14, 16, 18],  # neither
    "d": [20, 21, 22, 23, 30],  # both after 4
}


def test_clicks_to_targets_of_a_table_by_hand():
    rows = rows_of(TABLE) + rows_of({"gray": [100] * 5}, colorless=True)
    metrics = aggregate_results(rows, Clicks([0, 2, 4], targets=[25.0, 30.0, 31.5]))
    assert metrics["clicks_to"] == {
        "25": {"mean": (1 + 0 + 5 + 4) / 4, "median": 2.5, "not_reached": 0.25},
        "30": {"mean": (3 + 5 + 5 + 4) / 4, "median": 4.5, "not_reached": 0.5},
        "31.5": {"mean": 5.0, "median": 5.0, "not_reached": 1.0},
    }
    assert list(metrics["by_hints"]) == ["0", "2", "4"]
    assert metrics["by_hints"]["2"]["psnr"] == (24 + 25 + 14 + 22) / 4
    assert metrics["colorless"]["images"] == 1


def test_area_is_over_every_click_and_over_the_counts_of_regions():
    area = aggregate_results(rows_of({"a": [10, 20, 40]}), Clicks([0, 2]))["auc"]["psnr"]
    # log(1 + clicks) is 0, log 2 and log 3
    assert area == pytest.approx((15 * math.log(2) + 30 * (math.log(3) - math.log(2))) / math.log(3))
    rows = [row("a", 1, 10), row("a", 3, 30)]
    areas = aggregate_results(rows, Regions(hint_counts=[1, 3]))["auc"]
    assert areas["psnr"] == pytest.approx(20)
    assert list(areas) == ["psnr", "ciede2000"]


def test_area_under_a_constant_curve_is_the_constant():
    assert area_under_curve([0, 1, 2, 10, 50], [27.5] * 5) == pytest.approx(27.5)
    assert area_under_curve([1, 2, 10, 50], [27.5] * 4) == pytest.approx(27.5)


def test_protocols_of_random_hints_report_no_area_and_no_clicks():
    assert not {"auc", "clicks_to"} & aggregate_results([row("x", 10, 8), row("x", 100, 9)], PROTOCOL).keys()


def test_rows_come_back_from_the_file(tmp_path):
    table = tmp_path / "images.csv"
    rows = [row('a, "b".png', 0, 20.125), row("c", 10, 30.5, colorless=True)]
    append_rows(table, rows[:1])
    append_rows(table, rows[1:])
    append_rows(table, [])
    assert read_rows(table) == rows
    assert table.read_text().splitlines()[0] == "image,id,k,colorless,psnr,ciede2000"
    assert (tmp_path / "timings.csv").read_text().splitlines()[0] == "image,k,seconds"
    write_rows(table, rows[1:])
    assert read_rows(table) == rows[1:]
    (tmp_path / "timings.csv").unlink()
    assert [each.scores for each in read_rows(table)] == [rows[1].scores]
    write_rows(table, [])
    assert read_rows(table) == []


def test_image_that_is_listed_twice_counts_once(tmp_path):
    table = tmp_path / "images.csv"
    first = [row("a", 10, 20), row("b", 10, 30), row("a", 100, 25), row("b", 100, 35)]
    write_rows(table, [*first, *(each._replace(seconds=each.seconds + 1) for each in first[:1] + first[2:])])
    rows = read_rows(table)
    assert [(each.image, each.k) for each in rows] == [("a", 10), ("b", 10), ("a", 100), ("b", 100)]
    assert [each.seconds - old.seconds for each, old in zip(rows, first, strict=True)] == [1, 0, 1, 1]
    metrics = aggregate_results(rows, PROTOCOL)
    assert metrics == aggregate_results(first, PROTOCOL)
    assert metrics["images"] == 2


def test_files_of_format_1_are_read(tmp_path):
    (tmp_path / "images.csv").write_text("image,id,k,psnr,ssim,seconds\nx.png,abc,10,30.5,0.9,0.1\n")
    assert read_rows(tmp_path / "images.csv") == [
        ImageResult("x.png", "abc", 10, False, {"psnr": 30.5, "ssim": 0.9}, 0.1)
    ]
