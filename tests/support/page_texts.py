"""Finds the texts of the studio's page: those in its HTML, and the sentences that its scripts show."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

ATTRIBUTES = ("title", "aria-label", "placeholder", "alt")
VOID = {"meta", "link", "input", "img", "br", "path"}
NOT_SHOWN = {"script", "style", "noscript"}
STRING = r'"(?:[^"\\]|\\.)*"'
COMMENT = r"(?<![:\"'])//[^\n]*|/\*.*?\*/"
TOKEN = re.compile(rf"(?P<string>{STRING})|(?P<template>`(?:[^`\\]|\\.)*`)|(?P<comment>{COMMENT})", re.DOTALL)
CALL = re.compile(rf"(?<![\w.$])(?P<name>t|plural)\((?P<count>\s*[\w.]+,(?=\s*\"))?(?P<texts>(?:\s*{STRING},?)*)")


def has_words(text: str) -> bool:
    """Whether a text has something to translate, besides keys such as `[Z]` and placeholders such as `{name}`."""
    return re.search(r"[^\W\d_]{2}", re.sub(r"\{\w+\}", "", text)) is not None


class PageTexts(HTMLParser):
    """Collects the texts of a page in `texts`. A text with keys in it is one sentence: "Hold [C]"."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: set[str] = set()
        self._open: list[str] = []
        self._runs: list[list[tuple[str, bool]]] = [[]]  # of each open element: pieces, and whether they are keys
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.texts |= {value for name, value in attributes if name in ATTRIBUTES and value and has_words(value)}
        if tag in VOID:
            return
        self._open.append(tag)
        self._runs.append([])

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        assert self._open.pop() == tag, tag
        pieces = self._runs.pop()
        if tag == "kbd":
            self._runs[-1].append((f"[{pieces[0][0]}]", True))
        elif tag not in NOT_SHOWN:
            self._add(pieces)

    def handle_data(self, data):
        self._runs[-1].append((data, False))

    def _add(self, pieces):
        if any(is_key for _, is_key in pieces):
            pieces = [("".join(text for text, _ in pieces), False)]
        self.texts |= {text for piece, _ in pieces if has_words(text := " ".join(piece.split()))}


def sentences(script: str) -> Iterator[tuple[str, str]]:
    """Yield the sentences that a script shows, as in `t("sentence")` and `plural(count, "one", "other")`.

    Of a plural, the form for one is yielded with the other, which is the key of its translations; else, it is empty.
    """
    for call in CALL.finditer(without_comments(script)):
        texts = [unquoted(text) for text in re.findall(STRING, call["texts"])]
        expected = 1 if call["name"] == "t" else 2
        assert len(texts) == expected, f"not a call with whole sentences: {call[0]}"
        yield (texts[-1], texts[0] if expected == 2 else "")


def unwrapped_sentences(script: str) -> list[str]:
    """Return the strings of a script that look like sentences for a person, but are not translated."""
    found = [match["string"] or match["template"] for match in TOKEN.finditer(script) if not match["comment"]]
    wrapped = {text for call in CALL.finditer(without_comments(script)) for text in re.findall(STRING, call["texts"])}
    return [
        text
        for text in found
        if re.match(r"""["`](?:\$\{[^}]*\} )?[A-Z][a-z]+('[a-z]+)?[ .!?…,]""", text) and text not in wrapped
    ]


def without_comments(script: str) -> str:
    """Remove the comments of a script."""
    return TOKEN.sub(lambda match: "" if match["comment"] else match[0], script)


def unquoted(text: str) -> str:
    """Return the value of a string literal."""
    return re.sub(r"\\(.)", r"\1", text[1:-1])
