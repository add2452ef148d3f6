"""Stage: the best networks of a run -> folders that others can use without the run."""

import filecmp
import json
import logging
import shutil
from pathlib import Path

from safetensors.torch import save

from lmanet.base import AtLeast1, require_packages
from lmanet.errors import DeployError
from lmanet.files import replaced
from lmanet.network.classes import ClassNames, match_classes
from lmanet.network.weights import Checkpoint, load_network
from lmanet.release.card import Settings, card
from lmanet.release.onnx_file import write_onnx
from lmanet.release.released import Released, read_released, read_run
from lmanet.release.timm_models import CONFIG, ENTRYPOINT, WEIGHTS, preprocessing
from lmanet.release.timm_network import CLASSIFIER
from lmanet.run.folder import RELEASED, RunFolder
from lmanet.steps import ImageData

log = logging.getLogger(__name__)
CARD, ARCHITECTURE, ONNX, TFLITE, FIRMWARE = (
    "README.md",
    "architecture.json",
    "model.onnx",
    "model_int8.tflite",
    "firmware",
)


class Release:
    """Stage: writes ``release/lmanet_<id>/`` of the network of ``student.ckpt`` and of every
    deployed one.

    A folder whose card says all that is known stays as it is; any other is written anew, whole or
    not at all.

    Args:
        data: of the run.
        license: of the weights, as the Hugging Face Hub names it; None names none.
        opset: of the ONNX file.
    """

    def __init__(self, data: ImageData, license: str | None, opset: AtLeast1) -> None:
        self.data = data
        self.settings = Settings(license, opset)

    def require(self) -> None:
        require_packages("the stage release", "release", "huggingface_hub", "onnx", "onnxscript")

    def run(self, folder: RunFolder) -> None:
        run = read_run(folder)
        for released in read_released(folder):
            checkpoint = load_network(folder.path / released.trained.checkpoint)
            match_classes(
                ClassNames(released.trained.checkpoint, checkpoint.classes),
                ClassNames(self.data.name, self.data.classes),
            )
            text = card(released, run, checkpoint, self.data, self.settings)
            final = folder.path / RELEASED / released.name
            if _is_current(final, text, released, folder):
                log.info("released before, and nothing has changed: %s stays", final)
                continue
            with replaced(final) as made:
                made.mkdir(parents=True)
                self._write(released, checkpoint, folder, made)
                (made / CARD).write_text(text, encoding="utf-8")
            log.info("released: %s", final)

    def _write(
        self, released: Released, checkpoint: Checkpoint, folder: RunFolder, made: Path
    ) -> None:
        network = checkpoint.network
        # save_file keeps the file from other users
        (made / WEIGHTS).write_bytes(save(network.state_dict(), metadata={"format": "pt"}))
        (made / CONFIG).write_text(
            json.dumps(_config(checkpoint), indent=1) + "\n", encoding="utf-8"
        )
        (made / ARCHITECTURE).write_text(
            network.architecture.model_dump_json(indent=1) + "\n", encoding="utf-8"
        )
        write_onnx(checkpoint, made / ONNX, self.settings.opset)
        if released.deployment:
            line = released.deployment.deployed
            if damaged := line.damaged(folder.path / line.folder):
                raise DeployError(
                    f"{folder.path / line.folder / damaged[0]} is not as it was deployed, so it is "
                    "not released; run the stage deploy again (stages=[deploy,release])"
                )
            shutil.copyfile(folder.path / line.folder / line.tflite, made / TFLITE)
            shutil.copytree(folder.path / line.folder / line.firmware, made / FIRMWARE)
            for package in line.packages:
                shutil.copytree(folder.path / line.folder / package, made / package)


def _is_current(final: Path, text: str, released: Released, folder: RunFolder) -> bool:
    """Whether a folder says all that is known, and holds the int8 network of
    the newest deployment.
    """
    if not (final / CARD).exists() or (final / CARD).read_text(encoding="utf-8") != text:
        return False
    if released.deployment is None:
        return True
    line = released.deployment.deployed
    return (final / TFLITE).is_file() and filecmp.cmp(
        folder.path / line.folder / line.tflite, final / TFLITE, shallow=False
    )


def _config(checkpoint: Checkpoint) -> dict[str, object]:
    """As timm and the Hugging Face Hub read it."""
    network = checkpoint.network
    return {
        "architecture": ENTRYPOINT,
        "num_classes": network.num_classes,
        "num_features": network.get_submodule(CLASSIFIER).in_features,
        "label_names": list(checkpoint.classes),
        "model_args": {"architecture": network.architecture.model_dump(mode="json")},
        "pretrained_cfg": {
            **preprocessing(network.architecture),
            "mean": checkpoint.mean,
            "std": checkpoint.std,
        },
    }
