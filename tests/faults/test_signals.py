"""Ctrl-C, a scheduler's SIGTERM, a terminal that is closed: once, and the run ends in good order,
with an exit code that is not 0 and a sentence that says how it goes on; twice, and it ends at once.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from pydantic import BaseModel, field_serializer
from pydantic_core import PydanticSerializationError
from wandb_log import read_log

from lmanet.app.summary import stopped_sentence
from lmanet.stop import Stopped, stop_first, stoppable

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SRC = Path(__file__).parents[2] / "src"
TRAINED = (
    "+experiment=smoke",
    "stages=[search]",
    "budget={proposals:100,trained:50}",
    "data.split={max_train_images:300,val_fraction:0.05}",
    "++space.choices={resolution:[32],num_stages:[3],stage:{layers:[1],channels:[8,16,24]}}",
)


@pytest.mark.slow
@pytest.mark.parametrize("number", STOPS)
def test_a_search_says_how_it_goes_on_and_does(
    drivers, table, lines, found, tmp_path: Path, number: signal.Signals
):
    settings = (*table, "budget.proposals=200")  # more than are proposed until the signal comes
    driver = drivers.start(tmp_path, *settings, "hydra.run.dir='my run'")
    driver.until(lambda: lines(tmp_path / "my run" / "history.jsonl") > 3)
    driver.send(number)
    assert driver.wait() == 128 + number
    sentence = driver.said.splitlines()[-1]
    assert sentence.startswith(f"stopped by {number.name}; ") and "Traceback" not in driver.said
    assert sentence.endswith("go on with: python run.py 'resume=my run'"), "quoted for a shell"
    drivers.run(tmp_path, "resume=my run")
    drivers.run(tmp_path, *settings, "hydra.run.dir=whole")
    assert found(tmp_path / "my run") == found(tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_wandb_is_closed_with_a_run_that_is_stopped(
    drivers, table, lines, tmp_path: Path, number: signal.Signals
):
    """What lies on the disk is whole, to be sent by `wandb sync`."""
    driver = drivers.start(
        tmp_path, *table, "track=wandb", "hydra.run.dir=run", WANDB_MODE="offline"
    )
    driver.until(lambda: lines(tmp_path / "run" / "history.jsonl") > 3)
    driver.send(number)
    assert driver.wait() == 128 + number, driver.said
    assert "Traceback" not in driver.said
    (run,) = (tmp_path / "run" / "wandb").glob("offline-run-*")
    kinds = [record.WhichOneof("record_type") for record in read_log(run)]
    told = lines(tmp_path / "run" / "history.jsonl") - 1  # of all but the one that was under way
    assert kinds.count("exit") == 1 and kinds.count("history") >= told
    left = [each for each in psutil.process_iter(["cmdline"]) if str(tmp_path) in str(each.info)]
    assert not left, "nor is a process of W&B's left behind"


@pytest.mark.slow
def test_a_training_in_this_process_is_dropped_and_the_run_does_not_end_well(
    drivers, tmp_path: Path
):
    driver = drivers.start(tmp_path, *TRAINED, "hydra.run.dir=run")
    driver.until(lambda: "training loss" in driver.said)
    driver.send(signal.SIGTERM)
    assert driver.wait() == 143, "a scheduler takes 0 for success"
    assert "Traceback" not in driver.said and "failed" not in driver.said
    assert driver.said.rstrip().endswith("go on with: python run.py resume=run")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_workers_end_with_the_run_that_is_stopped(drivers, tmp_path: Path, number: signal.Signals):
    """To the whole group, as a terminal and a scheduler send it."""
    workers = ("execute=workers", "execute.workers=2", "execute.threads=1")
    driver = drivers.start(tmp_path, *TRAINED, *workers, "hydra.run.dir=run")
    driver.until(lambda: " on validation in " in driver.said)
    children = psutil.Process(driver.id).children(recursive=True)
    assert len(children) >= 2
    driver.send(number, group=True)
    assert driver.wait() == 128 + number
    assert "Traceback" not in driver.said, "nor do the workers say more"
    assert driver.said.rstrip().endswith("go on with: python run.py resume=run")
    assert not psutil.wait_procs(children, timeout=60)[1], "nobody is left behind"


@pytest.mark.slow
def test_a_start_that_is_stopped_before_anything_is_done_leaves_nothing(
    drivers, table, tmp_path: Path
):
    driver = drivers.start(tmp_path, *table, "hydra.run.dir=run")
    driver.until(lambda: (tmp_path / "run").exists())
    driver.send(signal.SIGINT)
    assert driver.wait() == 130
    left = (tmp_path / "run").exists()
    assert driver.said.splitlines()[-1].startswith("stopped by SIGINT")
    assert ("resume=run" in driver.said) == left


SLOW_END = """
import signal, sys, time
from lmanet.stop import stoppable
with stoppable():
    try:
        print("ready", flush=True)
        time.sleep(60)
    finally:
        print("ending", flush=True)
        time.sleep(60)
