"""Loss of a student that learns from labels and from a teacher's logits."""

from torch import Tensor
from torch.nn import functional

from lmanet.distill.divergence import Divergence
from lmanet.distill.logits import TeacherLogits
from lmanet.errors import ConfigError
from lmanet.steps import Batch

LEAST_PROBABILITY = 1e-12  # what is less is as good as impossible, and its logarithm no number


class KnowledgeDistillation:
    """Cross-entropy to the targets and divergence from the teacher (Hinton et al. 2015; arXiv
    2504.09685, a = 1 - w):

    ``(1 - w) * CE(student, targets) + w * divergence(student, teacher, targets)``

    both as means over the batch. The weight w of the teacher goes in a straight line over the
    training's progress p, ``w(p) = kd_weight_start + p * (kd_weight_end - kd_weight_start)``: where
    it falls, first the teacher leads, then labels do.

    Args:
        teacher_logits: of the batches of this training.
        divergence: `Kd`, `Dkd` or `Dist`.
        kd_weight_start, kd_weight_end: w at progress 0 and 1, each 0 to 1.
    """

    def __init__(
        self,
        teacher_logits: TeacherLogits,
        divergence: Divergence,
        kd_weight_start: float = 0.6,
        kd_weight_end: float = 0.2,
    ) -> None:
        if not (0 <= kd_weight_start <= 1 and 0 <= kd_weight_end <= 1):
            raise ConfigError(
                f"kd_weight_start={kd_weight_start}, kd_weight_end={kd_weight_end} must be 0 to 1; "
                "correct them in distill.loss"
            )
        self.teacher_logits = teacher_logits
        self.divergence = divergence
        self.kd_weight_start = kd_weight_start
        self.kd_weight_end = kd_weight_end

    def kd_weight(self, progress: float) -> float:
        """Weight of the teacher's term at a share of the training, 0 to 1."""
        return self.kd_weight_start + progress * (self.kd_weight_end - self.kd_weight_start)

    def __call__(self, logits: Tensor, batch: Batch, progress: float) -> Tensor:
        weight = self.kd_weight(progress)
        teacher = self.teacher_logits(batch)
        if batch.mixing is not None:  # probabilities are mixed, as targets are
            said = batch.mixing @ teacher.float().softmax(1)
            teacher = said.clamp(min=LEAST_PROBABILITY).log()
        divergence = self.divergence(logits, teacher, batch.targets)
        return (1 - weight) * functional.cross_entropy(logits, batch.targets) + weight * divergence
