"""The teachers of a run: fine-tuned where they do not know the classes yet, measured one by one and
together.
"""

import logging
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import torch

from lmanet.base import Notice
from lmanet.calls import Call, Engine, Here, run_calls
from lmanet.distill.logits import LogitsOption, TeacherLogits
from lmanet.distill.sources import NetworkSource, Source
from lmanet.distill.teacher import Ensemble, Teacher
from lmanet.errors import ConfigError
from lmanet.files import is_damaged_zip
from lmanet.network.weights import save_tensors
from lmanet.run.folder import RunFolder
from lmanet.run.lines import read_record, write_record
from lmanet.run.records import Score
from lmanet.run.results import TeacherMember, TrainedTeacher
from lmanet.steps import CheckedData, Fitter, ImageData

log = logging.getLogger(__name__)
GUESSING = 1.2  # times the accuracy of guessing: a teacher below knows nothing of these classes


class TeacherEnsemble:
    """Stage: makes teachers that know the classes, and averages their probabilities.

    ``teacher.json`` says how good each is and all are together; ``teacher.ckpt``, of several
    ``teacher_1.ckpt``, ``teacher_2.ckpt``, ... hold what was trained. A teacher that is done is not
    done again where the stage was stopped.

    Args:
        data: whose training images are used, divided as for the students.
        seed: of new classifiers, of order and augmentation; of the next source one more.
        sources: the teachers to begin with; a path alone is a `NetworkSource`.
        trainer: data -> trainer, by the recipe of a teacher that is to be trained.
        logits: how a student comes by what the teachers say.

    Attributes:
        engine: who trains the teachers and asks them; None is this process.
    """

    engine: Engine | None = None

    def __init__(
        self,
        data: ImageData,
        seed: int,
        sources: Sequence[Source | str],
        trainer: Callable[[ImageData], Fitter],
        logits: LogitsOption,
    ) -> None:
        if not sources:
            raise ConfigError(
                "there is no teacher; name one or several in distill.teacher.sources=[...], or "
                "take distill=no_teacher"
            )
        self.data = data
        self.seed = seed
        self.sources = [NetworkSource(each) if isinstance(each, str) else each for each in sources]
        self.trainer = trainer(data)
        self.logits = logits

    @property
    def name(self) -> str:
        """What records and tables call the teacher."""
        return " + ".join(source.name for source in self.sources)

    def require(self, folder: RunFolder | None = None) -> None:
        """Find out, before a run, whether all teachers can be had.

        Args:
            folder: of the run, where it goes on: what it has is not asked for.

        Raises:
            ConfigError: one of them cannot, or the run has another.
        """
        if isinstance(self.data, CheckedData):
            self.data.require_part("fit")
        if folder and (recorded := folder.teacher.read()):
            self._recorded(recorded, folder)
            return
        for source in self.sources:
            source.require(self.data)

    def run(self, folder: RunFolder) -> None:
        self.measure(folder)

    def teach(self, student: Fitter, seed: int, folder: RunFolder) -> TeacherLogits:
        """The logits of the run's teachers for the training that ``student.fit`` does with that
        seed.
        """
        option = self.logits.on(self.engine) if self.engine else self.logits
        return option.of(self.prepare(folder), self.data, student, seed, folder.path)

    def prepare(self, folder: RunFolder) -> list[Teacher]:
        """The teachers of a run, trained if that has not been done."""
        record = self.measure(folder)
        return list(self._built(record.networks, folder))

    def measure(self, folder: RunFolder) -> TrainedTeacher:
        """How good the teachers of a run are; they are made if that has not been done."""
        self.data.setup("fit")
        recorded = folder.teacher.read()
        known = self._recorded(recorded, folder).networks if recorded else ()
        whole = [member for member in known if _has_weights(member, folder)]
        if recorded and len(whole) == len(known):
            return recorded
        members = [
            known[number] if known and known[number] in whole else self._member(number, folder)
            for number in range(len(self.sources))
        ]
        record = (
            TrainedTeacher(**dict(members[0]))
            if len(members) == 1
            else self._together(members, folder)
        )
        folder.teacher.write(record)
        shutil.rmtree(folder.path / "teacher", ignore_errors=True)
        folder.say(self._notices(record))
        return record

    def _member(self, number: int, folder: RunFolder) -> TeacherMember:
        """One teacher, made and measured; read again where that was done before a stop."""
        source, done = self.sources[number], folder.path / "teacher" / f"{number + 1}.json"
        if done.is_file():
            record = read_record(done, TeacherMember)
            _refuse_another(record, source, done.parent)
            return record
        torch.manual_seed(self.seed + number)
        teacher, fitted = source.build(self.data)
        folder.say(teacher.notices)
        alone = len(self.sources) == 1
        checkpoint = (
            source.origin if fitted else "teacher.ckpt" if alone else f"teacher_{number + 1}.ckpt"
        )
        work = folder.path / "teacher" if alone else folder.path / "teacher" / str(number + 1)
        score = (
            self.trainer.validate(teacher)
            if fitted
            else self._train(teacher, number, work, folder.path / checkpoint)
        )
        record = TeacherMember(
            name=source.name,
            origin=source.origin,
            checkpoint=checkpoint,
            parameters=_parameters(teacher),
            trained=not fitted,
            score=score,
        )
        log.info("teacher %s: validation accuracy %.2f %%", source.name, 100 * score.val_accuracy)
        done.parent.mkdir(parents=True, exist_ok=True)
        write_record(done, record)
        return record

    def _train(self, teacher: Teacher, number: int, work: Path, checkpoint: Path) -> Score:
        source = self.sources[number]
        log.info(
            "teacher %s (%.1fM parameters, from: %s) is trained on the training images of %s",
            *(source.name, _parameters(teacher) / 1e6, source.origin, self.data.name),
        )
        files, seed = (work, checkpoint), self.seed + number
        classes = list(self.data.classes)
        call = Call(0, train_teacher, (self.trainer, teacher), (classes, seed, *files), files)
        with closing(self.engine or Here()) as engine:
            (returned,) = run_calls(engine, [call])
        score: Score = returned.result()
        return score

    def _together(self, members: Sequence[TeacherMember], folder: RunFolder) -> TrainedTeacher:
        score = self.trainer.validate(Ensemble(list(self._built(members, folder))))
        log.info(
            "%d teachers averaged: validation accuracy %.2f %%",
            len(members),
            100 * score.val_accuracy,
        )
        return TrainedTeacher(
            name=self.name,
            checkpoint="",
            parameters=sum(member.parameters for member in members),
            trained=any(member.trained for member in members),
            score=score,
            members=tuple(members),
        )

    def _built(self, members: Sequence[TeacherMember], folder: RunFolder) -> Iterator[Teacher]:
        for source, member in zip(self.sources, members, strict=True):
            weights = (
                source.with_weights(str(folder.path / member.checkpoint))
                if member.trained
                else source
            )
            yield weights.build(self.data)[0]

    def _recorded(self, record: TrainedTeacher, folder: RunFolder) -> TrainedTeacher:
        """What the run has; it must be what is asked for."""
        if len(record.networks) != len(self.sources):
            raise _another(record.name, self.name, folder.teacher.path)
        for member, source in zip(record.networks, self.sources, strict=True):
            _refuse_another(member, source, folder.teacher.path)
        return record

    def _notices(self, record: TrainedTeacher) -> Iterator[Notice]:
        for member in record.networks:
            if member.score.val_accuracy <= GUESSING / self.data.num_classes:
                yield Notice(
                    kind="teacher_guesses",
                    text=f"teacher {member.name} has {member.score.val_accuracy:.2%} on the "
                    "validation images, no more than guessing; "
                    "its classes may stand in another order: correct or leave it out "
                    "(distill.teacher)",
                )


