"""Architecture: a network as the JSON that a language model writes, checked and frozen."""

import json
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)
from pydantic_core import ErrorDetails

from lmanet.errors import ArchitectureError
from lmanet.network.candidate import Candidate

Activation = Literal["relu6", "leaky_relu", "swish", "hard_swish"]
BlockKind = Literal["depthwise", "mbconv", "conv", "fused"]
Padding = Literal["same", "torch"]
Channels = Annotated[int, Field(ge=1, le=4096)]
Resolution = Annotated[int, Field(ge=1, le=1024)]
Width = Annotated[int, Field(ge=1, le=16384)]
# Fields of a stage that have no effect on a block of this kind: any legal value will do.
WITHOUT_EFFECT: dict[str, tuple[str, ...]] = {
    "depthwise": ("expansion",),
    "conv": ("expansion", "se_ratio"),
}
PICTURES = {1: "grey images", 3: "RGB images"}
MAX_STAGES = 16
MAX_FAULTS = 6


def _whole(value: object) -> object:
    # Strict or not, pydantic takes 3.0 for the literal 3 and true for 1.
    if type(value) is not int:
        raise ValueError("input should be a valid integer")
    return value


Kernel = Annotated[Literal[1, 3, 5, 7], BeforeValidator(_whole)]
Stride = Annotated[Literal[1, 2], BeforeValidator(_whole)]


class _Frozen(BaseModel):
    # strict: "16", 16.0 and true are refused where 16 is meant; nothing that a model writes is
    # coerced.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Stem(_Frozen):
    """An ordinary convolution with batch norm and activation before the first stage."""

    channels: Channels
    kernel: Kernel
    stride: Stride
    activation: Activation


class Stage(_Frozen):
    """One block repeated ``layers`` times; only the first repetition has the stride.

    Attributes:
        block: ``depthwise`` (depthwise convolution, then 1x1), ``mbconv`` (1x1 expansion before
            both), ``conv`` (one ordinary convolution) or ``fused`` (an ordinary convolution that
            expands, then 1x1: Fused-MBConv of EfficientNetV2, arXiv 2104.00298).
        channels: output channels of every repetition.
        expansion: hidden channels over input channels, for ``mbconv`` and ``fused``; the others
            have no expansion and ignore it.
        se_ratio: hidden channels of squeeze-and-excitation over the block's hidden channels; 0 is
            off. ``conv`` has none and ignores it.
        skip: add the block's input to its output where the stride is 1. Where channels differ, the
            input goes through a 1x1 convolution; ``conv`` has no skip there.
    """

    block: BlockKind
    channels: Channels
    kernel: Kernel
    stride: Stride
    expansion: Annotated[int, Field(ge=1, le=16)]
    se_ratio: Annotated[float, Field(ge=0.0, le=1.0)]
    skip: bool
    activation: Activation
    layers: Annotated[int, Field(ge=1, le=64)]


def has_effect(field: str, block: str | None) -> bool:
    """Whether a field of a stage with this kind of block changes the network.

    Args:
        block: None for a stem or a head, which use all their fields.
    """
    return block is None or field not in WITHOUT_EFFECT.get(block, ())


class Head(_Frozen):
    """A 1x1 convolution with batch norm and activation after the last stage."""

    channels: Channels
    activation: Activation


