"""Damage valid files, and give them to a check.

What fails is kept in `tests/corpus/KIND`: commit it, and the fast tests try it from then on.
"""

import contextlib
import hashlib
import resource
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

CORPUS = Path(__file__).resolve().parents[1] / "corpus"
MAX_BYTES = 1.5e9
"""A test may not add more than this to the peak memory of its process."""

_PIECES = [b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x00" * 8, b"1e999", b"NaN", b"[" * 50]
_EDITS = st.lists(
    st.tuples(
        st.floats(0, 1),  # where
        st.sampled_from(["replace", "insert", "delete", "cut"]),
        st.one_of(st.binary(min_size=1, max_size=8), st.sampled_from(_PIECES)),
    ),
    min_size=1,
    max_size=5,
)


def damaged(*contents):
    """A strategy: one of the contents, with a few edits."""
    return st.builds(_edit, st.sampled_from(contents), _EDITS)


def _edit(content, edits):
    """Most edits fall near the start, where headers are."""
    data = bytearray(content)
    for where, kind, piece in edits:
        at = int(len(data) * where**2)
        if kind == "replace":
            data[at : at + len(piece)] = piece
        elif kind == "insert":
            data[at:at] = piece
        elif kind == "delete":
            del data[at : at + 8 * len(piece)]
        else:
            del data[at:]
    return bytes(data)


def tries(quick, thorough):
    """Parametrize a test with `tries`: few inputs, always the same, and in the nightly tests many, others each time."""
    common = settings(database=None, deadline=None, suppress_health_check=list(HealthCheck))
    few, many = settings(common, max_examples=quick, derandomize=True), settings(common, max_examples=thorough)
    return pytest.mark.parametrize(
        "tries", [pytest.param(few, id="few"), pytest.param(many, id="many", marks=pytest.mark.nightly)]
    )


def fuzz(kind, check, inputs, tries):
    """Give the corpus of a kind, and then more inputs, to a check."""
    current = None

    def remember(data):
        nonlocal current
        current = data
        check(data)

    with _bounded_memory():
        for file in sorted((CORPUS / kind).iterdir()):
            check(file.read_bytes())
        try:
            tries(given(inputs)(remember))()
        except BaseException:
            # the last input that Hypothesis tries is the smallest one that fails
            (CORPUS / kind / f"failed-{hashlib.blake2b(current, digest_size=6).hexdigest()}").write_bytes(current)
            raise


@contextlib.contextmanager
def _bounded_memory():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < MAX_BYTES
