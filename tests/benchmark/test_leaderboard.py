"""Statistics of a leaderboard, and the page in a browser."""

import numpy as np
import pytest

from chromahint.benchmark.benchmark_config import read_benchmark
from chromahint.benchmark.leaderboard import benchmark_content, leaderboard_markdown
from chromahint.benchmark.run_benchmark import plan_benchmark
from chromahint.report.evaluation_result import read_evaluation
from chromahint.report.statistics import bootstrap_interval, bootstrap_weights, p_value


@pytest.fixture
def content(tiny_benchmark, command, tmp_path, monkeypatch):
    assert command("benchmark", "bench.yaml", "-o", "out").status == 0
    monkeypatch.chdir(tmp_path)
    benchmark = read_benchmark("bench.yaml", tmp_path)
    plan = plan_benchmark(benchmark, tmp_path / "out", "cpu")
    pictures = {("tiny", protocol): [] for protocol in plan.protocols}
    return benchmark_content(benchmark, plan, pictures)


def test_intervals_and_tests_are_those_of_the_report(content, tmp_path):
    [board, _] = content["boards"]
    names = [method["name"] for method in content["methods"]]
    results = [read_evaluation(tmp_path / f"out/tiny/random_pixels/{name}") for name in names]
    for table in board["tables"]:
        scores = np.array([result.without(result.left_out).scores[table["metric"]] for result in results])
        summary = scores[:, 1:].mean(axis=1)
        assert np.array(table["mean"])[:, :-1] == pytest.approx(scores.mean(axis=-1), abs=1e-6)
        assert np.array(table["mean"])[:, -1] == pytest.approx(summary.mean(axis=-1), abs=1e-6)
        low, high = bootstrap_interval(summary, bootstrap_weights(summary.shape[-1]))
        assert np.array(table["low"])[:, -1] == pytest.approx(low, abs=1e-6)
        assert np.array(table["high"])[:, -1] == pytest.approx(high, abs=1e-6)
        if table["direction"] == 0:
            assert table["p"] == [None] * 3
            continue
        best = int(np.argmax(table["direction"] * summary.mean(axis=-1)))
        assert [p is None for p in table["p"]] == [row == best for row in range(3)]
        for row, p in enumerate(table["p"]):
            assert p is None or p == p_value(summary[row], summary[best])
            assert table["difference"][row] == pytest.approx((summary[row] - summary[best]).mean(), abs=1e-6)


def test_markdown_lists_the_best_first_and_in_bold(content):
    text = leaderboard_markdown(content)
    [_, board, _] = text.split("\n## ")
    rows = [line.split(" | ") for line in board.split("PSNR in dB:")[1].splitlines() if line.startswith("| ")][:4]
    assert rows[0][0] == "| method"
    assert rows[1][-3].startswith("**")
    means = [float(row[4].split(" [")[0].strip("*")) for row in rows[1:]]
    assert means == sorted(means, reverse=True)
    assert {row[0] for row in rows[1:]} == {"| pullpush", "| levin", "| gray"}
    assert "| tiny | 4 | our own | unknown |" in text


@pytest.mark.parametrize("width", [1400, 420])
def test_page_renders_without_overflow(browser, tiny_benchmark, command, tmp_path, width):
    assert command("benchmark", "bench.yaml", "-o", "out").status == 0
    browser.open(tmp_path / "out/benchmark.html", width=width)
    assert browser.errors == []
    assert browser.evaluate("document.documentElement.scrollWidth") == width
    assert browser.evaluate("document.querySelector('h1').innerText") == "Tiny & quick"
    assert browser.evaluate("document.querySelectorAll('section').length") == 4
    assert browser.evaluate("document.querySelectorAll('#board-0 .chart .line').length") == 3
    assert browser.evaluate("document.querySelectorAll('#board-0 img').length") == 18
    select = "document.querySelector('#board-0 select')"
    browser.evaluate(f"{select}.selectedIndex = 1; {select}.dispatchEvent(new Event('change'))")
    browser.wait_for_frame()
    assert "SSIM" in browser.evaluate("document.querySelector('#board-0 .chart').innerHTML")
