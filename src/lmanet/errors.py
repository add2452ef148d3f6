"""The one base of every error that lmanet raises on purpose: what was given, the rule, what is
legal, where to change it.
"""

from collections.abc import Sequence


class LmanetError(Exception):
    """Base of all errors whose message is meant for the user; the command prints it as one sentence
    and exits with 1.
    """


class ArchitectureError(LmanetError):
    """An architecture, or a reply that should have been one, is malformed or lies outside its
    space.
    """


class ConfigError(LmanetError):
    """A setting is missing, unknown or contradicts another."""


class DataError(LmanetError):
    """Images are missing, unreadable or unusable."""


class DeployError(LmanetError):
    """A network cannot be brought to int8 or to a board, or two runtimes disagree about it."""


class BoardError(LmanetError):
    """A board cannot be measured: its line, its firmware or its answers are at fault.

    Args:
        status: one word for each sort, as records keep it: ``no_port``, ``busy``, ``garbled``,
            ``cut``, ``silent``, ``reset``, ``wrong_firmware``, ``wrong_bits``, ``wrong_clock``,
            ``not_flashed``.
        text: the sentence.
    """

    def __init__(self, status: str, text: str) -> None:
        super().__init__(text)
        self.status = status


class EndpointError(LmanetError):
    """The language model's endpoint cannot be reached or refuses to serve; no
    trial is made of it.
    """


class HistoryError(LmanetError):
    """A run's history cannot be read or does not belong to the run that is to be continued."""


class DiskError(LmanetError):
    """A file cannot be written or read for a reason that is the disk's: full, read-only, broken."""


class RemoteStorageError(LmanetError):
    """A run's storage cannot be reached, or another driver has taken the run over."""


class SearchError(LmanetError):
    """A search came to its end, and no candidate was trained."""


class TrainingError(LmanetError):
    """A training ended without a usable network (a loss that is not finite, no batch, out of
    memory).
    """


class TrainingTimeoutError(TrainingError):
    """A training was stopped by its time limit."""


class LostProcessError(TrainingError):
    """A process that a training needs was killed: the system's memory may not have sufficed."""


class WorkerLostError(TrainingError):
    """The worker was lost, and so was the one that tried again: killed, out of memory, or its node
    is gone.
    """


class ToolError(LmanetError):
    """A compiler, an emulator or a runtime cannot be started, or hangs: no network is at fault, and
    another would fare no better.
    """


def first_of(names: Sequence[str], most: int) -> str:
    """Several in a sentence, and not a long one: ``a, b and 3 more``."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
