"""Many candidates in one process leave nothing behind."""

import gc

import numpy as np
import psutil
import pytest
import torch

from lmanet.cost import estimate
from lmanet.data import Mnist5k, Split
from lmanet.run.records import Job
from lmanet.space import load_space
from lmanet.train import Trainer

pytestmark = pytest.mark.slow  # trains

CANDIDATES = 200
MIB = 2**20


def test_two_hundred_candidates_leave_nothing(make_recipe):
    space = load_space(
        "mcu", {"resolution": [32], "stage": {"channels": [8, 16, 24], "layers": [1, 2]}}
    )
    generator = np.random.default_rng(0)
    trainer = Trainer(
        Mnist5k(Split(val_fraction=0.004, max_train_images=64)), make_recipe(epochs=1)
    )
    resident, tensors, trained = [], [], 0
    while trained < CANDIDATES:
        architecture = space.sample(generator)
        if estimate(architecture, 10, "plain").macs > 1e6:
            continue
        trainer.train(Job(number=trained, architecture=architecture, seed=0))
        trained += 1
        if trained % 20 == 0:
            gc.collect()
            tensors.append(sum(issubclass(type(each), torch.Tensor) for each in gc.get_objects()))
            resident.append(psutil.Process().memory_info().rss / MIB)
    assert tensors[-1] == tensors[0]  # no network, no optimizer, no batch
    # oneDNN keeps its kernels of the first hundred
    assert resident[-1] - resident[4] < 30, resident
