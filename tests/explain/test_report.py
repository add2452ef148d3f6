"""The report of real architectures and verdicts with a double's scores: what it says, and what it does where stages were not run."""

import re
import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from lmanet.errors import HistoryError
from lmanet.explain import Report
from lmanet.explain.filters import cell
from lmanet.pareto import ParetoFront
from lmanet.records import Front
from lmanet.release.released import read_run as read_release
from lmanet.space import load_space
from lmanet.track.progress import front_table, line
from lmanet.validate import Unlimited

UNDEPLOYED = {"front", "progress", "proposals", "statuses", "curves", "network"}
PLOTS = UNDEPLOYED | {"kernels_1"}


def report(folder: Path, pareto, target) -> str:
    Report(pareto, target, num_classes=10, space=load_space("mcu")).run(folder)
    return (folder / "report.md").read_text()


def plots(folder: Path) -> set[str]:
    return {path.stem for path in (folder / "plots").glob("*.png")}


def test_a_run_without_limits_is_reported_and_drawn(make_run, target):
    objectives = {
        "val_accuracy": {"direction": "max", "unit": "share", "reference": 0, "ideal": 1},
        "params": {"direction": "min", "unit": "parameters", "reference": 1e6, "ideal": 0},
    }
    folder = make_run()
    text = report(folder, ParetoFront(objectives, {}), Unlimited("none", "no board: any machine"))
    assert plots(folder) >= {"front", "progress", "proposals", "statuses", "network"}
    assert "## " in text and (folder / "report.html").exists()


def test_a_candidate_has_one_number_everywhere(make_run, pareto, target):
    """As in the history, from 0: on the screen, in the report's text, tables and cards, and in the model card."""
    folder = make_run()
    report(folder, pareto, target)
    trial = Front.model_validate_json((folder / "front.json").read_text()).trials[0]
    table = front_table([trial])
    assert list(table.columns[5].cells) == [str(trial.number)] and list(table.columns[6].cells) == [trial.id]
    assert line(trial).startswith(f"candidate {trial.number} ")
    row = next(text for text in (folder / "report.md").read_text().splitlines() if f"`{trial.id}`" in text and text.startswith("|"))
    assert row.split("|")[1].strip() == str(trial.number)
    assert f"candidate {trial.number}, proposed by" in (folder / "report.html").read_text()
    assert read_release(folder).proposers[trial.id][1] == trial.number


def test_a_finished_run_is_reported_whole(make_run, pareto, target):
    folder = make_run()
    text = report(folder, pareto, target)
    front = Front.model_validate_json((folder / "front.json").read_text())
    assert plots(folder) == PLOTS
    assert all(f"`{trial.id}`" in text for trial in front.trials)
    for sentence in (
        "On the test images, opened once at the end: **86.1 %** (distillation), **85.3 %** (int8, as deployed).",
        "and peak SRAM\nis the memory of the runtime `c_static`, our generated C.",
        "| int8, by calibration alone (mse) | validation | 84.2 % |",
        "| int8, as deployed: 3 epochs of quantisation-aware fine-tuning | validation | 85.7 % |",
        "| int8, as deployed | 1,000 test | 85.3 % |",
        "| flash of the generated C: constants by formula, the whole ELF measured | `measured_flash_bytes` |",
        "**27.5 to 77.5 ms** for one image, the generated C on a cortex-m4 at 180 MHz",
        "no board was measured",
        "`deploy/a-distill/firmware/README.md`",
        f"agree to the byte on all {len(front.trials)} networks.",
        f"its hypervolume, the share of the box between reference and ideal, is\n{front.hypervolume:.3f}",
        "python run.py +experiment=quickstart 'data.archive=[a b.npz]'",
        "Seed of the run: 7;",
        "Checksum of training and validation images: `35b6299966fe`.",
        "> A skip keeps the gradient.",
        "| residual connections in stage 1 |",
        "- Not readable: claims.2: no such claim",
        "| `stage1.0` | pooled | 43.0 % | +50.0 | +40.0 | +60.0 |",
        "![cat taken for cat](examination/right-0.png)",
        "more than deleting cells in random order:\nthey find what the decision rests on, by as much as that.",
        "| dog | cat | 4 | 10.0 % |",
        "> Early resolution is worth its memory.",
        "| stage1.stride=1 raises the accuracy |",
        "| all | 60 |",
        "vit\\_base\\_patch16\\_224",
    ):
        assert sentence in text
    assert "not run" not in text


def test_the_report_names_one_core_wherever_it_speaks_of_the_emulated_one(make_run, pareto, target):
    text = report(make_run(), pareto, target)
    assert "was compiled for cortex-m4 by zig and run on a cortex-m4 that unicorn emulates" in text
    assert "Cortex-M7" not in text and "cortex-m7" not in text
    assert text.count("unicorn, an emulated cortex-m4") == 2


def test_its_tables_are_tables_and_its_pictures_exist(make_run, pareto, target):
    folder = make_run()
    tokens = MarkdownIt().enable("table").parse(report(folder, pareto, target))
    pictures = [child.attrs["src"] for token in tokens for child in token.children or () if child.type == "image"]
    assert {Path(str(source)).stem for source in pictures} == PLOTS | {"right-0", "right-0-gradcam"}
    assert all((folder / str(source)).is_file() for source in pictures)
    assert sum(token.type == "table_open" for token in tokens) == 22
    # a row that a model's text had broken would be a paragraph that begins with a bar
    assert not [token for token in tokens if token.type == "inline" and token.content.startswith("|")]


