"""The last word about a run whose processes could not say it themselves."""

from __future__ import annotations

import signal

from chromahint.runs.lock import Busy, alone_in
from chromahint.runs.run import Run, now

ASKED = ("SIGINT", "SIGTERM", "SIGUSR1")
"""Signals by which a run is asked to leave, and may go on later."""


def settle(run: Run, status: int) -> None:
    """Note why a run has ended, where its processes were killed or one that does not write failed alone.

    Args:
        run: the run.
        status: of its processes: 0, an exit status, or the negative number of a signal or 128 more than it.
    """
    if status == 0:
        return
    try:
        with alone_in(run.path):
            _settle(run, status)
    except Busy:  # which is why ours has ended: the other process has the word
        return


def _settle(run: Run, status: int) -> None:
    about = run.about
    name = signal_name(status)
    if name is not None and name not in ASKED:
        why = ", mostly for want of memory" if name == "SIGKILL" else ""
        run.note(state="failed", ended=now(), error=f"a process of the run was ended from outside by {name}{why}")
    elif name is not None and about["state"] in ("created", "running"):
        run.note(state="interrupted", ended=now())
    elif name is None and about["state"] != "failed":
        error = about.get("error") or f"a process of the run ended with status {status}"
        run.note(state="failed", ended=now(), error=error)


def signal_name(status: int) -> str | None:
    """The signal that an exit status tells of, if any.

    >>> signal_name(-9), signal_name(143), signal_name(1)
    ('SIGKILL', 'SIGTERM', None)
    """
    number = -status if status < 0 else status - 128
    return signal.Signals(number).name if number in {each.value for each in signal.Signals} else None
