"""Frozen records of what the stages after a search leave behind: networks trained to the end,
deployed, tested.
"""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from lmanet.base import Notice, Record
from lmanet.board.cycles import MeasuredCycles
from lmanet.cost import Cost
from lmanet.files import sha256_of_files
from lmanet.network import Architecture
from lmanet.run.measurement import BoardMeasurement, Hearing, Measurement
from lmanet.run.quantities import quantity
from lmanet.run.records import Score, Usage


def _below(path: str) -> str:
    """A path that stays below where it begins: records come from anyone, and are followed."""
    found = PurePosixPath(path)
    if found.is_absolute() or ".." in found.parts or "\0" in path:
        raise ValueError("a path in a run's record stays in the run's folder")
    return path


Below = Annotated[str, AfterValidator(_below)]
# Shown where an address may stand as well, so nothing of one is legal.
Picture = Annotated[str, Field(pattern=r"^[\w. /-]+$"), AfterValidator(_below)]
# Of a stage; it is part of names of folders.
StageName = Annotated[str, Field(pattern=r"^[\w-]*$")]


class TrainedNetwork(Record):
    """One line of ``full.jsonl`` or ``distill.jsonl``: a network trained to the end, scored on
    validation images.

    Attributes:
        stage: ``full`` or ``distill``.
        checkpoint: path of its weights, relative to the run's folder.
        teacher: the teacher it was distilled from, if any.
        divergence: how it was compared with the teacher: ``Kd``, ``Dkd``, ``Dist``, the former two
            also ``-standardised``.
        settings_id: of the settings that it was trained by (`lmanet.base.settings_id`); empty in
            runs that kept none, here as below.
        rank_by: quantity of its score by which the best network of the run is chosen.
        began_as: whose weights its own began as. Of a full training the file's name of a donor, or
            the name of a shipped one; of a distillation the checkpoint of the network that was
            taught. None is fresh weights, and also in runs of earlier versions.
    """

    stage: StageName
    architecture: Architecture
    seed: int
    score: Score
    checkpoint: Below
    teacher: str | None = None
    divergence: str | None = None
    settings_id: str = ""
    rank_by: Literal["val_accuracy", "val_balanced_accuracy"] = "val_accuracy"
    began_as: str | None = None

    def standing(self, score: Score | None = None) -> float:
        """How good it is, or another score is by the same quantity: share of 1."""
        return quantity(self.rank_by).of(score or self.score) or 0.0


class TeacherMember(Record):
    """A network that teaches, alone or among others.

    Attributes:
        origin: where its weights come from, as given; empty in files of an earlier version.
        checkpoint: of its weights: relative to the run's folder where it was trained there, else as
            given; empty of several together.
        trained: it was fine-tuned or fitted in this run; else its checkpoint was taken as it is.
        score: on the validation images of the students, none of which it was trained on in this
            run; a teacher that was taken as it is may know them, and is then no better than its
            score on other images.
    """

    name: str
    origin: str = ""
    checkpoint: str
    parameters: int
    trained: bool
    score: Score


class TrainedTeacher(TeacherMember):
    """The content of ``teacher.json``: a teacher, or several together, whose probabilities are
    averaged.

    Attributes:
        members: the several; none where there is one alone.
    """

    members: tuple[TeacherMember, ...] = ()

    @property
    def networks(self) -> tuple[TeacherMember, ...]:
        """The members, or the one alone."""
        return self.members or (self,)


class ClassResult(Record):
    """How one class came out.

    Attributes:
        images: of the class.
        right: of those, taken for what they are.
        predicted: images of any class that were taken for it.
    """

    name: str
    images: int
    right: int
    predicted: int


class Thresholds(Record):
    """What is added to each logit before the largest is taken, so that rare classes are found more
    often: fitted on validation images, measured on the test images.

    Attributes:
        added: of each class, in the order of the data's; the first is 0.
        val_images: they were fitted on.
        right: test images of each class that are then taken for what they are.
        test_accuracy, test_balanced_accuracy: shares of 1, of all test images.
    """

    added: tuple[float, ...]
    val_images: int
    right: tuple[int, ...]
    test_accuracy: float = Field(ge=0, le=1)
    test_balanced_accuracy: float = Field(ge=0, le=1)


