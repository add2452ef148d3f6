"""The model card: figures of the records, code that runs, and text from elsewhere as text."""

import re
import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from huggingface_hub import ModelCard
from markdown_it import MarkdownIt
from torchvision.transforms.functional import to_pil_image

import lmanet
from lmanet.base import Notice
from lmanet.network.images import fit, normalise
from lmanet.release.card import Settings, card
from lmanet.release.released import read_released, read_run
from lmanet.run.folder import DEPLOY, FULL, TEST, RunFolder
from lmanet.run.lines import append_record, read_records
from lmanet.run.provenance import Provenance
from lmanet.run.results import Deployment as DeploymentRecord
from lmanet.run.results import Evaluation as EvaluationRecord
from lmanet.run.results import TrainedNetwork

pytestmark = pytest.mark.slow  # trains

BLOCK = re.compile(r"```python\n(.*?)```", flags=re.DOTALL)
EVIL = "<script>alert(1)</script>\n\n# no heading `x` | **bold** [a](javascript:b) \x1b[2J\u202e"


def test_the_card_says_what_the_records_say(released, run):
    made = ModelCard.load(released / "README.md")
    said = {
        (result.dataset_split, result.metric_name): result.metric_value
        for result in made.data.eval_results
    }
    trained, deployment = (
        read_records(run / FULL, TrainedNetwork)[0],
        read_records(run / DEPLOY, DeploymentRecord)[0],
    )
    tests = {test.stage: test.test_accuracy for test in read_records(run / TEST, EvaluationRecord)}
    assert said == pytest.approx(
        {
            ("validation", "accuracy, float"): trained.score.val_accuracy,
            ("validation", "accuracy, int8"): deployment.int8_val_accuracy,
            ("test", "accuracy, float"): tests["full"],
            ("test", "accuracy, int8"): tests["deploy"],
        },
        abs=1e-6,
    )
    assert {
        result.dataset_args["images"]
        for result in made.data.eval_results
        if result.dataset_split == "test"
    } == {1000}
    assert (made.data.license, made.data.library_name, made.data.pipeline_tag) == (
        "apache-2.0",
        "timm",
        "image-classification",
    )
    measured = deployment.deployed.measurement
    for figure in (
        measured.measured_bss_bytes,
        measured.measured_instructions,
        deployment.deployed.cost.macs,
    ):
        assert f"{figure:,}" in made.text
    assert f"| float | test | 1,000 | {100 * tests['full']:.2f} % |" in made.text
    assert "given, not searched for" in made.text
    assert (
        "in the order of the logits: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9\n" in made.text
        and "`10` comes before `2`" in made.text
    )
    assert "`lmanet_classes` of `firmware/network/network.h`" in made.text
    assert "lmanet_classes" in (released / "firmware" / "network" / "network.h").read_text()


def test_the_card_s_code_runs(released, monkeypatch, pixels, logits):
    monkeypatch.chdir(released)
    blocks = BLOCK.findall((released / "README.md").read_text())
    assert len(blocks) == 3
    found: dict[str, object] = {"image": to_pil_image(pixels[0])}
    logits_of_blocks = []
    for block in blocks:
        exec(block, found)
        logits_of_blocks.append(found["logits"][0].tolist())
    assert found["tuned"].num_classes == 5
    for values in logits_of_blocks:
        assert values == pytest.approx(logits[0].tolist(), abs=0.1)  # timm resizes by Pillow
    assert logits_of_blocks[-1] == pytest.approx(logits[0].tolist(), abs=1e-4)


@pytest.mark.parametrize("size", [(28, 28), (50, 41), (32, 33), (320, 240)], ids=str)
def test_the_card_s_code_prepares_a_picture_as_the_training_does(released, size, data):
    (block,) = [
        block
        for block in BLOCK.findall((released / "README.md").read_text())
        if "onnxruntime" in block
    ]
    picture = torch.randint(0, 256, (3, *size), dtype=torch.uint8)
    found: dict[str, object] = {"image": to_pil_image(picture)}
    exec(block[: block.index("session")].replace("import onnxruntime", ""), found)
    np.testing.assert_array_equal(found["pixels"], fit(picture, 32))
    np.testing.assert_allclose(
        found["images"], normalise(fit(picture, 32), data.mean, data.std), rtol=1e-5, atol=1e-6
    )


@pytest.fixture
def parts(run, data):
    """What a card is made of."""
    (network,) = read_released(RunFolder(run))
    return (
        network,
        read_run(RunFolder(run)),
        lmanet.load_network(run / network.trained.checkpoint),
        data,
    )


def test_text_from_elsewhere_is_text(parts):
    network, run, checkpoint, _ = parts
    run = run._replace(
        proposers={network.name.removeprefix("lmanet_"): (EVIL, 3)},
        overrides=(f"data.root={EVIL}", "```"),
    )
    checkpoint = replace(checkpoint, classes=(EVIL, *checkpoint.classes[1:]))
    text = card(
        network, run, checkpoint, SimpleNamespace(name=EVIL, description=EVIL), Settings(None, 18)
    )
    body = text.split("\n---\n", maxsplit=1)[1]
    html = MarkdownIt("commonmark").enable("table").render(body)  # with raw HTML let through
    headings = re.findall(r"<h1>(.*?)</h1>", html)
    assert headings == [network.name]
    outside = re.sub(r"<pre>.*?</pre>", "", html, flags=re.DOTALL)
    assert "<script" not in html and 'javascript:b"' not in html and "<strong>" not in outside
    assert "\x1b" not in outside and "\u202e" not in outside
    assert ModelCard(text).data.eval_results[0].dataset_name == EVIL


