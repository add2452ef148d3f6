import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from lmanet.cost import estimate
from lmanet.errors import HistoryError
from lmanet.run.folder import RunFolder
from lmanet.run.history import History
from lmanet.run.records import Proposal, Score, Status, Trial, Verdict
from lmanet.space import load_space


def trial(number: int) -> Trial:
    architecture = load_space("lmanet").sample(np.random.default_rng(number))
    score = Score(val_accuracy=0.5, val_macro_f1=0.4, val_calibration_error=0.1, seconds=2.0)
    return Trial(
        number=number,
        status=Status.TRAINED,
        proposal=Proposal(
            proposer="test", architecture=architecture, reply='{"ü": "\u2028 \U0001f600"}'
        ),
        verdict=Verdict(accepted=True, cost=estimate(architecture, 10)),
        score=score,
        seed=number,
        started_at="2026-01-01T00:00:00+00:00",
        seconds=1.0,
        elapsed_seconds=1.0,
    )


def test_what_is_written_is_read_back(tmp_path: Path):
    history = History(RunFolder(tmp_path))
    for number in (0, 2, 1):
        history.append(trial(number))
    assert History(RunFolder(tmp_path)).trials == [trial(0), trial(2), trial(1)]


def test_each_trial_is_one_line_of_json(tmp_path: Path):
    history = History(RunFolder(tmp_path))
    history.append(trial(0))
    (line, end) = history.run.history.path.read_bytes().split(b"\n")
    assert end == b""
    assert json.loads(line)["status"] == "trained"


def test_of_a_paused_trial_that_went_on_the_last_line_counts(tmp_path: Path):
    history = History(RunFolder(tmp_path))
    paused = trial(0).model_copy(update={"status": Status.PAUSED})
    for one in (paused, trial(1), paused.model_copy(update={"seconds": 2.0}), trial(0)):
        history.append(one)
    assert (
        history.trials
        == History(RunFolder(tmp_path)).trials
        == RunFolder(tmp_path).trials()
        == [trial(1), trial(0)]
    )
    assert len(history.run.history.path.read_bytes().splitlines()) == 4
    history.run.history.path.write_bytes(history.run.history.path.read_bytes()[:-20])
    assert [(t.number, t.status) for t in History(RunFolder(tmp_path)).trials] == [
        (1, Status.TRAINED),
        (0, Status.PAUSED),
    ], "the last line is torn"


def test_only_paused_trials_keep_their_checkpoints(tmp_path: Path):
    history = History(RunFolder(tmp_path))
    history.append(trial(0))
    history.append(trial(1).model_copy(update={"status": Status.PAUSED}))
    for number in (0, 1, 2):
        history.checkpoint(number).mkdir(parents=True)
    history.drop_checkpoints()
    assert [path.name for path in history.checkpoints.iterdir()] == ["1"]


def test_a_number_may_stand_once(tmp_path: Path):
    history = History(RunFolder(tmp_path))
    history.append(trial(0))
    with pytest.raises(HistoryError, match="trial 0 stands there twice"):
        history.append(trial(0))
    assert history.run.history.path.read_bytes().count(b"\n") == 1


def test_a_free_number_fills_the_first_gap(tmp_path: Path):
    history = History(RunFolder(tmp_path))
    history.append(trial(0))
    history.append(trial(3))
    assert [history.free_number(taken) for taken in ((), {1}, {1, 2})] == [1, 2, 4]


WRITER = """
import sys
sys.path.insert(0, {tests!r})
from lmanet.run.folder import RunFolder
from lmanet.run.history import History
from test_history import trial
history = History(RunFolder({folder!r}))
number = len(history.trials)
while True:
    history.append(trial(number))
    print(number, flush=True)
    number += 1
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX")
def test_sigkill_loses_nothing_that_was_acknowledged(tmp_path: Path):
    acknowledged = -1
    for _ in range(3):
        script = WRITER.format(tests=str(Path(__file__).parent), folder=str(tmp_path))
        with subprocess.Popen(
            [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True
        ) as process:
            said = [int(process.stdout.readline()) for _ in range(2)]
            time.sleep(0.2)
            process.send_signal(signal.SIGKILL)
            said += [int(line) for line in process.stdout.read().split()]
        acknowledged = max([acknowledged, *said])
        numbers = [t.number for t in History(RunFolder(tmp_path)).trials]
        assert numbers == list(range(len(numbers))) and len(numbers) > acknowledged
    assert acknowledged > 3
