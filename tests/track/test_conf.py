"""conf/track: each option gives listeners, in the run's folder."""

import sys
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from lmanet.errors import ConfigError
from lmanet.track import EventLog, Progress, WandbTracker

CONF = Path(__file__).parents[2] / "conf"


def listeners(*overrides: str) -> dict:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return dict(instantiate(compose(overrides=list(overrides)).track))


def test_files_are_the_default(tmp_path):
    found = listeners("+track=jsonl", f"track.events.folder={tmp_path}")
    assert [type(listener) for listener in found.values()] == [Progress, EventLog]


def test_wandb_adds_to_them(tmp_path):
    found = listeners(
        "+track=wandb",
        f"track.events.folder={tmp_path}",
        f"track.wandb.folder={tmp_path}",
        "track.wandb.mode=offline",
    )
    assert [type(listener) for listener in found.values()] == [Progress, EventLog, WandbTracker]
    assert found["wandb"].mode == "offline"


def test_one_can_be_taken_out(tmp_path):
    assert list(
        listeners("+track=jsonl", f"track.events.folder={tmp_path}", "~track.progress")
    ) == ["events"]


def test_without_the_package_one_sentence_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(ConfigError, match="pip install 'lmanet\\[wandb\\]', or choose track=jsonl"):
        WandbTracker(tmp_path, "lmanet")
