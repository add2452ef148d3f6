"""The Protocols of the steps: the map of the loop propose -> validate -> promote -> train -> pareto
-> feedback -> propose.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from lmanet.base import Notice
from lmanet.network import Architecture
from lmanet.run.brief import Budget, Request
from lmanet.run.folder import RunFolder
from lmanet.run.records import Job, Outcome, Proposal, Score, Trial, Verdict
from lmanet.sound import FrontEnd
from lmanet.space import AnyArchitecture

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from lmanet.network.build import Network


class Proposer(Protocol):
    """Proposes architectures."""

    def propose(self, request: Request) -> list[Proposal]:
        """At least one proposal, at most ``request.count``; none where ``request.tokens_left``
        might not suffice for another.

        Raises `EndpointError` where none can be had.
        """

    def close(self) -> None:
        """Give back what was taken: servers, connections."""


class Validator(Protocol):
    """Says whether an architecture may be trained."""

    def validate(self, architecture: AnyArchitecture, known: Collection[str]) -> Verdict:
        """Check membership, duplicates (ids in ``known``) and cost; name every violation."""


class Trainer(Protocol):
    """Trains one candidate and scores it on validation images."""

    def train(self, job: Job) -> Score:
        """Train up to ``job.epochs``, going on from the checkpoint in ``job.folder`` where one is.

        Raises `TrainingError`, or `TrainingTimeoutError` where its time limit ends it.
        """

    def screen(self, architecture: AnyArchitecture, seed: int) -> dict[str, float]:
        """Zero-cost proxy -> value, without training; more is better."""


class Promoted(NamedTuple):
    """A paused trial that is trained on, up to ``epochs``; None is to the end of the recipe."""

    number: int
    epochs: int | None


class Promotion(Protocol):
    """Decides how far candidates are trained."""

    @property
    def first(self) -> int | None:
        """Epochs of a new candidate; 0 only measures it without training, None trains it to the
        end.
        """

    def next(self, trials: Sequence[Trial], training: Collection[int]) -> Promoted | None:
        """A paused trial, not among the numbers in ``training``, that goes on now; None where none
        does.
        """


class Executor(Protocol):
    """Decides where and when jobs are trained."""

    @property
    def capacity(self) -> int:
        """Jobs that may be under way or waiting at once."""

    def submit(self, job: Job) -> None:
        """Take a job."""

    def collect(self, wait: bool) -> list[Outcome]:
        """Outcomes since the last call; with ``wait`` at least one if a job is pending."""

    def close(self) -> None:
        """Stop the workers."""


class Pareto(Protocol):
    """Keeps the trials that no other trial beats in every objective."""

    def front(self, trials: Sequence[Trial]) -> list[Trial]:
        """Non-dominated eligible trials, the most accurate first.

        Of the front of some trials and one more, it gives the front of all of them: the loop asks
        so.
        """

    def hypervolume(self, trials: Sequence[Trial]) -> float:
        """Hypervolume of the eligible trials, 0 to 1: the share of the box between reference point
        and ideal. That of their front is the same.
        """


class Feedback(Protocol):
    """Turns the history into the text of the next prompt."""

    def compose(self, trials: Sequence[Trial], front: Sequence[Trial]) -> str:
        """At most the configured number of tokens."""


class Listener(Protocol):
    """Hears what the search does: progress on the terminal, files, W&B. An error in one ends the
    search.
    """

    def on_search_start(self, trials: Sequence[Trial], budget: Budget) -> None:
        """Before the first proposal; ``trials`` is not empty where a run goes on."""

    def on_trial_end(self, trial: Trial) -> None:
        """A trial is in the history."""

    def on_front_change(self, front: Sequence[Trial], hypervolume: float) -> None:
        """The last trial changed the front; also told at the start where a run goes on with one."""

    def on_search_end(self, trials: Sequence[Trial], front: Sequence[Trial]) -> None:
        """The budget is spent, or the search was broken off."""

    def on_run_end(self) -> None:
        """All stages asked for are done; what they left stands in the run's folder."""


