"""Stage: the best network of a run -> a folder that others can use without the run."""

import json
import logging
import shutil
from pathlib import Path

from safetensors.torch import save_file

from lmanet.errors import ConfigError
from lmanet.release.card import Released, write_card
from lmanet.release.onnx_file import write_onnx
from lmanet.release.timm_models import CONFIG, ENTRYPOINT, WEIGHTS, model_name, preprocessing
from lmanet.release.timm_network import CLASSIFIER
from lmanet.results import Deployment, Evaluation, TrainedNetwork
from lmanet.runfiles import DEPLOY, TEST, read_records, trained_networks
from lmanet.space.weights import Checkpoint, load_network
from lmanet.steps import ImageData

log = logging.getLogger(__name__)
FOLDER = "release"
ONNX, TFLITE, FIRMWARE = "model.onnx", "model_int8.tflite", "firmware"


class Release:
    """Stage: writes ``release/lmanet_<id>/`` of the network of ``student.ckpt``; written anew each time, from what is known by then.

    Args:
        data: of the run.
        license: of the weights, as the Hugging Face Hub names it; None names none.
        opset: of the ONNX file.
    """

    def __init__(self, data: ImageData, license: str | None, opset: int) -> None:
        self.data = data
        self.license = license
        self.opset = opset

    def run(self, folder: Path) -> None:
        trained = trained_networks(folder)
        if not trained:
            raise ConfigError(f"{folder} has no trained network (full.jsonl, distill.jsonl) to release; run the stage train first")
        best = max(reversed(trained), key=lambda network: network.score.val_accuracy)
        released = self._collect(best, folder)
        made = folder / FOLDER / f"{released.name}.partial"
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir(parents=True)
        self._write(released, folder, made)
        final = folder / FOLDER / released.name
        shutil.rmtree(final, ignore_errors=True)
        made.rename(final)
        log.info("released: %s", final)

    def _collect(self, best: TrainedNetwork, folder: Path) -> Released:
        """All that the records say of the network."""
        deployments = [line for line in read_records(folder / DEPLOY, Deployment) if line.checkpoint == best.checkpoint]
        deployment = deployments[-1] if deployments else None
        names = {best.checkpoint: "float", deployment.deployed.folder if deployment else "": "int8"}
        tests = {names[test.checkpoint]: test for test in read_records(folder / TEST, Evaluation) if test.checkpoint in names}
        settings = folder / "settings.json"
        checksum = json.loads(settings.read_text(encoding="utf-8")).get("data_checksum") if settings.exists() else None
        return Released(
            name=model_name(best.architecture),
            trained=best,
            deployment=deployment,
            tests=tests,
            data_name=self.data.name,
            checksum=checksum,
            license=self.license,
        )

    def _write(self, released: Released, folder: Path, made: Path) -> None:
        checkpoint = load_network(folder / released.trained.checkpoint)
        save_file(checkpoint.network.state_dict(), made / WEIGHTS, metadata={"format": "pt"})
        (made / CONFIG).write_text(json.dumps(_config(checkpoint), indent=1) + "\n", encoding="utf-8")
        write_onnx(checkpoint, made / ONNX, self.opset)
        if released.deployment:
            line = released.deployment.deployed
            shutil.copyfile(folder / line.folder / line.tflite, made / TFLITE)
            shutil.copytree(folder / line.folder / line.firmware, made / FIRMWARE)
        write_card(released, checkpoint, made)


def _config(checkpoint: Checkpoint) -> dict[str, object]:
    """As timm and the Hugging Face Hub read it."""
    network = checkpoint.network
    return {
        "architecture": ENTRYPOINT,
        "num_classes": network.num_classes,
        "num_features": network.get_submodule(CLASSIFIER).in_features,
        "label_names": list(checkpoint.classes),
        "model_args": {"architecture": network.architecture.model_dump(mode="json")},
        "pretrained_cfg": {**preprocessing(network.architecture), "mean": checkpoint.mean, "std": checkpoint.std},
    }
