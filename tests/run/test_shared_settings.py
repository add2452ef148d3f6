import json
from pathlib import Path

import pytest

from lmanet.errors import HistoryError
from lmanet.run.folder import RunFolder
from lmanet.run.history import History
from lmanet.run.records import Proposal, Status, Trial
from lmanet.run.shared_settings import remember_settings


def trial(number: int) -> Trial:
    return Trial(
        number=number,
        status=Status.UNPARSABLE,
        proposal=Proposal(proposer="test"),
        seed=number,
        started_at="2026-01-01T00:00:00+00:00",
        seconds=1.0,
        elapsed_seconds=1.0,
    )


def test_settings_may_not_change_within_a_history(tmp_path: Path):
    remember_settings(RunFolder(tmp_path), {"space": {"name": "tiny"}, "seed": 0})
    # no trial yet: nothing to mix
    remember_settings(RunFolder(tmp_path), {"space": {"name": "mcu"}, "seed": 0})
    History(RunFolder(tmp_path)).append(trial(0))
    remember_settings(RunFolder(tmp_path), {"seed": 0, "space": {"name": "mcu"}})
    with pytest.raises(HistoryError, match="another setting of space"):
        remember_settings(RunFolder(tmp_path), {"space": {"name": "lmanet"}, "seed": 0})


def test_what_the_firmware_alone_reads_of_a_target_is_no_other_setting(tmp_path: Path):
    before = {"target": {"name": "toy", "macs": 1}, "seed": 0}
    remember_settings(RunFolder(tmp_path), before)
    History(RunFolder(tmp_path)).append(trial(0))
    remember_settings(
        RunFolder(tmp_path),
        {
            "target": {"name": "toy", "macs": 1, "flash_address": 0, "kit": {"boards": ["one"]}},
            "seed": 0,
        },
    )
    with pytest.raises(HistoryError, match="another setting of target"):
        remember_settings(RunFolder(tmp_path), {"target": {"name": "toy", "macs": 2}, "seed": 0})


def test_a_search_on_other_images_is_not_mixed(tmp_path: Path):
    History(RunFolder(tmp_path)).append(trial(0))
    (tmp_path / "settings.json").write_text(json.dumps({"seed": 0, "data_checksum": "2:aa"}))
    remember_settings(RunFolder(tmp_path), {"seed": 0, "data_checksum": "2:aa"})
    with pytest.raises(HistoryError, match="holds a search on other images: files or labels"):
        remember_settings(RunFolder(tmp_path), {"seed": 0, "data_checksum": "2:bb"})


def test_a_run_of_an_earlier_version_goes_on_and_says_that_its_images_are_not_compared(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    History(RunFolder(tmp_path)).append(trial(0))
    (tmp_path / "settings.json").write_text(json.dumps({"seed": 0, "data_checksum": "aa"}))
    remember_settings(RunFolder(tmp_path), {"seed": 0, "data_checksum": "2:bb"})
    assert (
        "kept no checksum of contents and labels: its images are taken to be the same"
        in caplog.text
    )
    with pytest.raises(HistoryError, match="another setting of seed"):
        remember_settings(RunFolder(tmp_path), {"seed": 1, "data_checksum": "2:bb"})


def test_a_run_from_before_a_setting_of_its_trainings_goes_on_as_it_began_or_is_refused(
    tmp_path: Path,
):
    recipe = {"epochs": 3, "batch_size": 64}
    remember_settings(RunFolder(tmp_path), {"mini": {"recipe": recipe}})
    History(RunFolder(tmp_path)).append(trial(0))
    remember_settings(RunFolder(tmp_path), {"mini": {"recipe": {**recipe, "batch_norm_images": 0}}})
    with pytest.raises(
        HistoryError,
        match=(
            r"another setting of train.mini.recipe.batch_norm_images \(0 before, "
            r"1024 now\); its trials cannot"
        ),
    ):
        remember_settings(
            RunFolder(tmp_path), {"mini": {"recipe": {**recipe, "batch_norm_images": 1024}}}
        )


def test_of_many_changed_settings_the_first_are_named(tmp_path: Path):
    remember_settings(
        RunFolder(tmp_path), {"space": {str(n): n for n in range(9)}, "data_checksum": "a" * 64}
    )
    History(RunFolder(tmp_path)).append(trial(0))
    with pytest.raises(
        HistoryError,
        match=(
            r"data_checksum \(a{37}... before, b now\), space.0 \(0 before, -1 "
            r"now\), space.1 .* and 7 more;"
        ),
    ):
        remember_settings(
            RunFolder(tmp_path), {"space": {str(n): -1 for n in range(9)}, "data_checksum": "b"}
        )
