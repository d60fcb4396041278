"""The page contains the scores, and text from runs is never executed."""

import datetime
import re

import numpy as np
import pytest
import yaml

from chromahint.report.page_data import downsample
from support.synthetic_runs import content_of, scores_of, write_run


@pytest.fixture(scope="module")
def page(group, here, tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    shown = here(folder, "report", group, "--gallery", "0")
    assert shown.status == 0, shown.err
    assert shown.out == "report.html\n"
    return folder / "report.html"


def test_scores_are_means_over_images(page, tmp_path):
    found = content_of(page)
    assert [each["name"] for each in found["networks"]] == ["better", "good", "bad", "levin", "pullpush"]
    expected = write_run(tmp_path / "good", 2.0, number=0)
    assert list(found["metrics"]) == ["psnr", "ssim", "ciede2000"]
    for metric, scores in scores_of(expected).items():
        if metric not in found["metrics"]:
            continue
        summary = found["scores"][metric]
        assert summary["mean"][1][:4] == pytest.approx(scores.mean(1), abs=1e-4)
        assert summary["mean"][1][4] == pytest.approx(scores[1:].mean(), abs=1e-4)
        for low, mean, high in zip(*(np.ravel(summary[key]) for key in ("low", "mean", "high")), strict=True):
            assert low <= mean <= high
        assert summary["difference"][0] == [0] * 5


def test_win_rates_respect_the_direction_of_a_metric(page):
    found = content_of(page)["pairs"]
    assert np.array(found["win_rates"]["psnr"]).min() < 0.5 < np.array(found["win_rates"]["psnr"]).max()
    # in these runs, a higher PSNR is a lower color difference
    assert np.array(found["win_rates"]["ciede2000"]) == pytest.approx(np.array(found["win_rates"]["psnr"]), abs=0.03)


def test_format_1_has_no_color_difference(tmp_path, command):
    write_run(tmp_path / "a", format=1)
    assert command("report", tmp_path, "--gallery", "0").status == 0
    found = content_of(tmp_path / "report.html")
    assert list(found["metrics"]) == list(found["scores"]) == ["psnr", "ssim"]
    assert found["colorless"] == {"images": 0, "min_chroma": None, "left_out": False}


@pytest.mark.parametrize("kept", [False, True])
def test_colorless_photos_are_counted(tmp_path, command, kept):
    write_run(tmp_path / "a", colorless=(2, 4), keep_colorless=kept)
    assert command("report", tmp_path, "--gallery", "0").status == 0
    found = content_of(tmp_path / "report.html")
    assert found["num_images"] == (20 if kept else 18)
    assert found["colorless"] == {"images": 2, "min_chroma": 2.0, "left_out": not kept}


def test_cost_of_networks(page):
    unet, *_, pullpush = content_of(page)["networks"]
    assert unet["parameters"] > 1_000_000
    assert unet["gmac"] > 1
    assert unet["seconds"] == 0.05
    assert (pullpush["parameters"], pullpush["trained"]) == (0, False)


def test_only_differing_options_are_listed(page):
    found = content_of(page)["differences"]
    assert found["keys"] == ["optimizer.lr"]
    assert found["rows"]["better"] == [pytest.approx(0.002)]


def test_options_of_any_type_are_listed(tmp_path, command):
    kinds = [float("inf"), datetime.date(2026, 1, 31), [1, [2, 3]], None, True, 2]
    for number, value in enumerate(kinds):
        write_run(tmp_path / f"{number}", number=number)
        file = tmp_path / f"{number}/config.yaml"
        file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), "own": {"option": value}}))
    assert command("report", tmp_path, "--gallery", "0").status == 0
    found = content_of(tmp_path / "report.html")["differences"]
    column = found["keys"].index("own.option")
    shown = [found["rows"][str(number)][column] for number in range(len(kinds))]
    assert shown == ["inf", "2026-01-31", "1, [2, 3]", None, True, 2]


def test_long_curves_are_downsampled():
    steps, values = downsample((list(range(10_000)), [float(step) for step in range(10_000)]), 50)
    assert len(steps) == 50
    assert values == pytest.approx(steps)
    assert downsample(([], []), 50) == ([], [])


def test_page_loads_nothing_from_the_network(page):
    text = page.read_text()
    assert "default-src 'none'" in text
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#)""", text)
    assert not re.findall(r"https?://(?!www\.w3\.org)", text)


HOSTILE = "</script><script>document.title='run'</script><img src=x onerror=alert(1)>"


@pytest.fixture
def hostile(tmp_path, command):
    """A page of runs whose names and options contain HTML and scripts."""
    for number in range(2):
        folder = tmp_path / "<b>bold & {{DATA}}" / f"{number}<img src=x onerror=alert(1)>"
        write_run(folder, number=number)
        config = yaml.safe_load((folder / "config.yaml").read_text())
        (folder / "config.yaml").write_text(yaml.safe_dump(config | {"note": f"{HOSTILE}{number}"}))
    assert command("report", tmp_path, "--gallery", "0").status == 0
    return tmp_path / "report.html"


def test_html_in_runs_is_escaped(hostile):
    text = hostile.read_text()
    assert "<img" not in text
    assert text.count("</script>") == 2
    assert f"{HOSTILE}1" in content_of(hostile)["differences"]["rows"].popitem()[1]


def test_html_in_runs_is_inert_in_a_browser(hostile, browser):
    browser.open(hostile)
    assert browser.errors == []
    assert browser.evaluate("document.querySelectorAll('img, h1 b').length") == 0
    assert HOSTILE in browser.evaluate("document.querySelector('#options').textContent")


def test_unavailable_network_has_no_cost(tmp_path, command):
    write_run(tmp_path / "a")
    file = tmp_path / "a/evaluation/random_pixels/evaluation.json"
    file.write_text(file.read_text().replace("chromahint.models.unet.UNet", "somewhere.else.Net"))
    assert command("report", tmp_path, "--gallery", "0").status == 0
    assert content_of(tmp_path / "report.html")["networks"][0]["parameters"] is None


def test_page_of_a_hundred_runs_is_small(tmp_path, command):
    for number in range(100):
        write_run(tmp_path / f"{number}", number / 50, photos=100, number=number, width=8 + 2 * (number % 5))
    assert command("report", tmp_path, "--gallery", "0").status == 0
    assert len(content_of(tmp_path / "report.html")["networks"]) == 100
    assert (tmp_path / "report.html").stat().st_size < 2e6
