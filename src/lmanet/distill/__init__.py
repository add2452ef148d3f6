"""Teacher, losses and distillation of the best networks."""

from lmanet.distill.losses import KnowledgeDistillation
from lmanet.distill.stage import Distillation
from lmanet.distill.teacher import Teacher, TeacherSource
from lmanet.distill.teacher_training import TeacherTraining

__all__ = ["Distillation", "KnowledgeDistillation", "Teacher", "TeacherSource", "TeacherTraining"]
