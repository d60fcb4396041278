"""The environment for a `make` that knows nothing of the `make` that runs the tests."""

import os


def outside_make() -> dict[str, str]:
    """Return the environment without the variables by which make hands its options and ARGS to a make inside it."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
