"""Claims on the form of a network of stages, one class each."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from lmanet.claims.claim import Finding, FormClaim, Legal
from lmanet.network import Architecture
from lmanet.network.architecture import has_effect
from lmanet.network.graph import feature_operators
from lmanet.space import AnyCost, Outline

Stages = Annotated[
    tuple[Annotated[int, Field(ge=1, le=16)], ...],
    Field(min_length=1, max_length=16, strict=False),  # JSON has lists, no tuples
]
EARLY_STAGES, EARLY_FACTOR = 2, 4
MOST_EXPANSION = 3
LEAST_WIDENING = 2


class StagesClaim(FormClaim):
    """A claim on each of the stages that it names."""

    stages: Stages

    @classmethod
    def legal_in(cls, outline: Outline) -> Mapping[str, Legal] | None:
        if not cls.can_vary(outline):
            return None
        return {"stages": Legal(tuple(range(1, outline.num_stages + 1)), several=True)}

    @classmethod
    @abstractmethod
    def can_vary(cls, outline: Outline) -> bool:
        """Whether some networks of the space have it."""

    def stages_text(self) -> str:
        """``stages 2 and 3``."""
        each = [str(number) for number in dict.fromkeys(self.stages)]
        if len(each) == 1:
            return f"stage {each[0]}"
        return f"stages {', '.join(each[:-1])} and {each[-1]}"

    def check_stages(
        self, architecture: Architecture, fault: Callable[[int], str], held: str
    ) -> Finding:
        """True where no stage named has a fault; the reason names those that have one.

        Args:
            fault: number of a stage -> what it lacks; empty where it lacks nothing.
            held: what all of them do where the claim is true.
        """
        there = len(architecture.stages)
        missing = [number for number in self.stages if number > there]
        if missing:
            return Finding(False, f"there is no stage {missing[0]}: the network has {there}")
        faults = [
            f"stage {number} {found}"
            for number in dict.fromkeys(self.stages)
            if (found := fault(number))
        ]
        return Finding(not faults, "; ".join(faults) or f"each of them {held}")


class ResidualIn(StagesClaim):
    """In every stage named a block's input is added to its output."""

    claim: Literal["residual_in"] = "residual_in"
    meaning: ClassVar[str] = "in each of these stages a block adds its input to its output"

    @classmethod
    def can_vary(cls, outline: Outline) -> bool:
        return True in outline.stage_fields["skip"]

    def words(self) -> str:
        return f"residual connections in {self.stages_text()}"

    def check_form(self, architecture: Architecture, cost: AnyCost | None) -> Finding:
        sums = {
            operator.name.split(".")[0]
            for operator in feature_operators(architecture)
            if operator.kind == "add"
        }

        def fault(number: int) -> str:
            stage = architecture.stages[number - 1]
            if f"stage{number}" in sums:
                return ""
            why = "has stride 2" if stage.stride == 2 else "changes the channels"
            return f"has a skip that never acts: its one block {why}" if stage.skip else "has none"

        held = "adds its blocks' inputs to their outputs"
        return self.check_stages(architecture, fault, held)


class SqueezeExciteIn(StagesClaim):
    """Every stage named has squeeze-and-excitation."""

    claim: Literal["se_in"] = "se_in"
    meaning: ClassVar[str] = "each of these stages has squeeze-and-excitation"

    @classmethod
    def can_vary(cls, outline: Outline) -> bool:
        return any(outline.stage_fields["se_ratio"])

    def words(self) -> str:
        return f"squeeze-and-excitation in {self.stages_text()}"

    def check_form(self, architecture: Architecture, cost: AnyCost | None) -> Finding:
        def fault(number: int) -> str:
            stage = architecture.stages[number - 1]
            return "" if stage.se_ratio > 0 and has_effect("se_ratio", stage.block) else "has none"

        return self.check_stages(architecture, fault, "has it")