class TeacherTraining(TeacherEnsemble):
    """Stage: makes one teacher that knows the classes, see `TeacherEnsemble`.

    Args:
        source: the teacher to begin with; a path alone is a `NetworkSource`.
    """

    def __init__(
        self,
        data: ImageData,
        seed: int,
        source: Source | str,
        trainer: Callable[[ImageData], Fitter],
        logits: LogitsOption,
    ) -> None:
        super().__init__(data, seed, [source], trainer, logits)


def train_teacher(
    trainer_and_teacher: tuple[Fitter, Teacher],
    classes: Sequence[str],
    seed: int,
    work: Path,
    checkpoint: Path,
) -> Score:
    """Train a teacher and write its weights, on whichever machine.

    Args:
        work: folder of the state after each epoch.
    """
    trainer, teacher = trainer_and_teacher
    score = trainer.fit(teacher, seed, folder=work)
    save_tensors(checkpoint, {"state_dict": teacher.model.state_dict(), "classes": list(classes)})
    return score


def _refuse_another(record: TeacherMember, source: Source, where: Path) -> None:
    if record.name != source.name or (record.origin and record.origin != source.origin):
        asked = source.name if record.name != source.name else f"{source.name} from {source.origin}"
        raise _another(
            f"{record.name} from {record.origin}" if record.origin else record.name, asked, where
        )


def _has_weights(member: TeacherMember, folder: RunFolder) -> bool:
    """Whether what was trained in this run is not damaged; what is, is said."""
    path = folder.path / member.checkpoint
    if member.trained and is_damaged_zip(path):
        log.warning("%s is damaged: teacher %s is trained again", path, member.name)
        return False
    return True


def _another(own: str, asked: str, where: Path) -> ConfigError:
    return ConfigError(f"this run's teacher is {own}, not {asked}; delete {where} to change it")


def _parameters(teacher: Teacher) -> int:
    return sum(parameter.numel() for parameter in teacher.parameters())
