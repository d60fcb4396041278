"""The page in a real browser: no console errors, sorting, pointer and keyboard, layout."""

import pytest

ORDER = "[...document.querySelectorAll('#leaderboard tbody tr')].map((row) => row.dataset.run)"


@pytest.fixture(scope="module")
def page(group, here, tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    assert here(folder, "report", group, "--gallery", "0").status == 0
    return folder / "report.html"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1400, 420])
def test_page_renders_without_overflow(browser, page, width, dark):
    browser.open(page, width=width, dark=dark)
    assert browser.errors == []
    assert browser.evaluate("document.documentElement.scrollWidth") == width, "no horizontal overflow"
    assert browser.evaluate("document.title") == "group · Chromahint"
    lines = "[...document.querySelectorAll('#hints .chart .line')].map((line) => line.getTotalLength())"
    assert min(browser.evaluate(lines)) > 100
    assert len(browser.evaluate(lines)) == 5
    assert browser.evaluate("document.querySelectorAll('#training .chart').length") == 2
    assert browser.evaluate("document.querySelectorAll('#training .chart .line').length") == 12, "six runs, two charts"
    paper = browser.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(19, 20, 22)") == dark


def test_header_names_the_best_run(browser, page):
    browser.open(page)
    shown = browser.evaluate("document.querySelector('header').innerText")
    for part in ("Best run\nbetter", "Lead over good", "\nstatistically significant: ", "Best baseline\nlevin"):
        assert part in shown
    assert "elsewhere evaluated on different images" in browser.evaluate(
        "document.querySelector('#excluded').innerText"
    )


def test_clicking_a_heading_sorts_and_reverses(browser, page):
    browser.open(page)
    assert browser.evaluate(ORDER)[0] == "better"
    head = "document.querySelectorAll('#leaderboard thead button')[{}].click()"
    browser.evaluate(head.format(0))
    assert browser.evaluate(ORDER) == sorted(browser.evaluate(ORDER))
    browser.evaluate(head.format(0))
    assert browser.evaluate(ORDER) == sorted(browser.evaluate(ORDER), reverse=True)
    browser.evaluate(head.format(3))
    means = browser.evaluate(
        "[...document.querySelectorAll('#leaderboard tbody td:nth-child(4)')].map((c) => parseFloat(c.innerText))"
    )
    assert means == sorted(means, reverse=True)
    assert (
        browser.evaluate("[...document.querySelectorAll('#leaderboard th')].map((th) => th.ariaSort)")[3]
        == "descending"
    )


def test_metric_switch_updates_all_sections(browser, page):
    browser.open(page)
    button = "[...document.querySelectorAll('nav button')].find((each) => each.textContent === 'SSIM').click()"
    browser.evaluate(button)
    browser.wait_for_frame()
    assert "SSIM, mean" in browser.evaluate("document.querySelector('#leaderboard thead').innerText")
    assert browser.evaluate("document.querySelector('#hints .chart svg').ariaLabel").startswith("SSIM")
    assert browser.evaluate("document.querySelector('#leaderboard td.best').firstChild.textContent") == "0.9000"


def test_lower_color_difference_is_better(browser, page):
    browser.open(page)
    browser.evaluate("[...document.querySelectorAll('nav button')].find((b) => b.textContent === '\u0394E').click()")
    browser.wait_for_frame()
    assert browser.errors == []
    assert browser.evaluate(ORDER)[0] == "better", "the best run stays on top"
    best = browser.evaluate("document.querySelector('#leaderboard td.best').closest('tr').dataset.run")
    assert best == "better"
    cells = browser.evaluate(
        "[...document.querySelectorAll('#leaderboard td.best')].map((td) => parseFloat(td.innerText))"
    )
    column = browser.evaluate(
        "[...document.querySelectorAll('#leaderboard tbody td:nth-child(2)')].map((td) => parseFloat(td.innerText))"
    )
    assert cells[0] == min(column)
    assert column == sorted(column)
    assert "lower is better" in browser.evaluate("document.querySelector('#leaderboard .controls').innerText")
    browser.evaluate("[...document.querySelectorAll('nav button')][0].click()")
    browser.wait_for_frame()
    assert browser.evaluate(ORDER)[0] == "better"


def test_hovering_shows_values_and_highlights_the_run(browser, page):
    browser.open(page)
    browser.evaluate("document.querySelector('#hints').scrollIntoView()")
    x, y = browser.evaluate(
        "(({x, y}) => [x + 100, y + 60])(document.querySelector('#hints .chart svg').getBoundingClientRect())"
    )
    browser.mouse(x, y)
    tip = browser.evaluate("document.querySelector('#hints .tip').innerText")
    assert all(name in tip for name in ("better", "good", "bad", "levin", "pullpush"))
    assert " dB" in tip
    assert browser.evaluate("document.querySelectorAll('#leaderboard tr.highlighted').length") == 1
    browser.mouse(2, 2)
    assert browser.evaluate("document.querySelector('#hints .tip').hidden")
    assert browser.evaluate("document.querySelectorAll('.highlighted').length") == 0


def test_keyboard_navigation(browser, page):
    browser.open(page)
    browser.evaluate("document.querySelector('#leaderboard thead button').focus()")
    browser.press("Enter")
    assert browser.evaluate(ORDER) == sorted(browser.evaluate(ORDER))
    browser.evaluate("document.querySelector('#hints .chart svg').focus()")
    browser.press("ArrowRight")
    browser.press("ArrowRight")
    assert "1 hint" in browser.evaluate("document.querySelector('#hints .tip').innerText")
    first = browser.evaluate("document.querySelector('#hints .tip .nearest').innerText")
    browser.press("ArrowDown")
    assert browser.evaluate("document.querySelector('#hints .tip .nearest').innerText") != first


def test_win_rates_of_pairs_add_up(browser, page):
    browser.open(page)
    cells = browser.evaluate(
        "[...document.querySelectorAll('.pairs tbody tr')].map((r) => [...r.cells].slice(1).map((c) => c.innerText))"
    )
    for row in range(len(cells)):
        for column in range(row):
            assert int(cells[row][column]) + int(cells[column][row]) == pytest.approx(100, abs=1)
