"""docs/how-to/add-a-data-set.md: one class, one YAML file, no file of ours changed."""

import pytest

from lmanet.run.folder import RunFolder
from lmanet.run.records import Status

pytestmark = pytest.mark.slow  # starts run.py

SMALL = ("budget.proposals=30", "budget.trained=1", "hydra.run.dir=run")


def test_a_search_trains_on_the_images(follow):
    reader = follow("add-a-data-set")
    done = reader.type_command(*SMALL)
    assert done.code == 0, done.said
    trained = [t for t in RunFolder(reader.folder / "run").trials() if t.status is Status.TRAINED]
    assert trained and trained[0].score and trained[0].score.val_accuracy > 0.5
    assert "Stripes: 320 training and 80 validation images of 2 classes" in done.said
