"""Several processes of one run on this machine, through torch's own launcher.

`python -m chromahint.launch.elastic COUNT ARGUMENTS` runs `python ARGUMENTS` in so many.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import uuid

from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

SIGNALS = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1")


def launch_processes(arguments: list[str], processes: int) -> int:
    """Run `python ARGUMENTS` in several processes that know of each other.

    Returns:
        0, or the exit status of the process that failed first, 128 and the number where a signal killed it; the
        others are ended then.
    """
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // processes)))
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        run_id=uuid.uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
        monitor_interval=0.2,
        signals_to_handle=",".join(SIGNALS),
    )
    before = {number: signal.getsignal(number) for number in map(signal.Signals.__getitem__, SIGNALS)}
    try:
        elastic_launch(config, sys.executable)(*arguments)
    except SignalException as error:
        if error.sigval == signal.SIGINT:
            raise KeyboardInterrupt from None
        return 128 + int(error.sigval)
    except ChildFailedError as error:
        first = _first(list(error.failures.values()))
        return first if first > 0 else 128 - first
    finally:
        for number, handler in before.items():  # the launcher leaves its own, and other runs may follow in this process
            signal.signal(number, handler)
    return 0


def _first(failures: list[ProcessFailure]) -> int:
    """The exit status of the process that the others failed by.

    Times are in whole seconds: where one was killed and its peers lost it in the same second, the killed one was first.
    What the launcher itself had to kill comes half a minute later.
    """
    earliest = min(failure.timestamp for failure in failures)
    codes = [failure.exitcode for failure in failures if failure.timestamp <= earliest + 1]
    return next((code for code in codes if code < 0 and code != -signal.SIGTERM), codes[0])


if __name__ == "__main__":
    sys.exit(launch_processes(sys.argv[2:], int(sys.argv[1])))
