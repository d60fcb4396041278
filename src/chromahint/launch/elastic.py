"""Start several processes of one run on this machine, with torch's elastic launcher.

`python -m chromahint.launch.elastic COUNT ARGUMENTS` runs `python ARGUMENTS` in COUNT processes.
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

from chromahint.parent_process import end_with_parent, environment_for_children

FORWARDED_SIGNALS = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1")
"""Signals that are passed on to the processes."""


def launch_processes(arguments: list[str], processes: int) -> int:
    """Run `python ARGUMENTS` in several processes that form a process group.

    Returns:
        0, or the exit status of the process that failed first; 128 plus the number of the signal if it was killed. The
        other processes are stopped then.
    """
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        run_id=uuid.uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
        monitor_interval=0.2,
        signals_to_handle=",".join(FORWARDED_SIGNALS),
    )
    handlers = {number: signal.getsignal(number) for number in map(signal.Signals.__getitem__, FORWARDED_SIGNALS)}
    environment = dict(os.environ)
    os.environ.update(environment_for_children())
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // processes)))
    try:
        elastic_launch(config, sys.executable)(*arguments)
    except SignalException as error:
        if error.sigval == signal.SIGINT:
            raise KeyboardInterrupt from None
        return 128 + int(error.sigval)
    except ChildFailedError as error:
        status = _first_exit_status(list(error.failures.values()))
        return status if status > 0 else 128 - status
    finally:
        # this process may start other runs
        os.environ.clear()
        os.environ.update(environment)
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return 0


def _first_exit_status(failures: list[ProcessFailure]) -> int:
    """Return the exit status of the process that made the others fail.

    Failure times are in whole seconds: if one process was killed and another lost its connection to it in the same
    second, the killed one was first. Processes that the launcher itself has to kill fail half a minute later.
    """
    earliest = min(failure.timestamp for failure in failures)
    codes = [failure.exitcode for failure in failures if failure.timestamp <= earliest + 1]
    return next((code for code in codes if code < 0 and code != -signal.SIGTERM), codes[0])


if __name__ == "__main__":
    end_with_parent()
    sys.exit(launch_processes(sys.argv[2:], int(sys.argv[1])))
