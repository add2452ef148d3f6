"""Why a network was proposed: claims from a closed list, which can be checked, and free text, which
cannot.
"""

from typing import Annotated, Literal

from pydantic import Field

from lmanet.base import Record

Stages = Annotated[
    tuple[Annotated[int, Field(ge=1, le=16)], ...], Field(min_length=1, max_length=16)
]
Quantity = Literal["macs", "params", "peak_sram_bytes", "flash_bytes", "estimated_latency_ms"]
MAX_TEXT_CHARACTERS = 400


class ResidualIn(Record):
    """In every stage named a block's input is added to its output."""

    claim: Literal["residual_in"] = "residual_in"
    stages: Stages


class StrideOneIn(Record):
    """Every stage named keeps the size of its image."""

    claim: Literal["stride_1_in"] = "stride_1_in"
    stages: Stages


class SqueezeExciteIn(Record):
    """Every stage named has squeeze-and-excitation."""

    claim: Literal["se_in"] = "se_in"
    stages: Stages


class DownsamplesEarly(Record):
    """After stem and first two stages the image has at most a quarter of its height and width."""

    claim: Literal["downsamples_early"] = "downsamples_early"


class WidensLate(Record):
    """The widest stage lies in the second half of the stages and has at least twice the channels of
    the first stage.
    """

    claim: Literal["widens_late"] = "widens_late"


class SmallExpansion(Record):
    """No block widens its input more than three times: half of what MobileNetV2 (Sandler et al.
    2018) does.
    """

    claim: Literal["small_expansion"] = "small_expansion"


class PeakMemoryAt(Record):
    """The operator that sets the peak of SRAM belongs to this part: ``stem``, ``stage1`` and so on,
    ``head``, ``classifier``.
    """

    claim: Literal["peak_memory_at"] = "peak_memory_at"
    part: Annotated[str, Field(pattern="^(stem|stage([1-9]|1[0-6])|head|classifier)$")]


class CheaperThanParent(Record):
    """The network takes at least so much less of a quantity than its parent."""

    claim: Literal["cheaper_than_parent"] = "cheaper_than_parent"
    quantity: Quantity
    by_percent: Annotated[float, Field(ge=0, le=100)]


class ExpectedAccuracy(Record):
    """Accuracy on validation images against the parent's, or against the best or the mean of those
    trained before.
    """

    claim: Literal["expected_accuracy"] = "expected_accuracy"
    expected: Literal["higher", "lower"]
    than: Literal["parent", "best", "mean"]


Claim = Annotated[
    ResidualIn
    | StrideOneIn
    | SqueezeExciteIn
    | DownsamplesEarly
    | WidensLate
    | SmallExpansion
    | PeakMemoryAt
    | CheaperThanParent
    | ExpectedAccuracy,
    Field(discriminator="claim"),
]


class Rationale(Record):
    """What a model said of its own proposal, before any training.

    Attributes:
        claims: to be checked.
        text: in its own words; nothing checks it.
        faults: what was said and could not be read as a claim, and why.
    """

    claims: tuple[Claim, ...] = ()
    text: Annotated[str, Field(max_length=MAX_TEXT_CHARACTERS)] = ""
    faults: tuple[str, ...] = ()
