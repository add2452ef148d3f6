"""Training of a network on the images of a data module: mini-training, full
training, evaluation.
"""

from lmanet.train.classifier import Classifier, Task, cross_entropy
from lmanet.train.compute import Kernels, KernelTrial
from lmanet.train.evaluate import Evaluation
from lmanet.train.full import FullTraining
from lmanet.train.lookup.nasbench import NASBench201Trainer
from lmanet.train.lookup.table import TabularTrainer
from lmanet.train.recipe import Recipe
from lmanet.train.schedules import Step, WarmupCosine
from lmanet.train.trainer import Trainer
from lmanet.train.zero_cost import ZeroCost

__all__ = [
    "Classifier",
    "Evaluation",
    "FullTraining",
    "KernelTrial",
    "Kernels",
    "NASBench201Trainer",
    "Recipe",
    "Step",
    "TabularTrainer",
    "Task",
    "Trainer",
    "WarmupCosine",
    "ZeroCost",
    "cross_entropy",
]
