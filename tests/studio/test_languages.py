"""The page in other languages: which one is chosen, that all of it is translated, and that long words fit."""

import json
import re

import pytest

from studio.test_translations import ASSETS, PLURALS, read
from support.axe import violations

VISIBLE_TEXTS = """(() => {
  const texts = new Set();
  const add = (text) => { if (text?.trim()) texts.add(text.trim()); };
  const walk = (element) => {
    if (element.matches("script, style, noscript, select, kbd, #samples span") || !element.checkVisibility()) return;
    for (const name of ["title", "aria-label", "placeholder", "alt", "aria-valuetext"]) add(element.getAttribute(name));
    if (element.querySelector(":scope > kbd")) {
      add([...element.childNodes].map((e) => e.nodeName === "KBD" ? `[${e.textContent}]` : e.textContent).join(""));
    } else {
      for (const child of element.childNodes) child.nodeType === 1 ? walk(child) : add(child.textContent);
    }
  };
  walk(document.body);
  return [document.title, ...texts];
})()"""
TOO_WIDE = """[...document.querySelectorAll("button, select, input, label, h2, p, dd, dt")].filter((each) => {
  const { left, right } = each.getBoundingClientRect();
  const menu = each.closest("#color-menu, dialog, aside > *")?.getBoundingClientRect();
  const isCut = each.scrollWidth > each.clientWidth + 1 && getComputedStyle(each).overflowX === "hidden";
  return each.checkVisibility() && right > left && !each.matches("#photo-name") && (isCut || right > innerWidth + 1
    || (menu && right > menu.right + 1));
}).map((each) => each.outerHTML)"""


@pytest.fixture
def speak(studio, address):
    """Opens the page in a browser that prefers some languages."""
    agent = studio.browser.call("Browser.getVersion")["userAgent"]

    def open_page(languages, **options):
        studio.browser.call("Network.setUserAgentOverride", userAgent=agent, acceptLanguage=languages)
        studio.open(address, **options)

    yield open_page
    studio.browser.evaluate("localStorage.clear()")
    studio.browser.call("Network.setUserAgentOverride", userAgent=agent, acceptLanguage="en-US,en")


def language(studio):
    return studio.browser.evaluate("[document.documentElement.lang, document.getElementById('open').textContent]")


def reload(studio, action):
    """Do something that loads the page anew, and wait until it is there."""
    studio.browser.evaluate("document.body.dataset.ready = 'leaving'")
    studio.browser.evaluate(action)
    studio.browser.wait_for("document.body?.dataset.ready === 'yes'")


def test_language_is_the_first_of_the_browser_that_the_page_has(studio, speak):
    cases = {"de-AT,de,en": "de", "en-GB,de": "en", "zh-TW": "zh", "eo,constructor,fr,de": "fr", "eo": "en"}
    for preferred, chosen in cases.items():
        speak(preferred)
        assert language(studio) == [chosen, "Open" if chosen == "en" else read(chosen)["Open"]], preferred


def test_language_in_the_address_comes_before_the_choice_which_comes_before_the_browser(studio, speak):
    speak("de")
    studio.open_sample()
    studio.wait_for_colors(lambda: studio.click(0.5, 0.5))
    studio.click_button("home")
    assert studio.browser.evaluate("document.getElementById('language').value") == "de"
    reload(
        studio,
        "(() => { const box = document.getElementById('language'); box.value = 'fr'; "
        "box.dispatchEvent(new Event('change')); })()",
    )
    assert language(studio) == ["fr", "Ouvrir"]
    assert studio.browser.evaluate("document.getElementById('language').checkVisibility()")
    assert studio.browser.evaluate("location.hash") == ""
    reload(studio, "location.reload()")
    assert not studio.browser.evaluate("document.getElementById('language').checkVisibility()")
    assert studio.text("annotation-count") == "1 point"  # nothing was lost
    reload(studio, "location.search = '?lang=es-MX'")
    assert language(studio) == ["es", "Abrir"]
    studio.open(studio.address)
    assert language(studio) == ["fr", "Ouvrir"]
    reload(studio, "location.search = '?lang=xx'")
    assert language(studio) == ["fr", "Ouvrir"]


def test_page_stays_english_if_a_translation_does_not_arrive(studio, speak):
    studio.browser.call("Network.setBlockedURLs", urls=["*/languages/*"])
    speak("ja")
    assert language(studio) == ["en", "Open"]
    assert studio.browser.evaluate("getComputedStyle(document.body).visibility") == "visible"
    studio.browser.call("Network.setBlockedURLs", urls=[])
    studio.browser.errors[:] = [each for each in studio.browser.errors if "ERR_BLOCKED" not in json.dumps(each)]