class StrideOneIn(StagesClaim):
    """Every stage named keeps the size of its image."""

    claim: Literal["stride_1_in"] = "stride_1_in"
    meaning: ClassVar[str] = "each of these stages keeps the size of its image"

    @classmethod
    def can_vary(cls, outline: Outline) -> bool:
        return len(outline.stage_fields["stride"]) > 1

    def words(self) -> str:
        return f"stride 1 in {self.stages_text()}"

    def check_form(self, architecture: Architecture, cost: AnyCost | None) -> Finding:
        def fault(number: int) -> str:
            return "has stride 2" if architecture.stages[number - 1].stride != 1 else ""

        return self.check_stages(architecture, fault, "has stride 1")


class DownsamplesEarly(FormClaim):
    """After stem and first two stages the image has at most a quarter of its height and width."""

    claim: Literal["downsamples_early"] = "downsamples_early"
    meaning: ClassVar[str] = "after two stages the image has at most a quarter of its width"

    @classmethod
    def legal_in(cls, outline: Outline) -> Mapping[str, Legal]:
        return {}

    def words(self) -> str:
        return "downsamples early"

    def check_form(self, architecture: Architecture, cost: AnyCost | None) -> Finding:
        last = min(EARLY_STAGES, len(architecture.stages))
        size = next(
            operator.out_shape[1:]
            for operator in reversed(feature_operators(architecture))
            if operator.name.startswith(f"stage{last}.")
        )
        whole = architecture.size
        reason = f"after stage {last} the image is {_by(size)} of {_by(whole)}"
        sides = [(now, before) for now, before in zip(size, whole, strict=True) if before > 1]
        return Finding(all(now * EARLY_FACTOR <= before for now, before in sides), reason)


def _by(size: tuple[int, ...]) -> str:
    return "x".join(map(str, size))


class WidensLate(FormClaim):
    """The widest stage lies in the second half of the stages and has at least twice the channels of
    the first stage.
    """

    claim: Literal["widens_late"] = "widens_late"
    meaning: ClassVar[str] = (
        "the widest stage lies in the second half and has at least twice the channels of stage 1"
    )

    @classmethod
    def legal_in(cls, outline: Outline) -> Mapping[str, Legal]:
        return {}

    def words(self) -> str:
        return "widens late"

    def check_form(self, architecture: Architecture, cost: AnyCost | None) -> Finding:
        widths = [stage.channels for stage in architecture.stages]
        # The last of those that are equally wide.
        widest = len(widths) - widths[::-1].index(max(widths))
        holds = 2 * widest > len(widths) and max(widths) >= LEAST_WIDENING * widths[0]
        return Finding(holds, f"channels {', '.join(map(str, widths))}")


class SmallExpansion(FormClaim):
    """No block widens its input more than three times: half of what MobileNetV2 (Sandler et al.
    2018) does.
    """

    claim: Literal["small_expansion"] = "small_expansion"
    meaning: ClassVar[str] = "no block expands more than 3 times"

    @classmethod
    def legal_in(cls, outline: Outline) -> Mapping[str, Legal]:
        return {}

    def words(self) -> str:
        return "small expansion"

    def check_form(self, architecture: Architecture, cost: AnyCost | None) -> Finding:
        expansions = [
            stage.expansion if has_effect("expansion", stage.block) else 1
            for stage in architecture.stages
        ]
        reason = f"expansions {', '.join(map(str, expansions))}"
        return Finding(max(expansions) <= MOST_EXPANSION, reason)


class PeakMemoryAt(FormClaim):
    """The operator that sets the peak of SRAM belongs to this part: ``stem``, ``stage1`` and so on,
    ``head``, ``classifier``.
    """

    claim: Literal["peak_memory_at"] = "peak_memory_at"
    meaning: ClassVar[str] = "the part that needs the most SRAM"
    part: Annotated[str, Field(pattern="^(stem|stage([1-9]|1[0-6])|head|classifier)$")]

    @classmethod
    def legal_in(cls, outline: Outline) -> Mapping[str, Legal]:
        return {"part": Legal(outline.parts)}

    def words(self) -> str:
        return f"peak memory at {self.part}"

    def check_form(self, architecture: Architecture, cost: AnyCost | None) -> Finding:
        if cost is None or (peak := cost.peak) is None:
            return Finding(None, "its memory is not known")
        reason = f"{peak.bytes:,} bytes at {peak.operator} ({peak.runtime})"
        return Finding(peak.operator.partition(".")[0] == self.part, reason)