"""


@pytest.fixture
def ending() -> Iterator[subprocess.Popen[str]]:
    """A process that takes long to end."""
    command = [sys.executable, "-c", SLOW_END]
    environment = {**os.environ, "PYTHONPATH": str(SRC)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout and process.stdout.readline() == "ready\n"
        yield process
        process.kill()


@pytest.mark.slow
@pytest.mark.parametrize("second", STOPS)
def test_the_second_signal_ends_the_process_at_once(ending, second: signal.Signals):
    ending.send_signal(signal.SIGTERM)
    assert ending.stdout.readline() == "ending\n"
    ending.send_signal(second)
    assert ending.wait(timeout=20) == -second


def test_what_is_ignored_stays_ignored_as_after_nohup():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stoppable():
            os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_signal_is_no_error_that_a_step_might_catch():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Stopped) as stop, stoppable():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)
        except Exception:
            pytest.fail("a step took it for a fault of a candidate")
    assert stop.value.exit_code == 143 and signal.getsignal(signal.SIGTERM) is before


def test_a_stop_that_c_code_makes_an_error_of_its_own_is_a_stop():
    class Slow(BaseModel):
        number: int

        @field_serializer("number")
        def stopped_here(self, number: int) -> int:
            os.kill(os.getpid(), signal.SIGTERM)
            return number

    with pytest.raises(PydanticSerializationError, match="Stopped"), stoppable():
        Slow(number=1).model_dump_json()
    with pytest.raises(Stopped) as stop, stoppable(), stop_first():
        Slow(number=1).model_dump_json()
    assert stop.value.exit_code == 143
    with pytest.raises(ValueError), stoppable(), stop_first():
        raise ValueError("of no signal")


def test_a_start_of_which_nothing_is_left_is_not_to_be_resumed():
    assert "resume" not in stopped_sentence(Stopped(signal.SIGINT), None)


@pytest.mark.slow
def test_a_terminal_that_is_gone_does_not_stop_the_ending(tmp_path: Path):
    code = f"""
import os, sys, time
from pathlib import Path
from lmanet.stop import stoppable
os.setsid()
import fcntl, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
with stoppable():
    try:
        Path({str(tmp_path / "ready")!r}).touch()
        time.sleep(60)
    finally:
        print("the last line", flush=True)
        Path({str(tmp_path / "ended")!r}).touch()
"""
    master, slave = os.openpty()
    environment = {**os.environ, "PYTHONPATH": str(SRC)}
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=slave, stdout=slave, stderr=slave, env=environment
    ) as process:
        os.close(slave)
        while not (tmp_path / "ready").exists() and process.poll() is None:
            time.sleep(0.02)
        os.close(master)
        process.wait(timeout=60)
    assert (tmp_path / "ended").exists(), "printing raised no error"
