"""What a job of a scheduler computes: a call, and the same call again where it was interrupted."""

import os
import pickle
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lmanet.calls import Call, Returned, attempt

if TYPE_CHECKING:
    from submitit.helpers import DelayedSubmission

OPEN = "open"
WATCH_SECONDS = 2.0
ABANDONED = 75  # the exit code of a job that nobody waits for: "try again later", in sysexits.h


@dataclass
class Ticket:
    """A call as it is handed to submitit, which asks for `checkpoint` before a job is taken away.

    A training has left its checkpoint after each epoch by then, so that the same call goes on from
    there.

    Attributes:
        call: without what it shares with others.
        shared: file of that, in the folder of the driver's start; it ends with the driver.
        threads: CPU threads of the call.
    """

    call: Call
    shared: Path
    threads: int

    def __call__(self) -> Returned:
        """Compute the call.

        It runs in a thread of its own. The main thread stays free for the scheduler's signals,
        which Python would else handle after the operation under way, and Lightning takes for itself
        where it finds itself in the main thread.
        """
        ended: list[Returned] = []
        thread = threading.Thread(target=lambda: ended.append(self._attempt()), daemon=True)
        thread.start()
        while thread.is_alive():
            thread.join(WATCH_SECONDS)
            if not (self.shared.parent / OPEN).exists():
                # The driver is gone, and another may train in the same files by now.
                os._exit(ABANDONED)
        return ended[0]

    def checkpoint(self) -> "DelayedSubmission":
        """What the job does when it runs again."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)

    def _attempt(self) -> Returned:
        if torch := sys.modules.get("torch"):
            torch.set_num_threads(self.threads)
        else:  # read by torch where the call imports it
            os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(self.threads)
        # written by this start's driver, in a folder that it made for itself and its user alone
        shared = pickle.loads(self.shared.read_bytes())  # nosec B301
        return attempt(self.call._replace(shared=shared))
