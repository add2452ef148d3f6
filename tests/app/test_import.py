"""`import lmanet` is quick, and has every name that it offers."""

import subprocess
import sys

import pytest

import lmanet

MOST_SECONDS = 0.3
TIMED = """
import sys, time
before = time.process_time()
import lmanet
large = {"numpy", "pydantic", "torch", "hydra"} & set(sys.modules)
print(time.process_time() - before, *sorted(large))
"""


def _timed() -> tuple[float, list[str]]:
    done = subprocess.run([sys.executable, "-c", TIMED], check=True, capture_output=True, text=True)
    seconds, *loaded = done.stdout.split()
    return float(seconds), loaded


def test_the_import_waits_for_no_large_package():
    times = [_timed() for _ in range(3)]  # of this process alone: a busy machine is no defect
    assert all(not loaded for _, loaded in times)
    assert min(seconds for seconds, _ in times) < MOST_SECONDS


@pytest.mark.parametrize("name", lmanet.__all__)
def test_every_name_of_the_package_is_there(name):
    assert name in dir(lmanet) and callable(getattr(lmanet, name))


def test_an_unknown_name_is_no_name_of_the_package():
    with pytest.raises(AttributeError, match="no attribute 'biuld'"):
        _ = lmanet.biuld
