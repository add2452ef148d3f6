"""What thresholds bring, chosen as the firmware chooses."""

import pytest
import torch

from lmanet.run.results import FirmwareThresholds
from lmanet.train.measures import of_firmware

STEP = 0.1
# Of a firmware with the classes a, b, c.
FITTED = FirmwareThresholds(added=(0, 100, 20), least_lead=(5, 100, 0), step=STEP, val_images=30)
# With what is added: a; a with a lead of 4, unsure; c; b with a lead of 60, unsure.
LOGITS = torch.tensor([[60, -90, 0], [60, -90, 36], [10, -90, 0], [0, -20, 0]])
LABELS = torch.tensor([0, 0, 2, 1])


def test_the_firmware_is_measured_in_whole_steps_with_its_unsure_images():
    found = of_firmware(FITTED, LOGITS * STEP, (0, 1, 2), LABELS)
    assert (found.right, found.unsure, found.in_firmware) == ((1, 0, 1), (1, 1, 0), True)
    assert (found.test_accuracy, found.added) == (0.5, (0.0, 10.0, 2.0))
    assert found.test_balanced_accuracy == pytest.approx((0.5 + 0 + 1) / 3)


def test_data_whose_classes_stand_in_another_order_are_measured_by_name():
    places = (2, 0, 1)  # the data has the classes c, a, b
    of_data = torch.tensor([places.index(each) for each in LABELS.tolist()])
    found = of_firmware(FITTED, (LOGITS * STEP)[:, list(places)], places, of_data)
    here = of_firmware(FITTED, LOGITS * STEP, (0, 1, 2), LABELS)
    assert found.test_accuracy == here.test_accuracy
    for name in ("right", "unsure", "added"):
        assert getattr(found, name) == tuple(getattr(here, name)[each] for each in places)
