"""docs/how-to/add-a-proposer.md: one class, one YAML file, no file of ours changed."""

import pytest

from lmanet.run.folder import RunFolder

pytestmark = pytest.mark.slow  # starts run.py

SMALL = (
    "budget.trained=2",
    "data.split.max_train_images=100",
    "space.choices.stage.channels=[8,16]",
    "space.choices.stage.layers=[1]",
)


def test_a_search_asks_the_proposer_also_after_a_resume(follow):
    reader = follow("add-a-proposer")
    first = reader.type_command(*SMALL, "hydra.run.dir=run", "propose.restart=0.5")
    assert first.code == 0, first.said
    # The folder of options is remembered; the module has to be importable again.
    again = reader.type("resume=run", "budget.trained=4", plugin=True)
    assert again.code == 0, again.said
    trials = RunFolder(reader.folder / "run").trials()
    assert {trial.proposal.proposer for trial in trials} == {"hill_climber"}
    assert any(trial.proposal.parent for trial in trials)


def test_a_setting_that_the_class_does_not_know_is_refused_before_the_start(follow):
    reader = follow("add-a-proposer")
    refused = reader.type_command("propose.restrat=0.5")
    assert refused.code == 1 and "propose.restart" in refused.said
    assert not (reader.folder / "multirun").exists()


def test_a_folder_of_options_that_is_not_there_is_named(follow):
    reader = follow("add-a-proposer")
    refused = reader.type("--config-dir", "plugin/config", "propose=random", plugin=True)
    assert refused.code == 1
    assert "plugin/config: there is no such folder" in refused.said
