"""Loss of a student that learns from labels and from a teacher's logits."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from lmanet.errors import ConfigError


class KnowledgeDistillation:
    """Cross-entropy to the targets and divergence from the teacher (Hinton et al. 2015; arXiv 2504.09685, a = 1 - w):

    ``(1 - w) * CE(student, targets) + w * T^2 * KL(softmax(teacher / T) || softmax(student / T))``

    both as means over the batch, T being ``kd_temperature``. The weight w of the teacher goes in a straight line over the
    training's progress p, ``w(p) = kd_weight_start + p * (kd_weight_end - kd_weight_start)``: first it leads, then labels do.
    The loss holds the teacher, frozen, but is no module: neither a student's checkpoint nor its optimizer ever sees it.

    Args:
        teacher: from normalised images (N, 3, H, W) to logits (N, classes).
        kd_temperature: T, above 0.
        kd_weight_start, kd_weight_end: w at progress 0 and 1, each 0 to 1.
    """

    def __init__(self, teacher: nn.Module, kd_temperature: float = 10.0, kd_weight_start: float = 0.6, kd_weight_end: float = 0.2) -> None:
        if kd_temperature <= 0:
            raise ConfigError(f"kd_temperature={kd_temperature} must be above 0; correct distill.loss.kd_temperature")
        if not (0 <= kd_weight_start <= 1 and 0 <= kd_weight_end <= 1):
            raise ConfigError(
                f"kd_weight_start={kd_weight_start}, kd_weight_end={kd_weight_end} must be 0 to 1; correct them in distill.loss"
            )
        self.teacher = teacher.eval().requires_grad_(False)
        self.kd_temperature = kd_temperature
        self.kd_weight_start = kd_weight_start
        self.kd_weight_end = kd_weight_end

    def kd_weight(self, progress: float) -> float:
        """Weight of the teacher's term at a share of the training, 0 to 1."""
        return self.kd_weight_start + progress * (self.kd_weight_end - self.kd_weight_start)

    def __call__(self, logits: Tensor, targets: Tensor, images: Tensor, progress: float) -> Tensor:
        with torch.no_grad():
            taught = self.teacher.to(images.device)(images)
        weight = self.kd_weight(progress)
        divergence = distillation_divergence(logits, taught, self.kd_temperature)
        return (1 - weight) * functional.cross_entropy(logits, targets) + weight * divergence


def distillation_divergence(student: Tensor, teacher: Tensor, kd_temperature: float) -> Tensor:
    """``T^2 * KL(softmax(teacher / T) || softmax(student / T))``, in nats, mean over the batch.

    T^2 keeps the gradient's size independent of T (Hinton et al. 2015, section 2).

    Args:
        student, teacher: logits (N, classes).
    """
    softened = functional.log_softmax(student / kd_temperature, dim=1)
    aim = functional.log_softmax(teacher / kd_temperature, dim=1)
    return kd_temperature**2 * functional.kl_div(softened, aim, reduction="batchmean", log_target=True)
