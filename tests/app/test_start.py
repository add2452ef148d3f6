"""A start waits for no package that only another stage or proposer needs."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow  # imports all that a run does

START = """
import sys
from pathlib import Path
from lmanet.app.compose import in_folder, plain, read_command, understood
from lmanet.app.settings import check_groups
_, config = understood(read_command(["+experiment=smoke"]))
check_groups(plain(in_folder(config, Path())))
print(*sorted({"optuna", "sklearn"} & set(sys.modules)))
"""


def test_settings_are_checked_without_what_takes_a_second_and_few_need():
    done = subprocess.run([sys.executable, "-c", START], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
