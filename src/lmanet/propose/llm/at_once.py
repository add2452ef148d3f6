"""Several requests at once: a batch divided among them, and their proposals in order."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from lmanet.errors import EndpointError
from lmanet.run.brief import Request
from lmanet.run.records import Proposal

log = logging.getLogger(__name__)


def divided(request: Request, most: int) -> list[Request]:
    """At most so many requests, which together want as many networks and may spend as much."""
    parts = min(most, request.count)
    if parts == 1:
        return [request]
    feedback = request.feedback  # composed once, and not in a thread
    left = None if request.tokens_left is None else request.tokens_left // parts
    found = []
    for part in range(parts):
        start, end = (request.count * place // parts for place in (part, part + 1))
        update: dict[str, Any] = {
            "number": request.number + start,
            "count": end - start,
            "tokens_left": left,
        }
        update["compose"] = partial(str, feedback)
        found.append(request.model_copy(update=update))
    return found


def in_order(asked: Sequence[Callable[[], list[Proposal]]]) -> list[Proposal]:
    """The proposals of all, in the order of the questions.

    One that fails is said and left out where others succeed.

    Raises:
        EndpointError: none can be had.
    """
    if len(asked) == 1:
        return asked[0]()
    pool = ThreadPoolExecutor(len(asked))
    try:
        futures = [pool.submit(ask) for ask in asked]
        faults = [fault for each in futures if (fault := each.exception())]
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # an interrupt does not wait for replies
    other = next((fault for fault in faults if not isinstance(fault, EndpointError)), None)
    if other or len(faults) == len(futures):
        raise other or faults[0]
    if faults:
        log.warning("%d of %d requests failed: %s", len(faults), len(futures), faults[0])
    return [one for each in futures if not each.exception() for one in each.result()]
