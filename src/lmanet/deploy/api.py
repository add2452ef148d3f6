"""``lmanet.deploy(...)``: one call from a trained network to the files on the board."""

import logging
from pathlib import Path

import torch
from torch import Tensor

from lmanet.board import Target, usual_target
from lmanet.deploy.deployer import Deployer
from lmanet.deploy.int8.agreement import disagreement
from lmanet.deploy.settings import Settings
from lmanet.errors import ConfigError
from lmanet.network import Architecture
from lmanet.network.build import Network
from lmanet.network.weights import Checkpoint
from lmanet.run.results import Deployed
from lmanet.space import architecture_id

log = logging.getLogger(__name__)


def deploy(
    network: Network | Checkpoint,
    architecture: Architecture,
    calibration_images: Tensor,
    out_dir: Path | str,
    target: Target | None = None,
) -> Deployed:
    """Bring a trained network to int8, write its files, and run it in TFLM and on an emulated core
    of the target's kind.

    Where the int8 network seldom chooses the class of the float network, a warning is logged; see
    ``int8_agreement`` of the result.

    Args:
        network: trained; a checkpoint also knows labels and normalisation, which go into the files.
        architecture: of the network.
        calibration_images: float32, as the network reads them: normalised, (N, channels, height,
            width), on its device; some hundred training images.
        out_dir: made where it is not there.
        target: as `lmanet.load_target` gives it; by default that of conf/config.yaml.

    Raises:
        ConfigError: the architecture is not the network's, the images do not fit it, or a tool is
            missing.
        DeployError: a weight is not finite, or two runtimes differ.
    """
    checkpoint = network if isinstance(network, Checkpoint) else _unlabelled(network)
    if architecture_id(checkpoint.network.architecture) != architecture_id(architecture):
        raise ConfigError("the architecture is not that of the network; pass network.architecture")
    _check_images(calibration_images, checkpoint.network)
    deployer = Deployer(target or usual_target(), Settings())
    graph = deployer.quantize(checkpoint, calibration_images)
    deployed = deployer.deploy(
        graph, checkpoint, calibration_images, Path(out_dir), Path(out_dir).name
    )
    for notice in disagreement(deployed.int8_agreement, deployer.calibrating(calibration_images)):
        log.warning("%s", notice.text)
    return deployed


def _check_images(images: Tensor, network: Network) -> None:
    size = network.architecture.input_shape
    device = next(network.parameters()).device
    if images.ndim != 4 or tuple(images.shape[1:]) != size:
        raise ConfigError(
            f"calibration images have the shape {tuple(images.shape)}; the network reads (N, "
            f"{size[0]}, {size[1]}, {size[2]})"
        )
    if not len(images):
        raise ConfigError("there is no calibration image; pass at least one, better some hundred")
    if images.dtype != torch.float32:
        raise ConfigError(
            f"calibration images are {images.dtype}; they must be torch.float32, normalised as in "
            "training: (pixels / 255 - mean) / std"
        )
    if images.device != device:
        raise ConfigError(
            f"calibration images are on {images.device} and the network is on {device}; pass "
            f"images.to({str(device)!r})"
        )
    if not images.isfinite().all():
        raise ConfigError(
            "a calibration image holds a value that is not finite; look at how the images are "
            "normalised"
        )


def _unlabelled(network: Network) -> Checkpoint:
    if not isinstance(network, Network):
        raise ConfigError(
            f"a {type(network).__name__} cannot be deployed; pass what lmanet.build or "
            "lmanet.load_network gives"
        )
    labels = tuple(str(label) for label in range(network.num_classes))
    channels = network.architecture.input_channels
    return Checkpoint(network, labels, (0.0,) * channels, (1.0,) * channels)
