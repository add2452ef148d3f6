"""Candidates trained one after another in this process: simplest, and exactly repeatable."""

from lmanet.execute.job import run_job
from lmanet.run.records import Job, Outcome
from lmanet.steps import Trainer


class InProcess:
    """Trains a job when its outcome is asked for."""

    capacity = 1

    def __init__(self, trainer: Trainer) -> None:
        self.trainer = trainer
        self._jobs: list[Job] = []

    def submit(self, job: Job) -> None:
        self._jobs.append(job)

    def collect(self, wait: bool) -> list[Outcome]:
        jobs, self._jobs = self._jobs, []
        return [run_job(self.trainer, job) for job in jobs]

    def close(self) -> None:
        self._jobs.clear()
