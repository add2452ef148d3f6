"""``lmanet.deploy(...)``: one call from a trained network to the files on the board."""

from pathlib import Path

from torch import Tensor

from lmanet.deploy.board import Board, Stm32H743
from lmanet.deploy.deployer import Deployer
from lmanet.deploy.settings import Settings
from lmanet.errors import ConfigError
from lmanet.results import Deployed
from lmanet.space import Architecture, architecture_id
from lmanet.space.network import Network
from lmanet.space.weights import Checkpoint


def deploy(
    network: Network | Checkpoint,
    architecture: Architecture,
    calibration_images: Tensor,
    out_dir: Path | str,
    target: Board | None = None,
) -> Deployed:
    """Bring a trained network to int8, write its files, and run it in TFLM and on an emulated Cortex-M7.

    Args:
        network: trained; a checkpoint also knows labels and normalisation, which go into the files.
        architecture: of the network.
        calibration_images: as the network reads them, normalised, (N, 3, R, R); some hundred training images.
        out_dir: made where it is not there.
        target: a board as in conf/target; STM32H743 by default.

    Raises:
        ConfigError: the architecture is not the network's, the images do not fit it, or a tool is missing.
        DeployError: two runtimes differ.
    """
    checkpoint = network if isinstance(network, Checkpoint) else _unlabelled(network)
    if architecture_id(checkpoint.network.architecture) != architecture_id(architecture):
        raise ConfigError("the architecture is not that of the network; pass network.architecture")
    size = (3, architecture.resolution, architecture.resolution)
    if calibration_images.ndim != 4 or tuple(calibration_images.shape[1:]) != size:
        raise ConfigError(
            f"calibration images have the shape {tuple(calibration_images.shape)}; the network reads (N, {size[0]}, {size[1]}, {size[2]})"
        )
    deployer = Deployer(target or Stm32H743(), Settings())
    graph = deployer.quantize(checkpoint, calibration_images)
    return deployer.deploy(graph, architecture, calibration_images, Path(out_dir), Path(out_dir).name)


def _unlabelled(network: Network) -> Checkpoint:
    labels = tuple(str(label) for label in range(network.num_classes))
    return Checkpoint(network, labels, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