def test_both_forms_stand_there_whole_and_nothing_half_written(make_run, pareto, target):
    folder = make_run(20)
    text = report(folder, pareto, target)
    page = (folder / "report.html").read_text()
    assert "[[table:" not in page and "[[figure:" not in page and "[[explorer" not in page
    assert all(f'data-name="{name}"' in page for name in ("front", "operators", "neighbours", "hardware_1", "rules", "versions"))
    assert len(page.encode()) < 5e6 and "\n\n\n" not in text
    assert not list(folder.rglob("*.partial"))


def test_a_long_table_is_short_in_a_terminal_and_whole_in_the_page(make_run, pareto, target):
    folder = make_run(20)
    text = report(folder, pareto, target)
    shown = text.split("### What one change would do")[1].split("###")[0]
    rows = [line for line in shown.splitlines() if line.startswith("| `")]
    left = re.search(r"(\d+) more rows of this table in `report.html`", shown)
    page = (folder / "report.html").read_text()
    table = page[page.index('data-name="neighbours"') :].split("</table>")[0]
    assert len(rows) == 40 and table.count("<tr>") == 1 + 40 + int(left[1])


def test_each_plot_is_a_picture_wide_enough_to_read(make_run, pareto, target):
    folder = make_run(20)
    report(folder, pareto, target)
    for name in PLOTS:
        header = (folder / "plots" / f"{name}.png").read_bytes()[:24]
        width, height = struct.unpack(">II", header[16:])
        assert header.startswith(b"\x89PNG") and width >= 850 and height >= 250, name


def test_stages_that_were_not_run_are_named(make_run, pareto, target):
    folder = make_run(finished=False)
    text = report(folder, pareto, target)
    assert plots(folder) == UNDEPLOYED
    assert "from mini-training" in text
    assert "No network of the front was measured: stage `deploy` was not run" in text
    for stage in ("train", "distill", "deploy", "evaluate"):
        assert f"Stage `{stage}`: not run." in text
    assert "Stage `search`: not run." not in text


def test_without_a_validator_nothing_over_a_limit_stands_on_the_front(make_run, pareto, target):
    folder = make_run(finished=False, enforce=False)
    report(folder, pareto, target)
    front = Front.model_validate_json((folder / "front.json").read_text())
    assert all(trial.verdict.cost.macs <= target.limits["macs"] for trial in front.trials)
    assert plots(folder) == UNDEPLOYED


def test_networks_that_the_validator_measured_need_no_deployment(make_run, measure, pareto, target):
    folder = make_run(finished=False)
    front = Front.model_validate_json((folder / "front.json").read_text())
    first, *rest = front.trials
    verdict = first.verdict.model_copy(update={"measurement": measure(first.architecture)})
    measured = front.model_copy(update={"trials": (first.model_copy(update={"verdict": verdict}), *rest)})
    (folder / "front.json").write_text(measured.model_dump_json())
    text = report(folder, pareto, target)
    assert "agree to the byte on the one network that was measured." in text
    assert f"Not measured: #{rest[0].number}" in text


def test_a_run_without_a_search_reports_what_is_there(make_run, pareto, target):
    folder = make_run()
    (folder / "history.jsonl").unlink()
    (folder / "front.json").unlink()
    text = report(folder, pareto, target)
    assert plots(folder) == {"curves", "network", "kernels_1"}
    assert "Stage `search`: not run." in text and "## The search" not in text


def test_an_empty_folder_gives_a_report_that_says_so(tmp_path, pareto, target):
    text = report(tmp_path, pareto, target)
    assert "No network has been trained within the limits." in text
    assert "Seed of the run: not recorded;" in text
    assert plots(tmp_path) == set()


def test_a_search_in_which_nothing_was_trained_still_has_its_plots(make_run, pareto, target):
    folder = make_run(1)
    assert report(folder, pareto, target)
    assert plots(folder) == {"proposals", "statuses"}


def test_it_can_be_written_again(make_run, pareto, target):
    folder = make_run(20)
    assert report(folder, pareto, target) == report(folder, pareto, target)


@pytest.mark.parametrize("file", ["history.jsonl", "full.jsonl", "test.jsonl", "deploy.jsonl", "measured.jsonl"])
def test_an_unreadable_line_is_named(make_run, pareto, target, file):
    folder = make_run(20)
    with (folder / file).open("a") as stream:
        stream.write('{"number": 3\n')
    with pytest.raises(HistoryError, match=rf"{file}, line \d+ holds no \w+ .*correct or remove it"):
        report(folder, pareto, target)


def test_a_limit_of_latency_is_among_the_limits(make_run, pareto, target):
    text = report(make_run(20), pareto, replace(target, estimated_latency_ms=100))
    assert re.search(r"\| `estimated_latency_ms` \| \d+ \| 100 \| \d+\.\d % \|", text)


def test_text_of_a_model_is_data_in_acell():
    assert cell("a | b\n<script> `x` [y](z)") == "a \\| b \\<script\\> \\`x\\` \\[y\\](z)"
    assert len(cell("x" * 500)) == 200


def test_importing_it_needs_neither_torch_nor_matplotlib():
    code = "import sys, lmanet.explain; print([name for name in ('torch', 'matplotlib') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
