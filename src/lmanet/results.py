"""Frozen records of what the stages after a search leave behind: networks trained to the end, deployed, tested."""

from pydantic import Field

from lmanet.records import Measurement, Record, Score
from lmanet.space import Architecture, Cost


class TrainedNetwork(Record):
    """One line of ``full.jsonl`` or ``distill.jsonl``: a network trained to the end, scored on validation images.

    Attributes:
        stage: ``full`` or ``distill``.
        checkpoint: path of its weights, relative to the run's folder.
        teacher: the teacher it was distilled from, if any.
        divergence: how it was compared with the teacher: ``Kd``, ``Dkd``, ``Dist``.
    """

    stage: str
    architecture: Architecture
    seed: int
    score: Score
    checkpoint: str
    teacher: str | None = None
    divergence: str | None = None


class TrainedTeacher(Record):
    """The content of ``teacher.json``.

    Attributes:
        checkpoint: relative to the run's folder where it was trained there.
        trained: it was fine-tuned or fitted in this run; else its checkpoint was taken as it is.
        score: on the validation images of the students, none of which it was trained on in this run.
    """

    name: str
    checkpoint: str
    parameters: int
    trained: bool
    score: Score


class Evaluation(Record):
    """One line of ``test.jsonl``: a network on the test images, which nothing else ever sees."""

    stage: str
    architecture: Architecture
    checkpoint: str
    images: int
    test_accuracy: float = Field(ge=0, le=1)
    test_macro_f1: float = Field(ge=0, le=1)
    test_calibration_error: float = Field(ge=0, le=1)
    seconds: float


class MeasuredCandidate(Record):
    """One line of ``measured.jsonl``: a network of the front in the true runtimes, with untrained weights; trained ones cost the same."""

    architecture: Architecture
    measurement: Measurement


class Deployed(Record):
    """A network in int8 and its files.

    Attributes:
        folder: of all files.
        tflite, program, firmware: a ``.tflite`` file, the folder of its C, and the folder to build for the board; below ``folder``.
        target: name of the board.
        runtime: whose memory was asked for: ``c_static`` or ``tflm``.
        cost: by formula, under that runtime.
        measurement: of the same network in the true runtimes.
        estimated_latency_ms: lowest and highest for one image, of the generated C on the target's core at ``clock_mhz``.
    """

    folder: str
    tflite: str
    program: str
    firmware: str
    target: str
    clock_mhz: int
    cost: Cost
    measurement: Measurement
    estimated_latency_ms: tuple[float, float]


class Deployment(Record):
    """One line of ``deploy.jsonl``: a trained network on its way to the board.

    Attributes:
        stage: that trained it.
        checkpoint: of the float network, relative to the run's folder.
        calibration: how the ranges of the activations were found.
        qat_epochs: of quantisation-aware fine-tuning; 0 where calibration alone was good enough.
        float_val_accuracy, calibrated_val_accuracy, int8_val_accuracy: share of 1, on the same validation images: in float, in int8 by
            calibration alone, and as deployed.
        deployed: its files; ``folder`` is relative to the run's.
    """

    stage: str
    architecture: Architecture
    checkpoint: str
    calibration: str
    qat_epochs: int
    float_val_accuracy: float = Field(ge=0, le=1)
    calibrated_val_accuracy: float = Field(ge=0, le=1)
    int8_val_accuracy: float = Field(ge=0, le=1)
    deployed: Deployed
