import logging
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from lmanet.data import Augment, Mnist5k
from lmanet.distill import OnlineTeacher, StoredLogits, Teacher, TeacherSource
from lmanet.distill.store import compress, expand
from lmanet.errors import ConfigError
from lmanet.network import Architecture
from lmanet.network.images import normalise
from lmanet.steps import Batch
from lmanet.train import Recipe, Trainer

RICH = Augment(
    crop_padding=2,
    flip=True,
    auto_augment="cifar10",
    random_erasing=0.2,
    mixup_strength=0.4,
    cutmix_strength=1.0,
)


@pytest.fixture
def teacher(data: Mnist5k, source: TeacherSource) -> Teacher:
    torch.manual_seed(0)
    made, _ = source.build(data)
    return made


@pytest.fixture
def calls(teacher: Teacher) -> list[int]:
    """One entry a batch that the teacher is asked for."""
    seen: list[int] = []
    teacher.register_forward_hook(lambda module, inputs, output: seen.append(len(output)))
    return seen


def test_the_largest_are_kept_and_the_others_share_the_rest() -> None:
    p = torch.tensor([[0.1, 0.6, 0.05, 0.25], [0.7, 0.1, 0.1, 0.1]])
    kept = compress(p.log() + 5, top_k=2)
    again = functional.softmax(expand(kept, 4), 1)
    torch.testing.assert_close(again[0], torch.tensor([0.075, 0.6, 0.075, 0.25]), rtol=1e-3, atol=0)
    torch.testing.assert_close(
        again[1].sort().values, torch.tensor([0.1, 0.1, 0.1, 0.7]), rtol=1e-3, atol=0
    )


def test_all_kept_are_the_logits_up_to_half_precision() -> None:
    logits = 5 * torch.randn(64, 300, generator=torch.Generator().manual_seed(0))
    kept = compress(logits, top_k=1000)
    torch.testing.assert_close(
        expand(kept, 300), functional.log_softmax(logits, 1), rtol=2**-11, atol=1e-6
    )
    assert (kept.values.dtype, kept.classes.dtype) == (torch.float16, torch.int16)


def test_what_is_left_beside_a_sure_class_is_not_rounded_away() -> None:
    again = expand(compress(torch.tensor([[30.0, 0.0, 0.0]]), top_k=1), 3)
    torch.testing.assert_close(again, torch.tensor([[0.0, -30.0, -30.0]]), rtol=2**-11, atol=1e-6)


