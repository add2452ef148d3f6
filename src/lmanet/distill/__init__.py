"""Teacher, its logits, losses and distillation of the best networks."""

from lmanet.distill.divergence import Dist, Dkd, Kd
from lmanet.distill.logits import OnlineLogits, OnlineTeacher, StoredLogits, StoredTeacher
from lmanet.distill.losses import KnowledgeDistillation
from lmanet.distill.stage import Distillation
from lmanet.distill.teacher import Teacher, TeacherSource
from lmanet.distill.teacher_training import TeacherTraining

__all__ = [
    "Dist",
    "Distillation",
    "Dkd",
    "Kd",
    "KnowledgeDistillation",
    "OnlineLogits",
    "OnlineTeacher",
    "StoredLogits",
    "StoredTeacher",
    "Teacher",
    "TeacherSource",
    "TeacherTraining",
]
