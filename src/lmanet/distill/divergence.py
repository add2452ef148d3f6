"""How far a student's logits are from a teacher's: plain, decoupled and relational knowledge
distillation.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from lmanet.errors import ConfigError

# logarithm of a probability that is 0 in any precision, without the infinities that would make a KL
# not a number
IMPOSSIBLE = -1e4

# of logits, beside which theirs does not count; without it logits that are all equal would have no
# gradient
SMALL_VARIANCE = 1e-8


class Divergence(Protocol):
    """Distance from student to teacher, 0 where both say the same."""

    @property
    def name(self) -> str:
        """What records and tables call it."""

    def __call__(self, student: Tensor, teacher: Tensor, targets: Tensor) -> Tensor:
        """Scalar, mean over the batch.

        Args:
            student, teacher: logits (N, classes); of the teacher they may be shifted by a constant
                of each image.
            targets: (N, classes), probabilities.
        """


@dataclass(frozen=True)
class Kd:
    """Softened predictions compared: ``weight`` times `kd_divergence`.

    Attributes:
        kd_temperature: T, above 0.
        standardise: compare z-scores, see `standardised`; their paper takes a T of 2, a weight of
            9, and 0.1 for the labels.
        weight: of the divergence, at least 0, beside ``kd_weight_start`` and ``kd_weight_end``.
    """

    kd_temperature: float = 10.0
    standardise: bool = False
    weight: float = 1.0

    def __post_init__(self) -> None:
        _check(self.kd_temperature, weight=self.weight)

    @property
    def name(self) -> str:
        return _name("Kd", self.standardise)

    def __call__(self, student: Tensor, teacher: Tensor, targets: Tensor) -> Tensor:
        student, teacher = _compared(student, teacher, self.standardise)
        return self.weight * kd_divergence(student, teacher, self.kd_temperature)


@dataclass(frozen=True)
class Dkd:
    """Target and other classes compared apart: ``target_weight * TCKD + non_target_weight * NCKD``,
    see `dkd_terms`.

    The target class of an image is the one that its targets give most, of a mixed image the one of
    the larger share.

    Attributes:
        kd_temperature: T, above 0.
        target_weight: alpha of the paper, at least 0.
        non_target_weight: beta of the paper, at least 0; the surer a teacher, the larger it may be
            (section 4 of the paper).
        standardise: compare z-scores, see `standardised`; their paper takes a T of 2.
    """

    kd_temperature: float = 4.0
    target_weight: float = 1.0
    non_target_weight: float = 8.0
    standardise: bool = False

    def __post_init__(self) -> None:
        _check(
            self.kd_temperature,
            target_weight=self.target_weight,
            non_target_weight=self.non_target_weight,
        )

    @property
    def name(self) -> str:
        return _name("Dkd", self.standardise)

    def __call__(self, student: Tensor, teacher: Tensor, targets: Tensor) -> Tensor:
        student, teacher = _compared(student, teacher, self.standardise)
        target, others = dkd_terms(student, teacher, targets.argmax(dim=1), self.kd_temperature)
        return self.target_weight * target + self.non_target_weight * others


@dataclass(frozen=True)
class Dist:
    """Relations compared, not values: ``inter_weight * INTER + intra_weight * INTRA``, see
    `dist_terms`.

    Attributes:
        kd_temperature: tau of the paper, above 0.
        inter_weight: beta of the paper, at least 0.
        intra_weight: gamma of the paper, at least 0.
    """

    kd_temperature: float = 4.0
    inter_weight: float = 2.0
    intra_weight: float = 2.0

    def __post_init__(self) -> None:
        _check(self.kd_temperature, inter_weight=self.inter_weight, intra_weight=self.intra_weight)

    @property
    def name(self) -> str:
        return "Dist"

    def __call__(self, student: Tensor, teacher: Tensor, targets: Tensor) -> Tensor:
        inter, intra = dist_terms(student, teacher, self.kd_temperature)
        return self.inter_weight * inter + self.intra_weight * intra


def standardised(logits: Tensor) -> Tensor:
    """Z-scores of each image's logits, ``(x - mean) / deviation`` over its C classes (Sun et al.
    2024, arXiv 2403.01427, algorithm 1).

    Divided by a base temperature they are compared in place of the logits: the student has to learn
    the teacher's relations between classes, and is free in the size of its logits. The deviation is
    ``sqrt(sum of squares / C)``.
    """
    return functional.layer_norm(logits, logits.shape[1:], eps=SMALL_VARIANCE)


def kd_divergence(student: Tensor, teacher: Tensor, kd_temperature: float) -> Tensor:
    """``T^2 * KL(softmax(teacher / T) || softmax(student / T))``, in nats, mean over the batch.

    T^2 keeps the gradient's size independent of T (Hinton et al. 2015, arXiv 1503.02531, section
    2).
    """
    return kd_temperature**2 * _kl(
        functional.log_softmax(student / kd_temperature, 1),
        functional.log_softmax(teacher / kd_temperature, 1),
    )


def dkd_terms(
    student: Tensor, teacher: Tensor, target: Tensor, kd_temperature: float
) -> tuple[Tensor, Tensor]:
    """The two terms of decoupled knowledge distillation (Zhao et al. 2022, arXiv 2203.08679), each
    mean over the batch:

    ``TCKD = T^2 * KL((p, 1 - p) || (q, 1 - q))`` with p and q the probability of the target class
    after softmax(logits / T), and ``NCKD = T^2 * KL(softmax(teacher / T) || softmax(student / T))``
    over the other classes alone. Of one image, plain distillation is ``TCKD + (1 - p) * NCKD``
    (equation 7): DKD frees the second term of the teacher's doubt.

    Args:
        target: (N,), class of each image.
    """
    is_target = functional.one_hot(target, student.shape[1]).bool()
    binary, others = [], []
    for logits in (student, teacher):
        log_p = functional.log_softmax(logits / kd_temperature, 1)
        without_target = log_p.masked_fill(is_target, IMPOSSIBLE)
        # As logarithms to the end: 1 - p of a sure teacher would be 0 in float32
        binary.append(
            torch.stack((log_p.gather(1, target[:, None])[:, 0], without_target.logsumexp(1)), 1)
        )
        others.append(functional.log_softmax(without_target, 1))
    return kd_temperature**2 * _kl(*binary), kd_temperature**2 * _kl(*others)


def dist_terms(student: Tensor, teacher: Tensor, kd_temperature: float) -> tuple[Tensor, Tensor]:
    """The two terms of DIST (Huang et al. 2022, arXiv 2205.10536), from predictions softmax(logits
    / tau):

    ``INTER = tau^2 * (1 - mean over images of the Pearson correlation over classes)`` and
    ``INTRA = tau^2 * (1 - mean over classes of the Pearson correlation over images)``.
    """
    predicted, aim = (
        functional.softmax(logits / kd_temperature, 1) for logits in (student, teacher)
    )
    inter, intra = (1 - _pearson(predicted, aim, dim).mean() for dim in (1, 0))
    return kd_temperature**2 * inter, kd_temperature**2 * intra


def _compared(student: Tensor, teacher: Tensor, standardise: bool) -> tuple[Tensor, Tensor]:
    return (standardised(student), standardised(teacher)) if standardise else (student, teacher)


def _name(kind: str, standardise: bool) -> str:
    return f"{kind}-standardised" if standardise else kind


def _kl(student: Tensor, teacher: Tensor) -> Tensor:
    return functional.kl_div(student, teacher, reduction="batchmean", log_target=True)


def _pearson(a: Tensor, b: Tensor, dim: int) -> Tensor:
    return functional.cosine_similarity(
        a - a.mean(dim, keepdim=True), b - b.mean(dim, keepdim=True), dim
    )


def _check(kd_temperature: float, **weights: float) -> None:
    if kd_temperature <= 0:
        raise ConfigError(
            f"kd_temperature={kd_temperature} must be above 0; correct "
            "distill.loss.divergence.kd_temperature"
        )
    for name, weight in weights.items():
        if weight < 0:
            raise ConfigError(
                f"{name}={weight} must be at least 0; correct distill.loss.divergence.{name}"
            )
