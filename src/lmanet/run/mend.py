"""A history that two processes wrote at once, as versions without a lock allowed: each trial gets a
number of its own again.
"""

import logging
from collections.abc import Iterable, Iterator

from lmanet.files import copy_file, write_text
from lmanet.run.folder import RunFolder
from lmanet.run.records import Status, Trial

log = logging.getLogger(__name__)
DOUBLED = "history_doubled.jsonl"


class Mending:
    """Stage: writes ``history.jsonl`` anew if a number stands there for two trials; what it was is
    kept as ``history_doubled.jsonl``.
    """

    def run(self, folder: RunFolder) -> None:
        before = folder.history.read()
        after = list(mended(before))
        if after == before:
            log.info("%s bears each trial once: it stays", folder.history.path)
            return
        copy_file(folder.history.path, folder.path / DOUBLED)
        text = "".join(f"{trial.model_dump_json()}\n" for trial in after)
        write_text(folder.history.path, text)
        log.info("%s is mended; as it was, it is kept as %s", folder.history.path, DOUBLED)


def mended(trials: Iterable[Trial]) -> Iterator[Trial]:
    """The lines of a history, in their order.

    The first network with a number keeps it, another one gets a free number. Of a network that
    ended twice under one number the first end counts.
    """
    lines = list(trials)
    taken = {trial.number for trial in lines}
    numbers: dict[tuple[int, str | None], int] = {}
    ended: set[int] = set()
    for trial in lines:
        known = trial.number, trial.id or trial.proposal.reply
        if known not in numbers:
            first = trial.number not in numbers.values()
            numbers[known] = trial.number if first else max(taken) + 1
            taken.add(numbers[known])
        number = numbers[known]
        if number not in ended:
            yield trial.model_copy(update={"number": number})
        if trial.status is not Status.PAUSED:
            ended.add(number)
