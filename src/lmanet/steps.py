"""The Protocols of the steps: the map of the loop propose -> validate -> train -> pareto -> feedback -> propose."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lmanet.brief import Budget
from lmanet.records import Job, Outcome, Proposal, Request, Score, Trial, Verdict
from lmanet.space import AnyArchitecture, Architecture

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.utils.data import DataLoader

    from lmanet.space.network import Network


class Proposer(Protocol):
    """Proposes architectures."""

    def propose(self, request: Request) -> list[Proposal]:
        """At least one proposal, at most ``request.count``; none where ``request.tokens_left`` might not suffice for another.

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

    def train(self, architecture: AnyArchitecture, seed: int) -> Score:
        """Raises `TrainingError`, or `TrainingTimeoutError` where its time limit ends it."""


class Executor(Protocol):
    """Decides where and when jobs are trained."""

    capacity: int
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
        """Non-dominated eligible trials, the most accurate first."""

    def hypervolume(self, trials: Sequence[Trial]) -> float:
        """Hypervolume of the eligible trials, 0 to 1: the share of the box between reference point and ideal."""


class Feedback(Protocol):
    """Turns the history into the text of the next prompt."""

    def compose(self, trials: Sequence[Trial], front: Sequence[Trial]) -> str:
        """At most the configured number of tokens."""


class Listener(Protocol):
    """Hears what the search does: progress on the terminal, files, W&B. An error in one ends the search."""

    def on_search_start(self, trials: Sequence[Trial], budget: Budget) -> None:
        """Before the first proposal; ``trials`` is not empty where a run goes on."""

    def on_trial_end(self, trial: Trial) -> None:
        """A trial is in the history."""

    def on_front_change(self, front: Sequence[Trial], hypervolume: float) -> None:
        """The last trial changed the front; also told at the start where a run goes on with one."""

    def on_search_end(self, trials: Sequence[Trial], front: Sequence[Trial]) -> None:
        """The budget is spent, or the search was broken off."""


class Loss(Protocol):
    """What a training minimises."""

    def __call__(self, logits: "Tensor", targets: "Tensor", images: "Tensor", progress: float) -> "Tensor":
        """Scalar loss.

        Args:
            logits: (N, classes), of the network that is trained.
            targets: (N, classes), probabilities: one-hot, smoothed or mixed.
            images: (N, 3, H, W), the normalised batch as the data module gave it, for a teacher to look at.
            progress: share of the training that is over, 0 to 1.
        """


class Fitter(Protocol):
    """What distillation and deployment need of a trainer: it is handed in, as a step imports no other."""

    def build(self, architecture: Architecture, seed: int) -> "Network":
        """A network with fresh weights."""

    def fit(self, network: "nn.Module", seed: int, loss: Loss = ..., folder: Path | None = ...) -> Score:
        """Train in place."""

    def validate(self, network: "nn.Module") -> Score:
        """Measure on validation images."""


class ImageData(Protocol):
    """A LightningDataModule whose training, validation and test images are apart."""

    name: str
    description: str
    num_classes: int
    classes: tuple[str, ...]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def setup(self, stage: str) -> None:
        """``fit`` opens training and validation images, ``test`` the test images."""

    def train_dataloader(self, batch_size: int, seed: int) -> "DataLoader[tuple[Tensor, Tensor]]":
        """Batches of uint8 images (N, 3, H, W) and labels (N,) in an order that follows from seed and epoch."""

    def val_dataloader(self, batch_size: int) -> "DataLoader[tuple[Tensor, Tensor]]":
        """The validation images, in a fixed order."""

    def test_dataloader(self, batch_size: int) -> "DataLoader[tuple[Tensor, Tensor]]":
        """The test images, in a fixed order."""

    def checksum(self) -> str:
        """Sha-256 of the training data as given: trials on other data cannot be compared."""


class Stage(Protocol):
    """Something done with a finished search: full training, distillation, deployment, evaluation, a report."""

    def run(self, folder: Path) -> None:
        """Read the files of a run's folder and add to them; what is there already is not done again."""