@pytest.mark.slow
def test_a_training_is_taught_what_the_teacher_would_say_of_its_very_batches(
    data: Mnist5k,
    teacher: Teacher,
    architecture: Architecture,
    make_recipe: Callable[..., Recipe],
    tmp_path: Path,
) -> None:
    trainer = Trainer(data, make_recipe(augment=RICH, dropout=0.2, epochs=3, views=2))
    network = trainer.build(architecture, 0)
    stored, online = (
        StoredLogits(top_k=10).of([teacher], data, trainer, 5, tmp_path),
        OnlineTeacher(teacher),
    )
    views = []

    def loss(logits: Tensor, batch: Batch, progress: float) -> Tensor:
        views.append(batch.view)
        torch.testing.assert_close(
            stored(batch), functional.log_softmax(online(batch), 1), rtol=1e-3, atol=1e-4
        )
        return functional.cross_entropy(logits, batch.targets)

    trainer.fit(network, 5, loss)
    assert views == [view for view in (0, 1, 0) for _ in range(640 // 32)]


def test_views_are_computed_once_and_a_kill_loses_a_part_of_one(
    data: Mnist5k,
    teacher: Teacher,
    calls: list[int],
    make_recipe: Callable[..., Recipe],
    tmp_path: Path,
) -> None:
    def prepare(views: int) -> int:
        """Batches that the teacher was asked for."""
        before = len(calls)
        # 40 batches a view, in parts of 2
        recipe = make_recipe(views=views, epochs=9, batch_size=16)
        StoredLogits(top_k=3).of([teacher], data, Trainer(data, recipe), 0, tmp_path)
        return len(calls) - before

    assert (prepare(1), prepare(1)) == (40, 0)

    def kill(module: torch.nn.Module, inputs: Any) -> None:
        if len(calls) == 95:
            raise KeyboardInterrupt

    killed = teacher.register_forward_pre_hook(kill)
    with pytest.raises(KeyboardInterrupt):
        prepare(3)
    killed.remove()
    assert len(calls) == 95  # view 1, and 15 batches of view 2
    assert prepare(3) == 120 - 94
    assert len(list(tmp_path.rglob("*.safetensors"))) == 3
    assert not list(tmp_path.rglob("*.partial")) and not list(tmp_path.rglob("*.part"))


def test_what_was_stored_in_parts_is_what_is_stored_at_once(
    data: Mnist5k,
    teacher: Teacher,
    make_recipe: Callable[..., Recipe],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trainer, tables = Trainer(data, make_recipe(views=1)), []
    for parts in (1, 3, 20):  # of 20 batches: all at once, 7 + 7 + 6, one each
        monkeypatch.setattr("lmanet.distill.store.PARTS", parts)
        tables.append(
            StoredLogits(4, str(tmp_path / str(parts)))
            .of([teacher], data, trainer, 0, tmp_path)
            .table
        )
    for table in tables[1:]:
        assert all(torch.equal(own, other) for own, other in zip(tables[0], table, strict=True))


@pytest.mark.slow
def test_several_teachers_are_stored_alone_and_averaged(
    data: Mnist5k, source: TeacherSource, make_recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    teachers, asked = [source.build(data)[0] for _ in range(3)], [0, 0, 0]
    for number, teacher in enumerate(teachers):
        teacher.register_forward_hook(
            lambda *call, number=number: asked.__setitem__(number, asked[number] + 1)
        )
    trainer = Trainer(data, make_recipe(views=2, augment=RICH))
    StoredLogits(10).of(teachers[:2], data, trainer, 0, tmp_path)
    assert asked == [40, 40, 0]
    stored = StoredLogits(10).of([*teachers, teachers[0]], data, trainer, 0, tmp_path)
    # a new one costs itself alone, and one that is given twice nothing
    assert asked == [
        40,
        40,
        40,
    ]
    batch = next(iter(trainer.batches(0)))
    batch = batch._replace(images=normalise(batch.images, data.mean, data.std))
    with torch.no_grad():
        p = [functional.softmax(teacher.eval()(batch.images), 1) for teacher in teachers]
    torch.testing.assert_close(
        stored(batch).exp(), (2 * p[0] + p[1] + p[2]) / 4, rtol=4e-3, atol=1e-5
    )


def test_a_damaged_file_is_computed_again_and_said(
    data: Mnist5k,
    teacher: Teacher,
    calls: list[int],
    make_recipe: Callable[..., Recipe],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def prepare() -> torch.Tensor:
        return (
            StoredLogits(3)
            .of([teacher], data, Trainer(data, make_recipe(views=2)), 0, tmp_path)
            .table.values
        )

    whole = prepare()
    first, second = sorted(tmp_path.rglob("*.safetensors"))
    first.write_bytes(first.read_bytes()[:1000])
    second.write_bytes(b"")
    calls.clear()
    assert torch.equal(prepare(), whole) and len(calls) == 40
    assert (
        "view_000.safetensors is damaged" in caplog.text
        and "view_001.safetensors is damaged" in caplog.text
    )


def test_progress_and_the_time_left_are_logged(
    data: Mnist5k,
    teacher: Teacher,
    make_recipe: Callable[..., Recipe],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    seconds = iter(range(0, 100_000, 60))  # a batch takes a minute
    monkeypatch.setattr("lmanet.distill.store.time.monotonic", lambda: next(seconds))
    StoredLogits(3).of([teacher], data, Trainer(data, make_recipe(views=2)), 0, tmp_path)
    lines = [line for line in caplog.messages if "left" in line]
    assert lines[9] == "teacher's logits: 25 % computed, some 30 minutes left"
    assert lines[-1] == "teacher's logits: 100 % computed, some 0 minutes left"


@pytest.mark.parametrize("changed", ["teacher", "seed", "augment", "batch_size", "top_k"])
def test_other_batches_or_another_teacher_have_files_of_their_own(
    data: Mnist5k,
    teacher: Teacher,
    make_recipe: Callable[..., Recipe],
    tmp_path: Path,
    changed: str,
) -> None:
    def prepare(seed: int = 0, top_k: int = 3, **changes: Any) -> None:
        StoredLogits(top_k, str(tmp_path)).of(
            [teacher], data, Trainer(data, make_recipe(views=1, **changes)), seed, Path("unused")
        )

    prepare()
    if changed == "teacher":
        with torch.no_grad():
            next(teacher.parameters()).mul_(1.01)
        prepare()
    else:
        prepare(
            **{
                changed: {
                    "seed": 1,
                    "augment": Augment(crop_padding=2, random_erasing=0.01),
                    "batch_size": 64,
                    "top_k": 4,
                }[changed]
            }
        )
    assert len(list(tmp_path.iterdir())) == 2


def test_an_image_without_logits_ends_the_training(
    data: Mnist5k, teacher: Teacher, make_recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    trainer = Trainer(data, make_recipe(views=1, batch_size=500))  # of 640 images 140 are left out
    stored = StoredLogits(top_k=3).of([teacher], data, trainer, 0, tmp_path)
    said = stored(Batch(torch.zeros(640, 3, 28, 28), torch.zeros(640, 10), torch.arange(640), 0))
    assert 130 < said.isnan().any(1).sum() <= 140
    assert math.isfinite(said.nansum().item())


def test_at_least_one_logit_is_kept() -> None:
    with pytest.raises(
        ConfigError, match=r"top_k=0 must be at least 1; correct distill.teacher.logits.top_k"
    ):
        StoredLogits(top_k=0)


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc can be told to keep freed memory")
def test_a_teacher_that_is_asked_keeps_freed_memory(tmp_path: Path) -> None:
    """In a process of its own, since another training of this one may have set that before."""
    done = subprocess.run(
        [sys.executable, "-c", PAGES, str(tmp_path)], check=True, capture_output=True, text=True
    )
    without, with_store = map(int, done.stdout.split())
    # a third in some runs, in which the heap still grows once; otherwise next to none
    assert with_store < without / 2


# Pages that the kernel clears while a teacher sees twelve batches of 25 MB each, after the first.
PAGES = """
import resource, sys
from pathlib import Path
import torch
from lmanet.distill.store import Asked, LogitStore
from lmanet.steps import Batch

pages = []

class Batches(list):
    def set_epoch(self, epoch): pass

class Wide(torch.nn.Module):
    def forward(self, images):
        pages.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
        return (images.repeat(1, 64, 1, 1) + 1).mean((2, 3))[:, :10]

torch.set_num_threads(1)
images = torch.rand(8, 3, 64, 64)
batches = Batches(Batch(images, *[torch.arange(8)] * (len(Batch._fields) - 1)) for _ in range(12))
teacher = Wide()
for batch in batches:
    teacher(batch.images)
print(pages[-1] - pages[1])
pages.clear()
LogitStore(Path(sys.argv[1]), 5).fill(
    [teacher], Asked(lambda asked, batch: asked(batch.images), lambda: batches), 1
)
print(pages[-1] - pages[1])
"""