class Evaluation(Record):
    """One line of ``test.jsonl``: a network on the test images, which nothing else ever sees.

    Attributes:
        test_balanced_accuracy: mean over the classes of the share that is right, 0 to 1; None in
            runs of earlier versions.
        by_class: in the order of the data's classes; empty in runs of earlier versions.
        thresholds: where the classes are unequal.
        notices: what is off about it.
    """

    stage: str
    architecture: Architecture
    checkpoint: str
    images: int
    test_accuracy: float = Field(ge=0, le=1)
    test_macro_f1: float = Field(ge=0, le=1)
    test_calibration_error: float = Field(ge=0, le=1)
    test_balanced_accuracy: float | None = Field(default=None, ge=0, le=1)
    by_class: tuple[ClassResult, ...] = ()
    thresholds: Thresholds | None = None
    seconds: float
    settings_id: str = ""
    notices: tuple[Notice, ...] = ()


class MeasuredCandidate(Record):
    """One line of ``measured.jsonl``: a network of the front in the true runtimes, with untrained
    weights; trained ones cost the same.
    """

    architecture: Architecture
    measurement: Measurement
    settings_id: str = ""


class Deployed(Record):
    """A network in int8 and its files.

    Attributes:
        folder: of all files.
        tflite, program, firmware: a ``.tflite`` file, the folder of its C, and the folder to build
            for the board; below ``folder``.
        target: name of the board.
        runtime: whose memory was asked for: ``c_static`` or ``tflm``.
        cost: by formula, under that runtime.
        measurement: of the same network in the true runtimes.
        estimated_latency_ms: lowest and highest for one image, of the generated C on the target's
            core at ``clock_mhz``.
        measured_cycles: of the board, where that estimate rests on them; None rests on the core's.
        int8_agreement: share of the calibration images on which the int8 network chooses the float
            network's class; None in records that are older than this figure.
        sha256: of the ``.tflite`` file and the C, by name relative to ``folder``; empty in older
            records.
        packages: the network as libraries for a user's tools, each a folder below ``folder``.
        hearing: what the front end of audio takes beside the network; None where there is none.
    """

    folder: str
    tflite: Below
    program: Below
    firmware: Below
    target: str
    clock_mhz: int
    cost: Cost
    measurement: Measurement
    estimated_latency_ms: tuple[float, float]
    measured_cycles: MeasuredCycles | None = None
    int8_agreement: float | None = Field(default=None, ge=0, le=1)
    sha256: Mapping[str, str] = {}
    packages: tuple[Below, ...] = ()
    hearing: Hearing | None = None

    def damaged(self, folder: Path) -> list[str]:
        """Files in ``folder`` that are not as they were written, or gone."""
        now = sha256_of_files(folder)
        return [name for name, digest in self.sha256.items() if now.get(name) != digest]


class Deployment(Record):
    """One line of ``deploy.jsonl``: a trained network on its way to the board.

    Attributes:
        stage: that trained it.
        checkpoint: of the float network, relative to the run's folder.
        calibration: how the ranges of the activations were found.
        qat_epochs: of quantisation-aware fine-tuning; 0 where calibration alone was good enough.
        float_val_accuracy, calibrated_val_accuracy, int8_val_accuracy: share of 1, on the same
            validation images: in float, in int8 by calibration alone, and as deployed.
        deployed: its files; ``folder`` is relative to the run's.
        notices: what is off about it.
    """

    stage: StageName
    architecture: Architecture
    checkpoint: Below
    calibration: str
    qat_epochs: int
    float_val_accuracy: float = Field(ge=0, le=1)
    calibrated_val_accuracy: float = Field(ge=0, le=1)
    int8_val_accuracy: float = Field(ge=0, le=1)
    deployed: Deployed
    notices: tuple[Notice, ...] = ()
    settings_id: str = ""

    @model_validator(mode="after")
    def _stays_in_the_folder(self) -> Self:
        _below(self.deployed.folder)
        return self


