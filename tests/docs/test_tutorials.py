"""The tutorials are programs: their commands run one after another, with little to train."""

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lmanet.propose.llm.servers import EmbeddedServer, Endpoint, packaged_model
from lmanet.run.folder import DEPLOY, HISTORY, REPORT_HTML
from lmanet.run.lines import read_records
from lmanet.run.records import Status, Trial

pytestmark = pytest.mark.slow  # runs whole searches

TUTORIALS = Path(__file__).parents[2] / "docs" / "tutorials"
COMMAND = re.compile(r"^python run\.py (.*)$", flags=re.MULTILINE)
# What makes a search short, on any images.
SMALL = (
    "execute=in_process",
    "budget.trained=1",
    "train.mini.recipe.epochs=1",
    "train.mini.recipe.batch_norm_images=0",
    "data.split.max_train_images=200",
    "++space.choices.num_stages=[3]",
    "++space.choices.stage={layers:[1],channels:[8,16]}",
)
HALVED = ("train.mini.recipe.epochs=2", "promote.rungs=[1]")
ALONE = ("propose=random", "stages=[search,report]")
Follow = Callable[..., list[Path]]


@pytest.fixture
def follow(typed, tmp_path: Path) -> Follow:
    """Types the commands of a page that match a pattern; the folders of their runs."""

    def run(
        page: str, *small: str, say: dict[str, str] | None = None, only: str = ""
    ) -> list[Path]:
        runs: list[Path] = []
        text = (TUTORIALS / f"{page}.md").read_text(encoding="utf-8")
        for command in (each for each in COMMAND.findall(text) if re.search(only, each)):
            command = _dated(command, tmp_path / "multirun")
            for word, meant in (say or {}).items():
                command = command.replace(word, meant)
            goes_on = command.startswith(("resume=", "init "))
            paused = HALVED if "promote=halving" in command else ()
            ended = typed(*shlex.split(command), *(() if goes_on else (*small, *paused)))
            assert ended.code == 0, (command, ended.error)
            runs += set((tmp_path / "multirun").glob("*/*")) - set(runs)
        return runs

    return run


def _dated(command: str, multirun: Path) -> str:
    """With the newest run of a name in place of its date."""

    def newest(found: re.Match[str]) -> str:
        return f"multirun/{found[1]}/{max((multirun / found[1]).iterdir()).name}"

    return re.sub(r"multirun/(\w+)/<date>", newest, command)


def _trained(run: Path) -> list[Trial]:
    trials = read_records(run / HISTORY, Trial)
    return [trial for trial in trials if trial.status is Status.TRAINED]


def test_the_first_run_and_what_follows_it(follow):
    (run,) = follow("first-run", *SMALL, *ALONE)
    assert run.parent.name == "quickstart" and _trained(run)
    assert (run / REPORT_HTML).is_file()


def test_own_images(follow, tmp_path):
    rng = np.random.default_rng(0)
    for name, level in (("cat", 0), ("dog", 128)):
        (tmp_path / "photos" / "train" / name).mkdir(parents=True)
        for number in range(20):
            pixels = rng.integers(level, level + 128, (40, 50, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos/train" / name / f"{number}.png")
    small, large, mine = follow(
        "own-images", *SMALL, *ALONE, only=r"^(?!.*(propose=llm|experiment=photos))"
    )
    assert _trained(small)[0].architecture.resolution == 32
    assert _trained(large)[0].architecture.resolution == 64
    assert mine.parent.name == "mine" and _trained(mine)


def test_cifar_100_on_two_cores(follow, tmp_path):
    rng = np.random.default_rng(0)
    for part, number in (("train", 400), ("test", 100)):
        images = rng.integers(0, 256, (number, 32, 32, 3), dtype=np.uint8)
        labels = np.arange(number) % 100
        arrays = {f"x_{part}": images, f"y_{part}": labels.astype(np.uint8)}
        np.savez(tmp_path / f"{part}.npz", **arrays)
    kept = ("data.split.max_train_images=null", "target.macs=2000000")
    runs = follow("cifar100-on-two-cores", *SMALL, *ALONE, *kept)
    assert len(runs) == 3 and all(_trained(run) for run in runs)


@pytest.fixture
def served() -> Iterator[Endpoint]:
    """The packaged model, behind the HTTP server of llama.cpp."""
    server = EmbeddedServer(threads=1, context_tokens=8192, timeout_s=300, retries=2)
    yield server.start(str(packaged_model()))
    server.stop()


def test_your_language_model_server(follow, served):
    said = {"NAME": served.model, "http://localhost:8080/v1": served.base_url}
    quick = ("propose.prompt.rationale=false", "propose.strategy.roles=[rank]")
    runs = follow("your-llm-server", *SMALL, *quick, say=said, only="name=try_server")
    assert all(trial.proposal.proposer == served.model for trial in _trained(runs[0]))


def test_to_the_board(typed, follow, tmp_path):
    full = ("train.full.recipe.epochs=1", "deploy.settings.most_loss=1", "target=stm32f446")
    first = ("+experiment=smoke", *SMALL, *full, "name=quickstart", "stages=[search,train]")
    assert typed(*first).code == 0
    (run,) = (tmp_path / "multirun" / "quickstart").iterdir()
    follow("to-the-board", say={"ID": str(_trained(run)[0].id)})
    deployed = (run / DEPLOY).read_text(encoding="utf-8")
    assert "stm32f446" in deployed and "stm32l4r5" in deployed
    assert (run / REPORT_HTML).is_file()
