"""What all tests share: which files are imported for a run of fast tests, and settings that are
parsed once.
"""

from pathlib import Path
from types import SimpleNamespace

import pytest
from hydra import compose, initialize_config_dir

FILE = "import pytest\n\npytestmark = {}\n"


@pytest.mark.parametrize(
    ("marks", "asked", "is_named", "ignored"),
    [
        ("pytest.mark.slow  # trains", "not slow", False, True),
        ("pytest.mark.slow  # trains", "not slow", True, None),
        ("pytest.mark.slow  # trains", "", False, None),
        ("pytest.mark.slow  # trains", "slow", False, None),
        ("[]", "not slow", False, None),
    ],
)
def test_a_file_of_slow_tests_alone_is_not_imported_for_fast_ones(
    marks, asked, is_named, ignored, tmp_path, pytestconfig
):
    here = Path(__file__).with_name("conftest.py")
    plugins = pytestconfig.pluginmanager.get_plugins()
    (conftest,) = [each for each in plugins if getattr(each, "__file__", "") == str(here)]
    path = tmp_path / "test_trains.py"
    path.write_text(FILE.format(marks))
    config = SimpleNamespace(
        option=SimpleNamespace(markexpr=asked),
        args=[f"{path}::test_one"] if is_named else ["tests"],
    )
    assert conftest.pytest_ignore_collect(path, config) is ignored


def test_settings_parsed_once_are_parsed_anew_where_their_file_changes(tmp_path):
    found = []
    for number in (1, 1, 2):
        (tmp_path / "config.yaml").write_text(f"own: {{number: {number}}}\n")
        with initialize_config_dir(str(tmp_path), version_base="1.3"):
            config = compose("config")
        found.append(config.own.number)
        config.own.number = 3  # of this one alone
    assert found == [1, 1, 2]