class BoardRun(Record):
    """One line of ``board.jsonl``: a deployed network on a board, or why there is no figure.

    Attributes:
        architecture, checkpoint: of the deployed network, as in `Deployment`.
        deployed: its folder, relative to the run's.
        target: name of the board's file.
        status: ``measured``, or the status of a `BoardError`.
        error: its sentence.
        figures: None where it was not measured.
    """

    architecture: Architecture
    checkpoint: Below
    deployed: Below
    target: str
    status: Annotated[str, Field(pattern=r"^[a-z_]+$")]
    error: str | None = None
    figures: BoardMeasurement | None = None


class SkippedBlock(Record):
    """What a block contributes: validation accuracy of the network without it, its other weights as
    they are.

    Attributes:
        part: as in the graph: ``stage2.0``.
        stand_in: ``identity`` where the block keeps the shape; else ``pooled``: average pooling by
            its stride, channels cut or filled up with zeros.
        accuracy_loss: of the whole network on the same images, less ``val_accuracy``.
        low, high: 95 % interval of that loss, by bootstrap over the images.
    """

    part: str
    stand_in: Literal["identity", "pooled"]
    val_accuracy: float = Field(ge=0, le=1)
    accuracy_loss: float
    low: float
    high: float


class Saliency(Record):
    """One validation image, and where the network looks: Grad-CAM of the predicted class.

    Attributes:
        image, overlay: PNG files, relative to the run's folder: as the network sees it, and with
            the map over it.
        label, predicted: names of classes.
        probability: of the predicted class.
    """

    image: Picture
    overlay: Picture
    label: str
    predicted: str
    probability: float = Field(ge=0, le=1)

    @property
    def is_right(self) -> bool:
        """Whether the image was taken for what it is."""
        return self.label == self.predicted


class Deletion(Record):
    """Mean probability of the predicted class while more and more of the image is deleted, the most
    salient first (Petsiuk et al. 2018).

    Attributes:
        images: validation images over which it is the mean.
        shares: of the image deleted, 0 to 1.
        gradcam, random: mean probability at each share, in the order of Grad-CAM and in random
            order, in cells of the same size.
        draws: random orders of each image, over which it is the mean.
        area_difference: mean over the images of the area below the random curve less that below
            Grad-CAM's: positive where the map finds what the decision rests on. Its size counts
            beside its sign: a network with random weights, whose probabilities hardly move, comes
            to less than 0.001.
        low, high: 95 % interval of that mean, by bootstrap over the images.
    """

    images: int
    shares: tuple[float, ...]
    gradcam: tuple[float, ...]
    random: tuple[float, ...]
    draws: int
    area_difference: float
    low: float
    high: float


class Examination(Record):
    """The content of ``examination.json``: what a trained network does, on validation images.

    Attributes:
        stage, checkpoint: of the network: `TrainedNetwork`'s.
        images: validation images, of accuracy and confusion.
        skipped: one entry a block, in the network's order; stem, head and classifier are no blocks.
        block_images: of those, at equal distances, on which the blocks were skipped.
        layer: the part whose result Grad-CAM reads: the last whose map has at least 4x4 pixels.
        map_size, map_width: height and width of its map, pixels, and of the cells of the deletion
            curve; without a width, of a square.
        confusion: counts, a row a true class, a column a predicted one.
        seconds: that all this took.
    """

    stage: StageName
    architecture: Architecture
    checkpoint: Below
    images: int
    val_accuracy: float = Field(ge=0, le=1)
    skipped: tuple[SkippedBlock, ...]
    block_images: int
    layer: str
    map_size: int
    saliency: tuple[Saliency, ...]
    deletion: Deletion
    classes: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    seconds: float
    settings_id: str = ""
    map_width: int | None = None


class Rule(Record):
    """A design rule that a model states: the value of a choice raises or lowers the accuracy.

    Attributes:
        choice, value: as `lmanet.space.write_choices` writes them: ``stage2.kernel``, 5.
    """

    choice: str
    value: int | float | bool | str
    effect: Literal["raises", "lowers"]


class DesignRules(Record):
    """The content of ``rules.json``: what a model says that the search has learned.

    Attributes:
        proposer: the model's name.
        reply: to the letter.
        note: in its own words.
        faults: what was said and could not be read as a rule, and why.
        trials: trained networks that it was shown figures of.
    """

    proposer: str
    reply: str
    rules: tuple[Rule, ...]
    note: str
    faults: tuple[str, ...] = ()
    trials: int
    usage: Usage
    settings_id: str = ""
