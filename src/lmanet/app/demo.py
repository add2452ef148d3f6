"""`lmanet demo`: the shipped network on one picture, what that costs, and where it fits."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lmanet.board import load_target
from lmanet.board.target import TARGETS, Target
from lmanet.command import command
from lmanet.cost import Cost
from lmanet.cost.estimate import estimate_network
from lmanet.errors import ConfigError, DataError
from lmanet.run.quantities import FLASH, MACS, PARAMS, SRAM, Quantity

if TYPE_CHECKING:
    from lmanet.network.weights import Checkpoint

DEMO = "demo"
PICTURE = Path(__file__).with_name("demo.png")  # a launch, by SpaceX, CC0
IMAGINARY = ("none", "bench")  # in conf/target
LIKELY = 3  # classes that are told


def demo(arguments: Sequence[str]) -> Iterator[str]:
    """Lines: the network, what it sees, the cost of one picture, and where it fits.

    Args:
        arguments: what was typed after `demo`: nothing, a network, or a network and a picture.

    Raises:
        ConfigError: no network is shipped, or what was named is none.
        DataError: the picture cannot be read.
    """
    if len(arguments) > 2 or any(each.startswith("-") for each in arguments):
        raise ConfigError(
            f"{command(DEMO, *arguments)}: it takes a network and a picture, or neither; type "
            f"{command(DEMO)} or {command(DEMO, 'student.ckpt', 'picture.png')}"
        )
    name = arguments[0] if arguments else shipped_network()
    picture = Path(arguments[1]).expanduser() if len(arguments) == 2 else PICTURE
    if not picture.is_file():
        raise DataError(f"there is no picture {picture}; name a file that is there")

    from lmanet.network.weights import load_network  # torch takes seconds

    checkpoint = load_network(name)
    yield f"Network: {name}, {len(checkpoint.classes)} classes"
    yield f"Picture: {picture}"
    yield f"  It shows, says the network: {_likely(checkpoint, picture)}"
    boards = [
        load_target(path.stem)
        for path in sorted(TARGETS.glob("*.yaml"))
        if path.stem not in IMAGINARY
    ]
    costs = [_cost(checkpoint, board) for board in boards]
    known = ", ".join(_words(costs[0], each) for each in (MACS, PARAMS))
    yield f"Cost of a picture in int8, by formula: {known}"
    yield "Where it fits, by SRAM and flash; time by a cautious estimate:"
    yield from (_fit(board, cost) for board, cost in zip(boards, costs, strict=True))
    yield f"Next: {command('+experiment=quickstart')}"
    yield "  searches a network for another board, on 5,000 pictures of digits"


def shipped_network() -> str:
    """The name of the network that is shown.

    Raises:
        ConfigError: this version comes without one.
    """
    from lmanet.network.compact import preferred  # torch takes seconds

    if (name := preferred()) is None:
        raise ConfigError(
            "this version of lmanet comes without a trained network, so demo has none to show; "
            f"name one: {command(DEMO, 'student.ckpt')}, or make one: "
            f"{command('+experiment=quickstart')}"
        )
    return name


def _likely(checkpoint: "Checkpoint", picture: Path) -> str:
    import torch

    from lmanet.data.decode import read_image
    from lmanet.network.images import fit, normalise

    pixels = torch.from_numpy(read_image(picture)).permute(2, 0, 1)[None]
    fitted = fit(pixels, checkpoint.network.architecture.size)
    with torch.inference_mode():
        logits = checkpoint.network(normalise(fitted, checkpoint.mean, checkpoint.std))[0]
    shares, places = logits.softmax(0).topk(min(LIKELY, len(checkpoint.classes)))
    return ", ".join(
        f"{checkpoint.classes[place]} {share:.0%}"
        for share, place in zip(shares.tolist(), places.tolist(), strict=True)
    )


def _cost(checkpoint: "Checkpoint", board: Target) -> Cost:
    architecture = checkpoint.network.architecture
    return estimate_network(architecture, len(checkpoint.classes), board.platform)


def _fit(board: Target, cost: Cost) -> str:
    limits = board.limits
    fits = all((each.of(cost) or 0) <= limits[each.name] for each in (SRAM, FLASH))
    sizes = ", ".join(
        f"{name} {each.shown(each.of(cost))} of {each.shown(limits[each.name]).removesuffix('.0')}"
        for name, each in (("SRAM", SRAM), ("flash", FLASH))
    )
    latency = cost.estimated_latency_ms
    time = f", {latency:.0f} ms" if fits and latency else ""
    return f"  {board.name:<17} {'fits' if fits else 'no  '}  {sizes} KiB{time}"


def _words(cost: Cost, quantity: Quantity) -> str:
    return f"{quantity.shown(quantity.of(cost))} {quantity.shown_unit} {quantity.title}".replace(
        "  ", " "
    )