def test_what_was_not_done_is_not_claimed(parts):
    network, run, checkpoint, data = parts
    text = card(
        network._replace(deployment=None, int8_test=None), run, checkpoint, data, Settings(None, 18)
    )
    assert "not brought to int8" in text and "measured" not in text and "tflite`" not in text
    assert "No licence is named" in text and ModelCard(text).data.license is None
    assert "versions were not recorded" in text
    assert f"{lmanet.estimate(network.trained.architecture, 10).peak_sram_bytes:,}" in text


def test_it_says_how_to_make_it_again(parts):
    network, run, checkpoint, data = parts
    start = Provenance(
        started_at="",
        stages=(),
        machine={},
        commit="c0ffee",
        modified=True,
        versions={"python": "3.13", "torch": "2.14"},
    )
    run = run._replace(
        start=start, overrides=("+experiment=quickstart",), checksum="abc", val_images=400
    )
    text = card(network, run, checkpoint, data, Settings(None, 18))
    assert "python 3.13, torch 2.14, of commit `c0ffee` with changes" in text and "`abc`" in text
    assert (
        "\n    python run.py +experiment=quickstart\n" in text and "arch=architecture.json" in text
    )
    assert "| float | validation | 400 |" in text


def test_it_lists_what_is_off_about_this_network_and_its_data_and_no_other(run, tmp_path):
    shutil.copytree(run, tmp_path / "run")
    folder = tmp_path / "run"
    own, of_int8, of_another, of_the_data = (
        Notice(kind="test", text=text)
        for text in ("few steps", "int8 differs", "another", "55 images")
    )
    (line,) = read_records(folder / FULL, TrainedNetwork)
    (folder / FULL).unlink()
    for notice, changes in ((of_another, {"checkpoint": "other.ckpt"}), (own, {})):
        score = line.score.model_copy(update={"notices": (notice,)})
        append_record(folder / FULL, line.model_copy(update={"score": score, **changes}))
    (deployment,) = read_records(folder / DEPLOY, DeploymentRecord)
    (folder / DEPLOY).unlink()
    append_record(folder / DEPLOY, deployment.model_copy(update={"notices": (of_int8,)}))
    RunFolder(folder).say([of_the_data, of_another, own, of_int8])
    (network,) = read_released(RunFolder(folder))
    # beside what is said of this short training
    made = [notice for notice in network.notices if notice.kind == "test"]
    assert made == [own, of_int8, of_the_data]


def test_the_card_has_a_section_of_what_to_be_wary_of_only_where_there_is_something(parts):
    network, run, checkpoint, data = parts
    text = card(network._replace(notices=()), run, checkpoint, data, Settings(None, 18))
    words = re.sub(r"```.*?```", "code", text.split("\n---\n")[1], flags=re.DOTALL)
    assert "wary" not in text and "\n\n\n" not in words
    text = card(
        network._replace(notices=(Notice(kind="test", text=f"odd {EVIL}"),)),
        run,
        checkpoint,
        data,
        Settings(None, 18),
    )
    section = text.split("## What to be wary of\n\n")[1].split("\n\n## ")[0]
    assert (
        section.startswith("- Odd \\<script\\>")
        and section.endswith(".")
        and "\n" not in section
        and "\x1b" not in section
    )


def test_it_says_what_the_weights_began_as_back_to_a_donor(parts):
    network, run, checkpoint, data = parts
    alone = card(network, run, checkpoint, data, Settings(None, 18))
    assert "began as" not in alone
    score = network.trained.score.model_copy(update={"seconds": 9000.0})
    full = network.trained.model_copy(update={"began_as": f"first.ckpt{EVIL}"})
    student = full.model_copy(
        update={
            "stage": "distill",
            "teacher": "vit",
            "divergence": "Kd",
            "began_as": full.checkpoint,
            "score": score,
        }
    )
    text = card(
        network._replace(trained=student, taught=full), run, checkpoint, data, Settings(None, 18)
    )
    (said,) = [line for line in text.splitlines() if "It was then trained to the end" in line]
    assert "epochs in 2.5 h, seed 0, with vit as teacher (distillation, Kd)" in said
    assert said.index("without a teacher") < said.index("began as those of `first.ckpt")
    assert "\x1b" not in said and "own training is not in these figures" in text


def test_a_distilled_network_is_released_with_what_it_began_as(run, tmp_path):
    shutil.copytree(run, tmp_path / "run")
    folder = RunFolder(tmp_path / "run")
    (full,) = folder.full.read()
    better = full.score.model_copy(update={"val_accuracy": 1.0})
    folder.add_trained(
        full.model_copy(update={"stage": "distill", "began_as": full.checkpoint, "score": better})
    )
    (network,) = read_released(folder)
    assert (network.trained.stage, network.taught) == ("distill", full)
