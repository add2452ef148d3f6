"""Where candidates are trained: in this process or in workers on this machine or on others."""

from lmanet.execute.auto import Auto
from lmanet.execute.in_process import InProcess
from lmanet.execute.process import begin_process, kill, of_the_run_alone
from lmanet.execute.ray_engine import RayEngine
from lmanet.execute.remote import Remote
from lmanet.execute.resources import Resources
from lmanet.execute.submitit import Submitit
from lmanet.execute.workers import Workers

__all__ = [
    "Auto",
    "InProcess",
    "RayEngine",
    "Remote",
    "Resources",
    "Submitit",
    "Workers",
    "begin_process",
    "kill",
    "of_the_run_alone",
]
