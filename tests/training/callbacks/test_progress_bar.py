"""Progress of a run: a bar in a terminal, plain lines elsewhere."""

import itertools
import re
from types import SimpleNamespace

import pytest

from chromahint.training.callbacks import progress_bar
from chromahint.training.lightning_module import ColorizationModule

pytestmark = pytest.mark.usefixtures("no_figures")


def test_plain_lines_without_a_terminal(command, tiny):
    made = command("train", *tiny, "trainer.max_steps=3", "trainer.val_check_interval=1")
    lines = [line for line in made.err.splitlines() if line.startswith("training")]
    assert len(lines) == 1, "a short run prints one line at its end"
    assert re.search(
        r"training 100%  step 3  loss \d+\.\d{4}  \d+\.\d\d steps/s  0:00 left  val/psnr \d+\.\d\d dB", lines[0]
    )
    assert "\x1b" not in made.err


def test_plain_lines_are_printed_at_intervals(command, tiny, monkeypatch):
    monkeypatch.setattr(progress_bar, "LOG_INTERVAL_SECONDS", 0.0)
    made = command("train", *tiny, "trainer.max_steps=4")
    shares = re.findall(r"^training +(\d+)%  step (\d)", made.err, flags=re.MULTILINE)
    assert shares == [("25", "1"), ("50", "2"), ("75", "3"), ("100", "4")]


def test_loss_does_not_depend_on_accumulation(command, tiny, monkeypatch, read_metrics):
    # on a slow machine, the loss would be read more often than every fifth batch
    ticks = itertools.count(step=0.01)
    monkeypatch.setattr(progress_bar, "time", SimpleNamespace(monotonic=lambda: next(ticks)))
    words = ["trainer.max_steps=1", "data.batch_size=1", "callbacks.ema=null"]
    made = command("train", *tiny, *words, "trainer.accumulate_grad_batches=4")
    shown = float(re.search(r"loss (\d+\.\d+)", made.err).group(1))
    alone = command("train", *tiny, *words)
    first = float(re.search(r"loss (\d+\.\d+)", alone.err).group(1))
    assert shown == pytest.approx(first, rel=1e-3), "both runs start with the same batch"


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")


def test_bar_in_a_terminal_restores_the_cursor(command, tiny, terminal):
    made = command("train", *tiny, "trainer.max_steps=3")
    assert made.status == 0
    assert "step 3" in made.err
    assert "100%" in made.err
    assert made.err.count("\x1b[?25l") == made.err.count("\x1b[?25h") > 0


def test_cursor_is_restored_after_an_error(command, tiny, terminal, monkeypatch):
    def step(*_):
        raise ValueError("no")

    monkeypatch.setattr(ColorizationModule, "training_step", step)
    made = command("train", *tiny)
    assert made.status == 2
    assert made.err.count("\x1b[?25l") == made.err.count("\x1b[?25h") > 0
