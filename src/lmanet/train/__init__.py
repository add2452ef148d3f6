"""Training of a network on the images of a data module: mini-training, full training, evaluation."""

from lmanet.train.classifier import Classifier, Task, cross_entropy
from lmanet.train.evaluate import Evaluation
from lmanet.train.full import FullTraining
from lmanet.train.kernel_trial import KernelTrial
from lmanet.train.kernels import Kernels
from lmanet.train.nasbench import NASBench201Trainer
from lmanet.train.recipe import Recipe
from lmanet.train.schedules import Step, WarmupCosine
from lmanet.train.table import TabularTrainer
from lmanet.train.trainer import Trainer

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
    "cross_entropy",
]
