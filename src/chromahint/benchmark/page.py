"""Write the results of a benchmark: one self-contained HTML page, and leaderboard.md."""

from __future__ import annotations

from pathlib import Path

from chromahint.benchmark.benchmark_config import Benchmark
from chromahint.benchmark.leaderboard import benchmark_content, describe_board, leaderboard_markdown
from chromahint.benchmark.pictures import draw_pictures
from chromahint.benchmark.run_benchmark import Plan
from chromahint.report.page import REPORT_ASSETS, write_page
from chromahint.runs.files import write_text

BENCHMARK_SCRIPTS = (
    REPORT_ASSETS / "elements.js",
    REPORT_ASSETS / "chart.js",
    Path(__file__).parent / "assets" / "benchmark.js",
)


def write_results(benchmark: Benchmark, plan: Plan, output: Path) -> list[Path]:
    """Write benchmark.html and leaderboard.md.

    Args:
        benchmark: Config of the benchmark.
        plan: Its plan, of which every task is finished.
        output: Folder of the results.

    Returns:
        The files.
    """
    pictures = {
        (set_label, protocol): draw_pictures(
            plan, [task for task in plan.tasks if (task.set, task.protocol) == (set_label, protocol)]
        )
        for set_label in plan.sets
        for protocol in plan.protocols
    }
    content = benchmark_content(benchmark, plan, pictures)
    for board in content["boards"]:
        board["description"] = describe_board(board)
    page, leaderboard = output / "benchmark.html", output / "leaderboard.md"
    write_page(content, page, BENCHMARK_SCRIPTS)
    write_text(leaderboard, leaderboard_markdown(content))
    return [page, leaderboard]