class Architecture(_Frozen, Candidate):
    """A whole network without its classifier, whose width follows from the data.

    Attributes:
        resolution: height of the input, and its width where that is not given, pixels; 1 for a
            signal. A window moves along no side of one pixel: there it is 1 wide.
        input_channels: 3 for red, green and blue, 1 for grey, or as many as a sensor has.
        width: of the input, pixels or samples; None is that of a square.
        padding: ``same`` as TensorFlow and TFLite define it; ``torch`` pads kernel // 2 on every
            side. They differ at stride 2 only, and there decide whether TFLite needs an operator of
            its own to pad.
        stem, head: None where the network has none, as the paper's networks.
    """

    kind = "a network of stages"

    resolution: Resolution = 160
    input_channels: Channels = 3
    width: Width | None = None
    padding: Padding = "same"
    stem: Stem | None = None
    stages: Annotated[tuple[Stage, ...], Field(min_length=1, max_length=MAX_STAGES, strict=False)]
    head: Head | None = None

    @property
    def network(self) -> "Architecture":
        return self

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of the input."""
        return self.input_channels, self.resolution, self.width or self.resolution

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the input."""
        return self.input_shape[1:]

    @property
    def reads_pictures(self) -> bool:
        """Whether a camera may give the input: it is neither a signal nor of other channels."""
        return self.input_channels in PICTURES and min(self.size) > 1

    @property
    def reads(self) -> str:
        """What it is given, in words: ``RGB images of 32 x 32 pixels``."""
        channels, height, width = self.input_shape
        if self.reads_pictures:
            return f"{PICTURES[channels]} of {height} x {width} pixels"
        return f"inputs of {channels} x {height} x {width} values"

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if self.width == self.resolution:  # one form for one network
            object.__setattr__(self, "width", None)
        return self

    @model_serializer(mode="wrap")
    def _written(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without what says that it reads a square of red, green and blue, as networks did before
        they could read anything else.
        """
        usual = {"input_channels": 3, "width": None}
        data: dict[str, Any] = write(self)
        return {
            name: value for name, value in data.items() if name not in usual or value != usual[name]
        }


def parse_architecture(data: object) -> Architecture:
    """Check decoded JSON and return the architecture.

    Raises:
        ArchitectureError: with every field that is missing, unknown, of the wrong type or out of
            range.
    """
    try:
        return Architecture.model_validate(data)
    except ValidationError as error:
        raise ArchitectureError(f"not an architecture: {explain_validation(error)}") from error


def explain_validation(error: ValidationError, most: int = MAX_FAULTS) -> str:
    """One clause a fault, at most ``most`` of them: where it is, what was given, what is legal."""
    errors = error.errors()
    faults = [_clause(fault) for fault in errors if not _counts_sound_items_only(fault, errors)]
    return join_faults(faults, most)


def join_faults(faults: list[str], most: int = MAX_FAULTS) -> str:
    """The first clauses, and how many more there are."""
    more = [f"and {len(faults) - most} more"] if len(faults) > most else []
    return "; ".join(faults[:most] + more)


def _clause(fault: ErrorDetails) -> str:
    place = ascii(".".join(map(str, fault["loc"])))[1:-1][:60] or "reply"
    if fault["type"] == "missing":
        return f"{place} missing"
    return f"{place}={quoted(fault['input'])}: {fault['msg'].removeprefix('Value error, ').lower()}"


def _counts_sound_items_only(fault: ErrorDetails, errors: list[ErrorDetails]) -> bool:
    """A list that pydantic finds too short because its items are at fault, which they have errors
    of their own to say.
    """
    place = fault["loc"]
    return fault["type"] == "too_short" and any(
        other["loc"][: len(place)] == place != other["loc"] for other in errors
    )


def quoted(value: object, most: int = 60) -> str:
    """A value as ASCII, cut where it is long: as JSON, where JSON can hold it; YAML has more."""
    for write in (partial(json.dumps, default=str), ascii):
        try:
            return write(value)[:most]
        except (
            TypeError,
            ValueError,
            RecursionError,
        ):  # ValueError: a list within itself, or thousands of digits
            continue
    return f"a {type(value).__name__}"


def require_network(architecture: object, num_classes: object) -> None:
    """Raises `ArchitectureError` where no network can be made of these: said here, not by a tensor
    deep inside.
    """
    if not isinstance(architecture, Architecture):
        given = f"{type(architecture).__name__} {quoted(architecture)}"
        raise ArchitectureError(
            f"{given} is no architecture; pass what lmanet.load_architecture or a space's sample "
            "gives"
        )
    if not isinstance(num_classes, int) or isinstance(num_classes, bool) or num_classes < 1:
        raise ArchitectureError(
            f"num_classes={quoted(num_classes)} is no whole number of at least 1; pass how many "
            "classes the images have"
        )


def load_architecture(name_or_path: str | Path) -> Architecture:
    """Load an architecture that ships with the package (``lmanet_elite``, ``lmanet_core``,
    ``qwnet_core``, ``cifar100_record``) or a file.

    Args:
        name_or_path: a shipped name, or the path of our JSON or YAML, or of JSON in the format of
            the paper's authors.

    Raises:
        ArchitectureError: no such name or file, or the content is not an architecture.
    """
    path = Path(name_or_path)
    shipped = Path(__file__).parent / "architectures"
    if not path.suffix:
        path = shipped / f"{name_or_path}.json"
    if not path.is_file():
        names = ", ".join(sorted(p.stem for p in shipped.glob("*.json")))
        raise ArchitectureError(
            f"architecture {str(name_or_path)!r} is neither one of {names} nor a file; pass one of "
            "them (arch=...)"
        )
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))  # JSON is YAML
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ArchitectureError(
            f"{path} is neither JSON nor YAML: {str(error).splitlines()[0]}"
        ) from error
    if isinstance(data, dict) and isinstance(published := data.get("candidate_config"), dict):
        data = _from_published(published)
    return parse_architecture(data)


def _from_published(config: dict[str, Any]) -> dict[str, Any]:
    """Translate ``candidate_config`` of the paper's public code, whose fields say more than its
    networks use.
    """
    try:
        stages = [
            {
                "block": block["conv_type"],
                "channels": block["output_channels"],
                "kernel": block["kernel_size"],
                "stride": block["stride"],
                "expansion": block["expansion_factor"],
                "se_ratio": block["se_ratio"] if block["use_se"] else 0.0,
                "skip": block["skip_op"] == "residual",
                "activation": {"leakyrelu": "leaky_relu"}.get(
                    block["activation"], block["activation"]
                ),
                "layers": block["num_layers"],
            }
            for block in config["blocks"]
        ]
    except (KeyError, TypeError) as error:
        fault = f"lacks {error}" if isinstance(error, KeyError) else "is malformed"
        raise ArchitectureError(
            f"candidate_config {fault}; each block needs the fields of the published JSON"
        ) from error
    return {"resolution": 160, "padding": "torch", "stages": stages}
