"""Clicks to a target: figures agree with a loop, and the page shows bars, curves, and a filmstrip."""

import base64
import csv
import io
import shutil

import numpy as np
import pytest
from PIL import Image

from chromahint.evaluation.curves import area_under_curve, clicks_to_target
from chromahint.report import filmstrip as filmstrip_module
from support.synthetic_runs import CLICKS, content_of, write_evaluation, write_run


def decode(uri):
    data = base64.b64decode(uri.removeprefix("data:image/jpeg;base64,"))
    return np.asarray(Image.open(io.BytesIO(data)), np.float64)


@pytest.fixture(scope="module")
def page(here, tmp_path_factory):
    """A page of two runs and a baseline, evaluated with clicks; one photo is colorless."""
    folder = tmp_path_factory.mktemp("clicks")
    for number, (name, ahead) in enumerate({"good": 2.0, "better": 3.0}.items()):
        psnr = write_run(folder / "group" / name, ahead, number=number, protocol="clicks", colorless=(4,))
    levin = {"_target_": "chromahint.models.levin.Levin"}
    baseline = folder / "group/comparison/baselines/levin"
    write_evaluation(baseline, psnr - 6, protocol="clicks", model=levin, colorless=(4,))
    shown = here(folder, "report", "group", "--gallery", "0")
    assert shown.status == 0, shown.err
    return folder / "report.html"


def test_clicks_to_target_match_a_loop():
    psnr = np.random.default_rng(0).uniform(20, 30, (11, 40))
    psnr[:, 3] = 10
    found = clicks_to_target(range(11), psnr, 27)
    expected = [next((k for k in range(11) if psnr[k, photo] >= 27), 11) for photo in range(40)]
    assert found.tolist() == expected
    assert found[3] == 11


def test_area_of_a_straight_line_is_its_mean_height():
    x = np.log1p(np.arange(51)) / np.log(51)
    assert area_under_curve(range(51), 20 + 10 * x[:, None]) == pytest.approx([25])


def test_statistics_match_the_files(page):
    found = content_of(page)["clicks"]
    assert found["largest"] == 50
    assert [each["target"] for each in found["targets"]] == [26, 28, 30, 32]
    for row, name in enumerate(each["name"] for each in content_of(page)["networks"] if each["trained"]):
        psnr = write_run(page.parent / f"again-{name}", {"good": 2.0, "better": 3.0}[name],
                         number={"good": 0, "better": 1}[name], protocol="clicks", evaluated=False)  # fmt: skip
        psnr = np.delete(psnr, 4, axis=1)
        for target in found["targets"]:
            clicks = clicks_to_target(range(51), psnr, target["target"])
            assert target["mean"][row] == pytest.approx(clicks.mean(), abs=1e-4)
            assert target["median"][row] == np.median(clicks)
            assert target["not_reached"][row] == pytest.approx((clicks == 51).mean(), abs=1e-4)
            assert target["low"][row] <= target["mean"][row] <= target["high"][row]


def test_area_is_a_column_of_its_own(page):
    found = content_of(page)
    assert found["has_area"]
    assert found["hint_counts"] == CLICKS
    assert found["hint_curves"]["counts"] == list(range(51))
    for metric in found["metrics"]:
        curves = np.array(found["hint_curves"]["means"][metric])
        areas = [row[-1] for row in found["scores"][metric]["mean"]]
        assert areas == pytest.approx([area_under_curve(range(51), curve[:, None])[0] for curve in curves], abs=1e-4)


@pytest.mark.parametrize("width", [1400, 420])
def test_bars_and_curves_are_drawn(browser, page, width):
    browser.open(page, width=width)
    assert browser.errors == []
    assert browser.evaluate("document.documentElement.scrollWidth") == width
    bars = browser.evaluate(
        "[...document.querySelectorAll('#clicks .bar')].map((bar) => bar.getBoundingClientRect().width)"
    )
    assert len(bars) == 4 * 3
    means = [value for target in content_of(page)["clicks"]["targets"] for value in target["mean"]]
    assert bars[2] / bars[0] == pytest.approx(means[2] / means[0], rel=0.05)
    lines = browser.evaluate("[...document.querySelectorAll('#hints .chart .line')].map((l) => l.getAttribute('d'))")
    assert [line.count("L") for line in lines] == [50] * 3
    assert "50 clicks" in browser.evaluate("document.querySelector('#clicks').innerText")


