"""The files of translations: each has all texts of the page, and nothing else, in the forms that its language needs."""

import json
import re
from pathlib import Path

import pytest
from babel import Locale

import chromahint.studio
from support.page_texts import PageTexts, sentences, unwrapped_sentences

ASSETS = Path(chromahint.studio.__file__).parent / "assets"
FILES = {file.stem: file for file in (ASSETS / "languages").iterdir()}
SCRIPTS = {file.name: file.read_text() for file in ASSETS.glob("*.js") if file.name != "translation.js"}
SENTENCES = [sentence for script in SCRIPTS.values() for sentence in sentences(script)]
PLURALS = {text: one for text, one in SENTENCES if one}
TEXTS = PageTexts((ASSETS / "index.html").read_text()).texts | {text for text, _ in SENTENCES}

languages = pytest.mark.parametrize("language", sorted(FILES))


def read(language):
    return json.loads(FILES[language].read_text())


def placeholders(text):
    return sorted(set(re.findall(r"\{\w+\}", text)))


def keys(text):
    """The keyboard's keys in a text that are the same in all languages."""
    return sorted(re.findall(r"\[(.)\]", text))


def test_texts_of_a_page_are_found():
    page = '<p title="A tip">Some <b>bold</b> words<script>x = "no text"</script></p><dt>Hold <kbd>C</kbd></dt><i>+</i>'
    assert PageTexts(page).texts == {"A tip", "Some", "bold", "words", "Hold [C]"}


def test_sentences_of_a_script_are_found():
    script = """
    // t("a comment")
    notify(isDone ? t("Done: {name}.", { name }) : plural(count, "{count} \\"dot\\"", "{count} dots"));
    plural(
      list.length,
      "One is left.",
      "Many are left.",
    );
    """
    found = [("Done: {name}.", ""), ("{count} dots", '{count} "dot"'), ("Many are left.", "One is left.")]
    assert list(sentences(script)) == found
    with pytest.raises(AssertionError, match="whole sentences"):
        list(sentences("t(`${count} dots`)"))


def test_sentences_that_are_not_translated_are_found():
    script = 'notify("Not translated."); notify(`${count} More of it`); t("Wrapped up."); x = "list box";'
    assert unwrapped_sentences(script) == ['"Not translated."', "`${count} More of it`"]


def test_scripts_show_no_sentence_that_is_not_translated():
    assert len(TEXTS) > 300
    assert [text for script in SCRIPTS.values() for text in unwrapped_sentences(script)] == []


def test_page_offers_the_languages_that_it_has():
    script = (ASSETS / "translation.js").read_text()
    offered = dict(re.findall(r'(\w\w): "([^"]+)"', re.search(r"LANGUAGES = {(.*?)}", script, re.DOTALL)[1]))
    assert set(offered) == {"en", *FILES}
    for language, name in offered.items():
        assert name.removeprefix("简体").casefold() == Locale(language).get_display_name().casefold()


@languages
def test_a_language_has_every_text_of_the_page_and_no_other(language):
    translated = set(read(language))
    assert sorted(TEXTS - translated) == []
    assert sorted(translated - TEXTS) == []


@languages
def test_plurals_have_the_forms_of_their_language(language):
    categories = {*Locale(language).plural_form.tags, "other"}
    for text, translation in read(language).items():
        if text in PLURALS:
            assert set(translation) == categories, text
        else:
            assert isinstance(translation, str), text


@languages
def test_translations_fill_in_the_same_values_and_name_the_same_keys(language):
    for text, translation in read(language).items():
        for each in translation.values() if text in PLURALS else [translation]:
            assert each == each.strip() != "", text
            assert placeholders(each) == placeholders(text), text
            assert keys(each) == keys(text), text
    for other, one in PLURALS.items():
        assert placeholders(one) == placeholders(other)


@languages
def test_files_are_sorted_for_easy_merging(language):
    expected = json.dumps(read(language), ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    assert FILES[language].read_text() == expected


def test_colors_can_be_told_apart_by_their_names():
    colors = [text for text, _ in sentences(SCRIPTS["named_colors.js"]) if text[0].islower()]
    for language in FILES:
        names = [read(language)[text] for text in sorted(set(colors))]
        assert len(set(names)) == len(names)


WIDE = ",.?!:;".translate({ord(each): ord(each) + 0xFEE0 for each in ",.?!:;"})
BAD_PUNCTUATION = {
    "fr": r"[^\s\u202f(][;:!?](?!\S)| [;:!?]|\u00ab(?!\u202f)|(?<!\u202f)\u00bb|'",
    "de": r"['\"]|[^\u00a0]\u2026",
    "es": r"['\"]|^[^\u00bf]*\?$|^[^\u00a1]*! ",
    "ja": r"[^\x00-\x7f\uff08][,.?!:;](?!\d)",
    "ko": rf"['\"{WIDE}]",
    "zh": r"[^\x00-\x7f\uff08][,.?!:;](?!\d)",
}


@languages
def test_punctuation_is_that_of_the_language(language):
    for translation in read(language).values():
        for text in translation.values() if isinstance(translation, dict) else [translation]:
            without_keys = re.sub(r"\(.\)|\[.\]", "", text)
            assert re.search(BAD_PUNCTUATION[language], without_keys) is None, text