@runtime_checkable
class StageListener(Protocol):
    """A listener that also hears of the stages; it is optional."""

    def showing(self, turns: Sequence[Sequence[str]]) -> AbstractContextManager[None]:
        """Around all stages of a run; those of a turn begin together."""

    def on_stages_start(self) -> None:
        """The stages of the next turn begin."""


class Batch(NamedTuple):
    """Augmented training images on the device that trains.

    Attributes:
        images: (N, 3, H, W) at the data's resolution; from a data module uint8, or float32 of the
            same range where they were mixed; for a loss normalised.
        targets: (N, classes), probabilities: one-hot, smoothed or mixed.
        indices: int64 (N,), which training images these are; of mixed ones the first.
        view: number of the augmentation: index and view together say what an image looks like.
        mixing: (N, N), shares of the view's images in each of these, where they were mixed after
            it; None is each alone.
    """

    images: "Tensor"
    targets: "Tensor"
    indices: "Tensor"
    view: int
    mixing: "Tensor | None" = None


class Batches(Protocol):
    """The batches of an epoch, as often as they are asked for."""

    def set_epoch(self, epoch: int) -> None:
        """Fixes order and augmentation of the next iteration."""

    def fewer(self, images: int | None) -> "Batches":
        """Those of so many of the images, in proportion to the classes and the same for every seed;
        None is all.
        """

    def repeated(self, times: int) -> "Batches":
        """Those of so many passes over the images in each epoch, each with a view of its own."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Batch]: ...


class Augmentation(Protocol):
    """Changes training images on their device, with torch's global random numbers."""

    def each(self, images: "Tensor") -> "Tensor":
        """uint8 (N, 3, H, W) -> the same; every image drawn for itself, so that any number may come
        at once.
        """

    def mix(self, images: "Tensor", targets: "Tensor") -> "tuple[Tensor, Tensor]":
        """A batch and its probabilities (N, classes), mixed among each other; images are then
        float32 of the same range.
        """


class Loss(Protocol):
    """What a training minimises."""

    def __call__(self, logits: "Tensor", batch: Batch, progress: float) -> "Tensor":
        """Scalar loss.

        Args:
            logits: (N, classes), of the network that is trained.
            batch: normalised, for a teacher to look at.
            progress: share of the training that is over, 0 to 1.
        """


class Fitter(Protocol):
    """What distillation and deployment need of a trainer: it is handed in, as a step imports no
    other.
    """

    def build(self, architecture: Architecture, seed: int) -> "Network":
        """A network with fresh weights."""

    @property
    def views(self) -> int:
        """Distinct epochs of a training."""

    def batches(self, seed: int) -> Batches:
        """The training batches of `fit` with that seed, not normalised, on its device."""

    def fit(
        self, network: "nn.Module", seed: int, loss: Loss = ..., folder: Path | None = ...
    ) -> Score:
        """Train in place."""

    def validate(self, network: "nn.Module") -> Score:
        """Measure on validation images."""