@pytest.fixture(scope="module")
def clicked(here, smoke_run, tmp_path_factory):
    """A small trained run and a baseline, evaluated with five clicks."""
    folder = tmp_path_factory.mktemp("clicked")
    shutil.copytree(smoke_run, folder / "run")
    words = ["protocol=clicks", "protocol.size=64", "protocol.hint_counts=[0,1,2,5]", "device=cpu"]
    assert here(folder, "evaluate", "run=run", *words).status == 0
    shown = here(
        folder, "report", "run", "--evaluation", "clicks", "--baseline", "levin", "--gallery", "2", "-o", "page.html"
    )
    assert shown.status == 0, shown.err
    return folder


def test_filmstrip_shows_the_clicks_of_the_evaluation(clicked):
    found = content_of(clicked / "page.html")["filmstrip"]
    assert found["counts"] == [0, 1, 2, 5]
    assert list(found["strips"]) == ["run", "levin"]
    table = csv.DictReader((clicked / "run/evaluation/clicks/images.csv").read_text().splitlines())
    rows = {(row["image"], int(row["k"])): row for row in table}
    for image, name in enumerate(found["image_names"]):
        for strips in found["strips"].values():
            assert len(strips[image]["frames"]) == 4
            assert len({tuple(click) for click in strips[image]["clicks"]}) == 5
        for metric in ("psnr", "ciede2000"):
            expected = [float(rows[name, count][metric]) for count in found["counts"]]
            assert found["scores"][metric]["run"][image] == pytest.approx(expected)
        truth = decode(found["ground_truth"][image])
        for frame, score in zip(
            found["strips"]["run"][image]["frames"], found["scores"]["psnr"]["run"][image], strict=True
        ):
            shown = 10 * np.log10(255**2 / ((decode(frame) - truth) ** 2).mean())
            assert shown == pytest.approx(score, abs=1.5), "the frame is the evaluated one, up to JPEG"


def test_filmstrip_is_drawn_once(clicked, here, monkeypatch):
    monkeypatch.setattr(filmstrip_module, "rebuild_network", lambda *_: pytest.fail("colorized again"))
    words = ["report", "run", "--evaluation", "clicks", "--gallery", "2", "-o", "again.html"]
    assert here(clicked, *words).status == 0
    again, first = (content_of(clicked / f"{name}.html")["filmstrip"] for name in ("again", "page"))
    assert again == first


@pytest.mark.parametrize("width", [1400, 420])
def test_filmstrip_compares_two_networks(browser, clicked, width):
    browser.open(clicked / "page.html", width=width)
    assert browser.errors == []
    assert browser.evaluate("document.documentElement.scrollWidth") == width
    images = "[...document.querySelectorAll('#filmstrip img')]"
    assert browser.evaluate(f"{images}.every((image) => image.naturalWidth === 64)")
    assert browser.evaluate(f"{images}.length") == 4 * 2 + 1
    places = browser.evaluate(
        f"{images}.slice(0, 4).map((image) => image.getBoundingClientRect()).map((r) => [r.x, r.y])"
    )
    aligned = 0 if width == 1400 else 1  # both networks after the same clicks: in a column, or side by side on a phone
    assert places[0][aligned] == pytest.approx(places[1][aligned])
    assert places[2][aligned] == pytest.approx(places[3][aligned])
    assert browser.evaluate("document.querySelectorAll('#filmstrip i').length") == 2 * (1 + 2 + 5)
    captions = "[...document.querySelectorAll('#filmstrip figcaption')].map((each) => each.innerText)"
    assert browser.evaluate(captions)[0].startswith("no clicks, ")
    assert browser.evaluate(captions)[0].endswith(" dB")
    browser.evaluate("[...document.querySelectorAll('nav button')].at(-1).click()")
    assert not browser.evaluate(captions)[0].endswith(" dB")
    choose = "((box) => { box.selectedIndex = 0; box.dispatchEvent(new Event('change')); })"
    browser.evaluate(f"{choose}(document.querySelectorAll('#filmstrip select')[2])")
    assert browser.evaluate(f"{images}.length") == 4 + 1, "one network"
