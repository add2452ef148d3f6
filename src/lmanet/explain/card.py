"""What the page shows of a network that is picked on the front."""

from collections.abc import Sequence
from typing import NamedTuple

from lmanet.claims.check import CheckedClaim
from lmanet.run.records import Epoch


class PartDrawing(NamedTuple):
    """A part of a network in its diagram: stem, a stage, head, classifier.

    Attributes:
        setting: what was chosen, in words.
        out_shape: (channels, height, width).
        sram_bytes: most in use while the part runs.
        is_peak: the part sets the network's peak.
    """

    name: str
    setting: str
    out_shape: tuple[int, int, int]
    macs: int
    params: int
    sram_bytes: int
    is_peak: bool


class NetworkCard(NamedTuple):
    """A trained network.

    Attributes:
        number: of its trial, from 0.
        costs: (title with unit, value as shown, share of the target's limit or None), as many as
            are known.
        curve: of its mini-training.
        origin: who proposed it and how, in words.
        text: the proposer's free text.
        claims: each with its truth and the reason.
        architecture: its JSON.
        retrain: the command that trains it in full.
    """

    number: int
    id: str
    on_front: bool
    val_accuracy: float
    macs: int
    peak_sram_bytes: int
    flash_bytes: int
    params: int
    costs: Sequence[tuple[str, str, float | None]]
    parts: Sequence[PartDrawing]
    curve: Sequence[Epoch]
    origin: str
    text: str
    claims: Sequence[CheckedClaim]
    architecture: str
    retrain: str
