"""SLURM's queue: which of a driver's jobs are over. Its accounting, which not every cluster has, is
not needed.
"""

import logging
import subprocess
import time

log = logging.getLogger(__name__)
# Of states, those after which a job does nothing more by itself.
OVER = {
    "BOOT_FAIL",
    "CANCELLED",
    "COMPLETED",
    "DEADLINE",
    "FAILED",
    "NODE_FAIL",
    "OUT_OF_MEMORY",
    "PREEMPTED",
    "REQUEUE_HOLD",
    "REVOKED",
    "SPECIAL_EXIT",
    "TIMEOUT",
}
GONE = "no longer in the queue"  # SLURM forgets a job some minutes after its end
COMMANDS = ("sbatch", "srun", "squeue", "scancel", "scontrol")
LONGEST_SECONDS = 60.0  # that a command of SLURM may take


class Squeue:
    """The jobs of one name, which their driver has drawn for them.

    Args:
        every_seconds: the queue is asked at most so often, for all jobs at once.
    """

    def __init__(self, name: str, every_seconds: float = 10.0) -> None:
        self._mine = ["--me", f"--name={name}"]
        self._every_seconds = every_seconds
        self._asked_at = float("-inf")
        self._states: dict[str, str] | None = None
        self._answers = True

    def over(self, job_id: str) -> str | None:
        """The state in which a job ended; None while it waits or runs, or the queue does not
        answer.
        """
        if time.monotonic() - self._asked_at >= self._every_seconds:
            self._states = self._ask()
            self._asked_at = time.monotonic()
        if self._states is None:
            return None
        state = self._states.get(job_id, GONE)
        return state if state in OVER or state == GONE else None

    def cancel(self) -> None:
        """End all of them."""
        self._run(["scancel", *self._mine])

    def cancel_and_wait(self, seconds: float) -> bool:
        """The same; whether none was left after so many seconds."""
        deadline = time.monotonic() + seconds
        while True:
            self.cancel()
            left = self._ask()
            if left is not None and OVER.issuperset(left.values()):
                return True
            if time.monotonic() > deadline:
                return False
            time.sleep(1.0)

    def _ask(self) -> dict[str, str] | None:
        lines = self._run(
            ["squeue", *self._mine, "--noheader", "--array", "--states=all", "--format=%i %T"]
        )
        if lines is None:
            return None
        return dict(line.split(maxsplit=1) for line in lines.splitlines() if " " in line)

    def _run(self, command: list[str]) -> str | None:
        """What a command says; None where it fails, as while SLURM's controller is started anew."""
        try:
            done = subprocess.run(
                command, check=True, capture_output=True, text=True, timeout=LONGEST_SECONDS
            )
        except (OSError, subprocess.SubprocessError) as error:
            if self._answers:
                said = getattr(error, "stderr", None) or error
                log.warning("%s does not answer (%s); it is asked again", command[0], said)
            self._answers = False
            return None
        self._answers = True
        return done.stdout
