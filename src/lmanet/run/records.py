"""Frozen records that one step hands to the next; each is one JSON object in the run's history."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from pydantic import Field

from lmanet.base import Notice, Record
from lmanet.claims.kinds import Rationale
from lmanet.run.measurement import BoardMeasurement, Measurement
from lmanet.run.quantities import Quantity
from lmanet.space import AnyArchitecture, AnyCost, Value, architecture_id


class Status(StrEnum):
    """How a trial ended; a paused one may still go on."""

    TRAINED = "trained"
    PAUSED = "paused"
    REJECTED = "rejected"
    UNPARSABLE = "unparsable"
    FAILED = "failed"
    TIMED_OUT = "timed_out"


class Usage(Record):
    """What one proposal cost at its proposer.

    Attributes:
        prompt_tokens, completion_tokens: as the server counts them.
        cached_tokens: prompt tokens served from the prefix cache, if the server reports them.
        bounded_tokens: of prompt and completion, those that the server did not count; an upper
            bound of ours stands for them.
        requests: sent to the server.
        retries: of these, the ones that repeated a failed request or asked again after an unusable
            reply.
        seconds: waited.
        price: by the prices of ``propose.price``, in their currency; None where there are none.
    """

    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    bounded_tokens: int = 0
    requests: int = 0
    retries: int = 0
    seconds: float = 0.0
    price: float | None = None

    @property
    def tokens(self) -> int:
        """Prompt and completion together."""
        return self.prompt_tokens + self.completion_tokens

    @classmethod
    def total(cls, usages: "Iterable[Usage]") -> "Usage":
        """The sum; its price is None where no usage has one."""
        every = list(usages)
        prices = [usage.price for usage in every if usage.price is not None]
        return cls(
            prompt_tokens=sum(usage.prompt_tokens for usage in every),
            cached_tokens=sum(usage.cached_tokens for usage in every),
            completion_tokens=sum(usage.completion_tokens for usage in every),
            bounded_tokens=sum(usage.bounded_tokens for usage in every),
            requests=sum(usage.requests for usage in every),
            retries=sum(usage.retries for usage in every),
            seconds=round(sum(usage.seconds for usage in every), 3),
            price=sum(prices) if prices else None,
        )


class Proposal(Record):
    """An architecture, or the reply in which none was found.

    Attributes:
        proposer: who proposed: a model's name, ``random``, ``replay``.
        reply: the model's last reply, to the letter, or the scores that were read from
            probabilities of tokens; None where no model was asked.
        error: why there is no architecture.
        structured: whether that reply was constrained by a JSON schema; None where no model was
            asked.
        usage: of the request; where that brought several proposals, the first bears it.
        role: what the model was asked to do: ``generate``, ``mutate``, ``rank`` or ``steer``.
        parent: id of the network of which this is a change.
        niche: the band of cost that was asked for, in words.
        sampling_temperature: at which the reply was drawn.
        stalled_for: proposals since the front had changed, where that was answered by another role,
            niche or temperature.
        note: what the strategist wrote before this proposal; it holds until the next.
        rationale: why, in the model's words; None where none was asked for.
        drawn: choice -> value, as a sampler drew them, also those that the network does not use: a
            resumed run tells the sampler of them.
        arm: the setting of the sampler that was chosen for it, in words.
    """

    proposer: str
    architecture: AnyArchitecture | None = None
    reply: str | None = None
    error: str | None = None
    structured: bool | None = None
    usage: Usage = Usage()
    role: str | None = None
    parent: str | None = None
    niche: str | None = None
    sampling_temperature: float | None = None
    stalled_for: int | None = None
    note: str | None = None
    rationale: Rationale | None = None
    drawn: Mapping[str, Value] | None = None
    arm: str | None = None


class Violation(Record):
    """One rule that a proposal breaks.

    Attributes:
        rule: ``membership``, ``duplicate``, ``macs``, ``peak_sram_bytes``, ``flash_bytes``,
            ``estimated_latency_ms``, ``measured_latency_ms``, ``runtime``.
        given, limit: measured value and the most that is allowed; None where the rule is not a
            limit.
        hint: one sentence for people and for the model: given, rule, what to change.
    """

    rule: str
    hint: str
    given: int | float | None = None
    limit: int | float | None = None


class Verdict(Record):
    """What the validator says of an architecture.

    Attributes:
        cost: by formula; None where the architecture lies outside the space.
        violations: every rule that it breaks.
        accepted: it may be trained. Without a validator an infeasible one may, and still never
            enters the front.
        measurement: of the network with untrained weights, where the validator measures.
        board: the same on a board, where the validator measures there.
        ended: ``failed`` or ``timed_out`` where the board gave no figure, which is no limit that
            the network exceeds; None where the rules have decided.
        error: why.
    """

    accepted: bool
    cost: AnyCost | None = None
    violations: tuple[Violation, ...] = ()
    measurement: Measurement | None = None
    board: BoardMeasurement | None = None
    ended: Status | None = None
    error: str | None = None

    @property
    def board_is_emulated(self) -> bool:
        """Its latency is of an emulator."""
        return self.board is not None and self.board.emulated

    @property
    def feasible(self) -> bool:
        """No rule is broken."""
        return not self.violations


class Epoch(Record):
    """One epoch of a training: mean losses in nats, accuracy as a share of 1."""

    epoch: int
    train_loss: float
    val_loss: float
    val_accuracy: float
    seconds: float


class Score(Record):
    """What a training gave, on validation images only; there is one for trained networks alone.

    Attributes:
        val_accuracy, val_macro_f1: share of 1; a table of trainings knows accuracy alone.
        val_balanced_accuracy: mean over the classes of the share that is right, 0 to 1; None in a
            table of trainings, and in runs of earlier versions.
        val_calibration_error: expected calibration error over 15 bins, share of 1.
        seconds: wall time of the training; of one that a table knows, the time it took when the
            table was made.
        curve: one entry an epoch.
        kernels: memory format, precision and compilation of its steps; a table does not know them.
        val_images: on which the network was measured; None of a table, and in runs of earlier
            versions.
        batch_norm_seconds: of these seconds, those in which batch norm's averages were taken anew;
            None where nothing was trained.
        predicted_classes: different classes among the predictions; None in a table of trainings.
        fold_accuracies: of each training of a k-fold validation, share of 1; ``val_accuracy`` is of
            all their validation images together. Empty where there was one training.
        notices: what is off about this training.
    """

    val_accuracy: float = Field(ge=0, le=1)
    val_macro_f1: float | None = Field(default=None, ge=0, le=1)
    val_balanced_accuracy: float | None = Field(default=None, ge=0, le=1)
    val_calibration_error: float | None = Field(default=None, ge=0, le=1)
    seconds: float
    curve: tuple[Epoch, ...] = ()
    kernels: str | None = None
    val_images: int | None = None
    batch_norm_seconds: float | None = None
    predicted_classes: int | None = None
    fold_accuracies: tuple[float, ...] = ()
    notices: tuple[Notice, ...] = ()

    @property
    def epochs(self) -> int:
        """Trained so far; 0 where no curve is known."""
        return len(self.curve)


class Job(Record):
    """A candidate handed to the executor.

    Attributes:
        epochs: where its training stops; 0 measures zero-cost proxies alone, None is at the end of
            the recipe.
        folder: of its checkpoint, from which it goes on and where it leaves one if it stops before
            the end; None where no training is ever taken up again.
        parent: checkpoint of a network of which this is an edit: its weights are where a new
            training starts.
        weights: file that the network's weights are left in, for edits of it.
    """

    number: int
    architecture: AnyArchitecture
    seed: int
    epochs: int | None = None
    folder: Path | None = None
    parent: Path | None = None
    weights: Path | None = None


class Outcome(Record):
    """How the training of a job ended: a score where it is trained or paused, else the reason.

    Attributes:
        zero_cost: proxy -> value, of a job of 0 epochs; more is better.
    """

    number: int
    status: Status
    score: Score | None = None
    zero_cost: Mapping[str, float] | None = None
    error: str | None = None
    seconds: float = 0.0


class Trial(Record):
    """One line of the history: a proposal and all that became of it. A paused trial that went on
    has a later line, which counts.

    Attributes:
        number: counts the proposals of the run from 0.
        score: of a paused trial after the epochs so far.
        zero_cost: proxy -> value before any training, where candidates are screened; more is
            better.
        seed: of the training.
        started_at: UTC, ISO 8601, when the proposal came.
        seconds: from proposal to end, pauses between resumed runs left out.
        elapsed_seconds: of the whole search when the trial ended, pauses between resumed runs left
            out.
        unseen_trials: trials before it whose end its proposer could not know: candidates in
            training, earlier ones of the same call.
        inherited_from: number of the trial from whose weights its training started; None is from
            fresh ones.
        inherited_epochs: that these weights had been trained for, along the whole line of descent.
        versions: package -> version that made the trial.
    """

    number: int
    status: Status
    proposal: Proposal
    verdict: Verdict | None = None
    score: Score | None = None
    zero_cost: Mapping[str, float] | None = None
    error: str | None = None
    seed: int
    started_at: str
    seconds: float
    elapsed_seconds: float
    unseen_trials: int = 0
    inherited_from: int | None = None
    inherited_epochs: int = 0
    versions: Mapping[str, str] = {}

    @property
    def architecture(self) -> AnyArchitecture | None:
        """The architecture proposed, if any."""
        return self.proposal.architecture

    @cached_property
    def id(self) -> str | None:
        """Canonical id of the architecture."""
        return architecture_id(self.architecture) if self.architecture else None

    @property
    def epochs(self) -> int:
        """Trained so far, as far as a curve says."""
        return self.score.epochs if self.score else 0

    def value(self, asked: Quantity) -> float | None:
        """A quantity of the candidate; None where it is not known."""
        verdict = self.verdict
        holders = {
            "validation": self.score,
            "formula": verdict and verdict.cost,
            "board": verdict and verdict.board,
        }
        return asked.of(holders[asked.origin])

    @property
    def eligible(self) -> bool:
        """May stand on the front: trained, and within all limits."""
        return self.status is Status.TRAINED and self.verdict is not None and self.verdict.feasible


class Front(Record):
    """The content of ``front.json``: the non-dominated trials, the most accurate first."""

    hypervolume: float
    trials: tuple[Trial, ...]