class ImageData(Protocol):
    """A LightningDataModule whose training, validation and test images are apart."""

    name: str
    description: str
    num_classes: int
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def setup(self, stage: str) -> None:
        """``fit`` opens training and validation images, ``test`` the test images."""

    def train_dataloader(
        self,
        batch_size: int,
        seed: int,
        device: "torch.device",
        augment: Augmentation | None = None,
        views: int | None = None,
    ) -> Batches:
        """Batches in an order that follows from seed and epoch.

        Args:
            views: distinct epochs: order and augmentation of epoch e are those of epoch e modulo
                ``views``; None never comes back.
        """

    def val_dataloader(
        self, batch_size: int, device: "torch.device", frames: bool = False
    ) -> "Iterable[tuple[Tensor, Tensor]]":
        """The validation images, uint8 (N, 3, H, W), and labels (N,), in a fixed order.

        Args:
            frames: images of files come one by one, each in the size of its file, as a camera would
                give it.
        """

    def test_dataloader(
        self, batch_size: int, device: "torch.device", frames: bool = False
    ) -> "Iterable[tuple[Tensor, Tensor]]":
        """The test images, in a fixed order."""

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What is off about the images and no error; none before `setup` with ``fit``."""

    def checksum(self) -> str:
        """Of training and validation images and labels as given: trials on others cannot be
        compared.
        """


class Stage(Protocol):
    """Something done with a finished search: full training, distillation, deployment, evaluation, a
    report.

    One that skips what is done has the attribute ``settings_id``, which the app sets: what other
    settings made is done again.
    """

    def run(self, folder: RunFolder) -> None:
        """Read the files of a run's folder and add to them; what these settings made already stays,
        and that is said.
        """


@runtime_checkable
class Checked(Protocol):
    """A stage, a step or a listener that can say before the first stage starts what it will lack;
    it is optional.
    """

    def require(self) -> None:
        """Raises `ConfigError` where something is missing that it needs later: a package, a
        program, a file, a server.
        """


@runtime_checkable
class FoldedData(Protocol):
    """Data that can be divided into training and validation in several ways; it is optional."""

    def fold(self, number: int, of: int) -> ImageData:
        """One of ``of`` divisions, counted from 0: each image validates in exactly one."""


@runtime_checkable
class CountedData(Protocol):
    """Data that know how many training images each class has; it is optional."""

    @property
    def class_counts(self) -> Mapping[str, int]:
        """Class -> training images; ``setup("fit")`` opens them."""


@runtime_checkable
class UnlabelledData(Protocol):
    """Data with further pictures that nobody has labelled; it is optional."""

    def taught(self) -> ImageData:
        """The same data whose training images include those without a label, for a teacher to
        speak of.
        """


@runtime_checkable
class HeardData(Protocol):
    """Data that are sounds: the firmware makes the same features of a microphone's; it is
    optional.
    """

    front_end: FrontEnd


class Sensing(NamedTuple):
    """How a firmware makes windows of what a sensor gives.

    Attributes:
        lowest: of each channel the value that becomes byte 0, in single precision.
        gain: bytes for a unit, of each channel.
        length: moments in a window.
        hop: moments from one classified window to the next.
        smoothed_windows: whose posteriors are averaged; 1 is no smoothing.
    """

    lowest: "NDArray[np.float32]"
    gain: "NDArray[np.float32]"
    length: int
    hop: int
    smoothed_windows: int


@runtime_checkable
class SensedData(Protocol):
    """Data that are windows of a sensor's signals: the firmware cuts the same; it is optional.

    Attributes:
        window_bytes: that the board keeps beside the network.
    """

    window_bytes: int

    def sensing(self) -> Sensing:
        """How, once the training recordings are known."""


@runtime_checkable
class CheckedData(Protocol):
    """Data that can say which images are missing; it is optional."""

    def require_part(self, part: str) -> None:
        """Raises `DataError` where the images of a part are not there (``fit``: training and
        validation, or ``test``); opens none.
        """


@runtime_checkable
class CarriedData(Protocol):
    """Data whose images can be brought to a machine that has not got their files; it is
    optional.
    """

    def setup(self, stage: str) -> None:
        """As `ImageData`'s."""

    def opened(self) -> object:
        """The training and validation images, for pickle; `setup` with ``fit`` opened them."""

    def take(self, opened: object) -> None:
        """Use these on another machine, where none are opened."""


class BoardProgram(NamedTuple):
    """A network as firmware that is measured over a serial line, and what it must answer.

    Attributes:
        network: 16 hexadecimal digits, of the checksum of its C; the firmware bears them.
        folder: of its sources.
        elf: of the board; None where the user builds it.
        inputs: int8 (N, bytes), images in the integers of its input.
        logits: int8 (N, classes), of these images, by the reference.
        instructions: of one inference.
    """

    network: str
    folder: Path
    elf: Path | None
    inputs: "NDArray[np.int8]"
    logits: "NDArray[np.int8]"
    instructions: int
