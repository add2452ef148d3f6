"""Teachers, their logits, losses and distillation of the best networks."""

from lmanet.distill.distillation import Distillation, TeacherStage
from lmanet.distill.divergence import Dist, Dkd, Kd
from lmanet.distill.logits import OnlineLogits, OnlineTeacher, StoredLogits, StoredTeacher
from lmanet.distill.losses import KnowledgeDistillation
from lmanet.distill.sources import NetworkSource, PublishedSource
from lmanet.distill.teacher import Ensemble, Teacher
from lmanet.distill.teacher_training import TeacherEnsemble, TeacherTraining
from lmanet.distill.timm_source import TeacherSource

__all__ = [
    "Dist",
    "Distillation",
    "Dkd",
    "Ensemble",
    "Kd",
    "KnowledgeDistillation",
    "NetworkSource",
    "OnlineLogits",
    "OnlineTeacher",
    "PublishedSource",
    "StoredLogits",
    "StoredTeacher",
    "Teacher",
    "TeacherEnsemble",
    "TeacherSource",
    "TeacherStage",
    "TeacherTraining",
]