def untranslated(texts, spoken):
    """The texts that are neither those of a language, with values filled in, nor names of photos and the like."""
    texts_of_language = []
    for translation in read(spoken).values():
        texts_of_language += translation.values() if isinstance(translation, dict) else [translation]
    patterns = [re.sub(r"\\\{\w+\\\}", ".+", re.escape(text)) for text in texts_of_language]
    data = [r"\w+\.jpg", "#[0-9a-f]{6}", r"[\W\d]*", r"[\d.,]+ dB", "SpreadNet", r"(\[.\] ?)+"]
    known = re.compile("|".join([*patterns, *data]))
    return [
        text
        for text in texts
        if not all(known.fullmatch(part) for part in re.split(r", | · ", text)) and not known.fullmatch(text)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("spoken", ["de", "ja"])
def test_all_that_a_person_sees_is_translated_and_accessible(studio, speak, album, spoken):
    speak(spoken)
    assert violations(studio) == []
    seen = set(studio.browser.evaluate(VISIBLE_TEXTS))
    studio.wait_for_colors(lambda: studio.browser.set_files("#photo-file", *album))
    studio.browser.evaluate("document.getElementById('points').open = true")
    seen |= set(studio.browser.evaluate(VISIBLE_TEXTS))
    studio.wait_for_colors(lambda: studio.click(0.5, 0.5))
    assert studio.browser.evaluate("document.getElementById('color-menu').checkVisibility()")
    assert violations(studio) == []
    seen |= set(studio.browser.evaluate(VISIBLE_TEXTS))
    for key in ("Escape", "Escape", "x", ",", "ArrowLeft", "w", "2", "m", "PageUp"):
        studio.browser.press(key)
        studio.wait_until_idle()
        seen |= set(studio.browser.evaluate(VISIBLE_TEXTS))
    for details in ("#prepare", "aside section details"):
        studio.browser.evaluate(f"document.querySelector('{details}').open = true")
    for dialog in ("help", "download", "copy", "export", "conflict"):
        studio.browser.evaluate(f"document.getElementById('{dialog}-dialog').showModal()")
        assert dialog != "help" or violations(studio) == []
        seen |= set(studio.browser.evaluate(VISIBLE_TEXTS))
        studio.browser.press("Escape")
    studio.wait_until_saved()
    studio.click_button("home")
    studio.browser.wait_for("document.querySelectorAll('#recent-photos li').length === 3")
    studio.browser.evaluate("document.querySelector('#recent-photos .delete').click()")
    seen |= set(studio.browser.evaluate(VISIBLE_TEXTS))
    translations = read(spoken)
    assert {translations["Undo"], translations["Close"], translations["This can't be undone."]} <= seen
    assert untranslated(seen, spoken) == []


def test_what_goes_wrong_is_told_in_the_language(studio, speak, tmp_path):
    speak("de")
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear Emma")
    studio.browser.set_files("#photo-file", letter)
    studio.browser.wait_for("document.getElementById('notice').classList.contains('error')")
    sentence = read("de")["{name}: this can't be opened as a photo. Try a JPEG, PNG, or TIFF file."]
    assert studio.text("notice") == sentence.replace("{name}", "letter.txt")
    studio.browser.errors.clear()  # the browser complains about the answer 422
    answer = studio.evaluate("""import('/assets/api.js').then(({ request }) => {
        const { fetch } = window;
        const body = JSON.stringify({ error: "old.jpg: can't be written." });
        window.fetch = async () => new Response(body, { status: 507 });
        return request("/").catch(({ message }) => message).finally(() => { window.fetch = fetch; });
    })""")
    assert answer == read("de")["There is no room left on the disk, or its folder can't be written to."]


def test_values_are_written_as_the_language_does(studio, speak):
    speak("fr")
    assert studio.evaluate("""import('/assets/translation.js').then(({ formatNumber, formatPercent, plural, t }) => [
        formatNumber(1234.5), formatPercent(40), plural(1, "{count} point", "{count} points"),
        plural(2000, "{count} point", "{count} points"), plural(1e6, "{count} point", "{count} points"),
        t("{position} of {total}", { position: 1, total: 1000 }), t("no such text {name}", { name: "x" })])""") == [
        "1\u202f234,5",
        "40\xa0%",
        "1 point",
        "2\u202f000 points",
        "1\u202f000\u202f000 points",
        "1 sur 1\u202f000",
        "no such text x",
    ]
    assert PLURALS["{count} points"] == "{count} point"


@pytest.mark.slow
@pytest.mark.parametrize("spoken", ["de", "fr"])
def test_long_words_fit(studio, speak, album, spoken):
    def check(find_too_wide=lambda: studio.browser.evaluate(TOO_WIDE)):
        for width in (320, 768, 1280):
            studio.browser.resize(width, 800)
            studio.browser.wait_for_frame()
            assert studio.browser.evaluate("document.documentElement.scrollWidth") <= width
            assert find_too_wide() == []

    speak(spoken)
    check(lambda: [])
    studio.wait_for_colors(lambda: studio.browser.set_files("#photo-file", *album))
    studio.wait_for_colors(lambda: studio.click(0.5, 0.5))
    studio.browser.evaluate("document.getElementById('prepare').open = true")
    check()
    for dialog in ("help", "download", "copy", "export", "conflict"):
        studio.browser.evaluate(f"document.getElementById('{dialog}-dialog').showModal()")
        check()
        studio.browser.press("Escape")


def test_page_hides_english_until_it_is_translated():
    """Otherwise, it would flash. The rule can't hide English itself, nor a page without scripts."""
    assert "html:not(:lang(en), .translated) { visibility: hidden; }" in (ASSETS / "studio.css").read_text()
    assert '<html lang="en">' in (ASSETS / "index.html").read_text()
