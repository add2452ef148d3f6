"""The report of real architectures and verdicts with a double's scores: what it says, and what it
does where stages were not run.
"""

import json
import re
import struct
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from lmanet.base import Notice
from lmanet.errors import HistoryError
from lmanet.explain import Report, Setting
from lmanet.explain.facts.filters import cell, percent
from lmanet.pareto import ParetoFront
from lmanet.release.released import read_run as read_release
from lmanet.run.brief import Budget
from lmanet.run.folder import NOTICES, REPORT_HTML, RunFolder
from lmanet.run.lines import append_record, read_records
from lmanet.run.records import Front, Usage
from lmanet.run.results import (
    Deployment,
    DesignRules,
    Evaluation,
    Examination,
    TeacherMember,
    TrainedTeacher,
)
from lmanet.space import load_space
from lmanet.track.progress import front_table, line
from lmanet.validate import Unlimited

pytestmark = pytest.mark.slow  # runs whole searches

UNDEPLOYED = {
    "front",
    "hypervolume_trials",
    "proposals",
    "verdicts",
    "curves",
    "operators",
    "memory",
}
PLOTS = UNDEPLOYED | {"kernels_1"}


def report(folder: Path, pareto, target) -> str:
    Report(Setting(pareto, target, 10, load_space("mcu"))).run(RunFolder(folder))
    return (folder / "report.md").read_text()


def plots(folder: Path) -> set[str]:
    return {path.stem for path in (folder / "plots").glob("*.png")}


@pytest.fixture(scope="module")
def finished(write_run, setting, tmp_path_factory) -> Path:
    """A run of which every stage was run, reported; to be read alone."""
    folder = write_run(tmp_path_factory.mktemp("finished"))
    report(folder, setting.pareto, setting.target)
    return folder


SECTIONS = [
    "What to be wary of",
    "The best network",
    "The front",
    "Results",
    "On the board",
    "Why this network",
    "The search",
    "To make this again",
]


def sections(text: str) -> dict[str, str]:
    """Heading of the second level -> what stands below it; what stands above the first is the
    opening.
    """
    opening, *rest = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    return {"opening": opening, **dict(zip(rest[::2], rest[1::2], strict=True))}


def test_a_finished_run_has_every_section_and_plot_and_names_its_front(finished):
    text = (finished / "report.md").read_text()
    front = Front.model_validate_json((finished / "front.json").read_text())
    found = list(sections(text))
    assert found[: len(SECTIONS[:5]) + 1] == ["opening", *SECTIONS[:5]] and set(SECTIONS) < set(
        found
    )
    assert plots(finished) == PLOTS
    assert all(f"`{trial.id}`" in sections(text)["The front"] for trial in front.trials)
    assert "not run" not in text


def test_opening_and_front_say_which_differences_mean_nothing(finished):
    found = sections((finished / "report.md").read_text())
    sentence = r"100 validation images: differences below \d+\.\d points mean nothing \(95 %\)"
    assert re.search(rf"^- {sentence}$", found["opening"], re.MULTILINE)
    assert re.search(rf"^{sentence}\.", found["The front"], re.MULTILINE)


def test_its_figures_are_those_of_the_records_where_they_belong(finished):
    found = sections((finished / "report.md").read_text())
    front = Front.model_validate_json((finished / "front.json").read_text())
    (deployment,) = read_records(finished / "deploy.jsonl", Deployment)
    tests = read_records(finished / "test.jsonl", Evaluation)
    measured = deployment.deployed.measurement
    for test in tests:
        assert (
            percent(test.test_accuracy) in found["opening"]
            and f"{test.images:,} test" in found["On the board"]
        )
    for accuracy in (
        deployment.calibrated_val_accuracy,
        deployment.int8_val_accuracy,
        deployment.float_val_accuracy,
    ):
        assert f"| validation | {percent(accuracy)} |" in found["On the board"]
    for figure in (
        measured.measured_bss_bytes,
        measured.measured_flash_bytes,
        measured.measured_instructions,
    ):
        assert f"{figure:,}" in found["opening"] and f"{figure:,}" in found["On the board"]
    assert "27.5 to 77.5 ms" in found["On the board"], "a range, as no board was measured"
    assert f"{deployment.deployed.folder}/firmware/README.md" in found["On the board"]
    assert (
        f"{front.hypervolume:.3f}" in found["The front"]
        and f"all {len(front.trials)} networks" in found["On the board"]
    )


def test_the_opening_answers_what_a_newcomer_asks(make_run, setting):
    folder = make_run(20, finished=False)
    told = replace(setting, images="photos of # 3 pets", budget=Budget(proposals=20))
    Report(told).run(RunFolder(folder))
    opening = sections((folder / "report.md").read_text())["opening"]
    assert "- Images: photos of # 3 pets; 10 classes" in opening
    assert "It stopped at its limit `budget.proposals=20`." in opening
    assert re.search(
        r"- Train the best networks in full: `python run.py resume=\S+ 'stages=", opening
    )
    assert "- Test images: not opened" in opening


def test_its_accuracies_bear_their_intervals(finished):
    opening = sections((finished / "report.md").read_text())["opening"]
    assert re.search(r"Validation images: \*\*\d+\.\d %\*\*, 95 % interval \d+\.\d % to", opening)
    assert "**86.1 %** (distillation), 95 % interval 83.8 % to 88.1 %" in opening


def test_what_explains_the_network_stands_there_with_its_figures(finished):
    found = sections((finished / "report.md").read_text())
    seen = Examination.model_validate_json((finished / "examination.json").read_text())
    rules = DesignRules.model_validate_json((finished / "rules.json").read_text())
    why = found["Why this network"]
    (block,) = seen.skipped
    losses = " | ".join(
        f"{100 * loss:+.1f}" for loss in (block.accuracy_loss, block.low, block.high)
    )
    assert (
        f"| `{block.part}` | {block.stand_in} | {percent(block.val_accuracy)} | {losses} |" in why
    )
    assert (
        f"{seen.deletion.area_difference:.3f}" in why and "find what the decision rests on" in why
    )
    assert "![cat taken for cat](examination/right-0.png)" in why
    assert "| dog | cat | 4 | 10.0 % |" in why
    assert "> A skip keeps the gradient." in why and "| residual connections in stage 1 |" in why
    assert "Not readable: claims.2: no such claim" in why
    learned = found["What the search has learned"]
    assert f"> {rules.note}" in learned and "| stage1.stride=1 raises the accuracy |" in learned


def test_it_says_how_to_make_the_run_again(finished):
    again = sections((finished / "report.md").read_text())["To make this again"]
    for fact in (
        "python run.py +experiment=quickstart 'data.archive=[a b.npz]'",
        "Seed of the run: 7;",
        "`35b6299966fe`",
    ):
        assert fact in again


def test_what_is_off_stands_near_the_top_of_both_forms_and_is_text(make_run, pareto, target):
    folder = make_run(20, finished=False)
    texts = ["the pixels of the class <b>dog</b> | do not vary", "a training has 15 steps."]
    for text in texts:
        append_record(folder / NOTICES, Notice(kind="test", text=text))
    markdown = report(folder, pareto, target)
    found = sections(markdown)
    assert list(found)[1] == "What to be wary of"
    assert found["What to be wary of"].split("\n- ")[1:] == [
        "The pixels of the class \\<b\\>dog\\</b\\> \\| do not vary.",
        "A training has 15 steps.\n\n",
    ]
    page = (folder / "report.html").read_text()
    heading = page.index("What to be wary of</h2>")
    assert heading < page.index("The best network</h2>")
    assert (
        "<li>The pixels of the class &lt;b&gt;dog&lt;/b&gt; | do not vary.</li>" in page[heading:]
    )


def test_a_model_that_chose_one_arm_always_is_told_of(make_run, pareto, target):
    folder = make_run(20, finished=False)
    lines = (folder / "history.jsonl").read_text().splitlines()
    asked = {"arm": "the largest", "usage": Usage(requests=1).model_dump()}
    trials = [json.loads(line) for line in lines]
    for trial in trials:
        trial["proposal"] |= asked
    (folder / "history.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in trials))
    wary = sections(report(folder, pareto, target))["What to be wary of"]
    assert f'The model chose "the largest" all {len(trials)} times' in wary


def test_where_nothing_is_off_nothing_is_said(make_run, pareto, target):
    folder = make_run(20, finished=False)
    assert (
        "What to be wary of"
        not in report(folder, pareto, target) + (folder / "report.html").read_text()
    )


def test_a_front_that_its_validation_images_cannot_rank_is_reported_with_the_size_of_the_noise(
    finished,
):
    # which has 100 validation images
    wary = sections((finished / "report.md").read_text())["What to be wary of"]
    assert re.search(
        (
            r"- 100 validation images cannot tell the best .* less than \d+\.\d "
            r"points means nothing \(95 %\)\."
        ),
        wary,
    )


def test_a_search_that_trained_nothing_is_reported_with_the_reason(make_run, pareto, target):
    wary = sections(report(make_run(1), pareto, target))["What to be wary of"]
    assert "Nothing was trained to the end: of 1 candidates 1 rejected; most broke the rule" in wary


def test_a_run_without_limits_is_reported_and_drawn(make_run, target):
    objectives = {
        "val_accuracy": {"direction": "max", "unit": "share", "reference": 0, "ideal": 1},
        "params": {"direction": "min", "unit": "parameters", "reference": 1e6, "ideal": 0},
    }
    folder = make_run()
    text = report(folder, ParetoFront(objectives, {}), Unlimited("none", "no board: any machine"))
    assert plots(folder) >= UNDEPLOYED - {"curves"}
    assert "## " in text and (folder / "report.html").exists()


def test_a_candidate_has_one_number_everywhere(make_run, pareto, target):
    """As in the history, from 0: on the screen, in the report's text, tables and cards, and in the
    model card.
    """
    folder = make_run()
    report(folder, pareto, target)
    trial = Front.model_validate_json((folder / "front.json").read_text()).trials[0]
    table = front_table([trial])
    assert list(table.columns[5].cells) == [str(trial.number)] and list(table.columns[6].cells) == [
        trial.id
    ]
    assert line(trial).startswith(f"candidate {trial.number} ")
    row = next(
        text
        for text in (folder / "report.md").read_text().splitlines()
        if f"`{trial.id}`" in text and text.startswith("|")
    )
    assert row.split("|")[1].strip() == str(trial.number)
    assert f"candidate {trial.number}, proposed by" in (folder / "report.html").read_text()
    assert read_release(RunFolder(folder)).proposers[trial.id][1] == trial.number


def test_the_report_names_one_core_wherever_it_speaks_of_the_emulated_one(finished):
    text = (finished / "report.md").read_text()
    assert "was compiled for cortex-m4 by zig and run on a cortex-m4 that unicorn emulates" in text
    assert "Cortex-M7" not in text and "cortex-m7" not in text
    assert text.count("unicorn, an emulated cortex-m4") == 2


def test_its_tables_are_tables_and_its_pictures_exist(finished):
    tokens = MarkdownIt().enable("table").parse((finished / "report.md").read_text())
    pictures = [
        child.attrs["src"]
        for token in tokens
        for child in token.children or ()
        if child.type == "image"
    ]
    assert {Path(str(source)).stem for source in pictures} == PLOTS | {"right-0", "right-0-gradcam"}
    assert all((finished / str(source)).is_file() for source in pictures)
    assert sum(token.type == "table_open" for token in tokens) == 22
    # a row that a model's text had broken would be a paragraph that begins with a bar
    assert not [
        token for token in tokens if token.type == "inline" and token.content.startswith("|")
    ]


def test_both_forms_stand_there_whole_and_nothing_half_written(make_run, pareto, target):
    folder = make_run(20)
    text = report(folder, pareto, target)
    page = (folder / "report.html").read_text()
    assert "[[table:" not in page and "[[figure:" not in page and "[[explorer" not in page
    assert all(
        f'data-name="{name}"' in page
        for name in ("front", "operators", "neighbours", "hardware_1", "rules", "versions")
    )
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
    measured = front.model_copy(
        update={"trials": (first.model_copy(update={"verdict": verdict}), *rest)}
    )
    (folder / "front.json").write_text(measured.model_dump_json())
    text = report(folder, pareto, target)
    assert "agree to the byte on the one network that was measured." in text
    assert f"Not measured: #{rest[0].number}" in text


def test_a_run_without_a_search_reports_what_is_there(make_run, pareto, target):
    folder = make_run()
    (folder / "history.jsonl").unlink()
    (folder / "front.json").unlink()
    text = report(folder, pareto, target)
    assert plots(folder) == {"curves", "operators", "memory", "kernels_1"}
    assert "Stage `search`: not run." in text and "## The search" not in text


def test_an_empty_folder_gives_a_report_that_says_so(tmp_path, pareto, target):
    text = report(tmp_path, pareto, target)
    assert "No network has been trained within the limits." in text
    assert "Seed of the run: not recorded;" in text
    assert plots(tmp_path) == set()


def test_a_search_in_which_nothing_was_trained_still_has_its_plots(make_run, pareto, target):
    folder = make_run(1)
    assert report(folder, pareto, target)
    assert plots(folder) == {"proposals", "verdicts"}


def test_it_can_be_written_again(make_run, pareto, target):
    folder = make_run(20)
    assert report(folder, pareto, target) == report(folder, pareto, target)


@pytest.mark.parametrize(
    "file", ["history.jsonl", "full.jsonl", "test.jsonl", "deploy.jsonl", "measured.jsonl"]
)
def test_an_unreadable_line_is_named(make_run, pareto, target, file):
    folder = make_run(20)
    with (folder / file).open("a") as stream:
        stream.write('{"number": 3\n')
    with pytest.raises(
        HistoryError, match=rf"{file}, line \d+ holds no \w+ .*correct or remove it"
    ):
        report(folder, pareto, target)


def test_a_limit_of_latency_is_among_the_limits(make_run, pareto, target):
    text = report(make_run(20), pareto, replace(target, estimated_latency_ms=100))
    assert re.search(r"\| `estimated_latency_ms` \| \d+ \| 100 \| \d+\.\d % \|", text)


def test_text_of_a_model_is_data_in_acell():
    assert cell("a | b\n<script> `x` [y](z)") == "a \\| b \\<script\\> \\`x\\` \\[y\\](z)"
    assert len(cell("x" * 500)) == 200


def test_importing_it_needs_neither_torch_nor_matplotlib():
    code = (
        "import sys, lmanet.explain; print([name for name in ('torch', 'matplotlib') if name in "
        "sys.modules])"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout
        == "[]\n"
    )


def test_each_of_several_teachers_is_reported_beside_all_together(make_run, pareto, target):
    folder = make_run()
    whole = TrainedTeacher.model_validate_json((folder / "teacher.json").read_bytes())
    alone = [
        whole.model_copy(update={"name": name, "trained": False, "parameters": 2_000_000})
        for name in ("one", "two")
    ]
    members = [
        TeacherMember(**{key: value for key, value in dict(each).items() if key != "members"})
        for each in alone
    ]
    together = whole.model_copy(update={"name": "one + two", "members": tuple(members)})
    (folder / "teacher.json").write_text(together.model_dump_json())
    text = report(folder, pareto, target)
    accuracy = f"{100 * whole.score.val_accuracy:.1f} %"
    assert (
        f"The probabilities of 2 teachers are averaged. Together they reach {accuracy} on the "
        "validation images:"
    ) in text
    assert (
        f"- one: 2.00M parameters; used as it is, and may have seen these images; alone {accuracy}"
        in text
    )


def test_the_opening_is_of_the_best_training_alone(make_run, pareto, target):
    folder = make_run()
    tests = RunFolder(folder).tests
    first, *_ = tests.read()
    other = {"checkpoint": "distill/older.ckpt", "test_accuracy": 0.1234}
    tests.append(first.model_copy(update=other))
    text = report(folder, pareto, target)
    opening = sections(text)["opening"]
    assert "Test images, opened once at the end" in opening and "12.3 %" not in opening
    assert "12.3 %" in text


def test_a_donor_is_named_as_text(make_run, pareto, target):
    folder = make_run()
    assert "began as" not in report(folder, pareto, target)
    line, *rest = RunFolder(folder).full.read()
    lines = (line.model_copy(update={"began_as": "<b>x</b>.ckpt"}), *rest)
    (folder / "full.jsonl").write_text("".join(f"{each.model_dump_json()}\n" for each in lines))
    text = report(folder, pareto, target)
    assert "The weights of the full trainings began as those of" in text
    assert "`<b>x</b>.ckpt`" in text and "<b>x" not in (folder / "report.html").read_text()


def test_a_stage_skipped_for_a_weak_teacher_is_not_called_forgotten(make_run, pareto, target):
    folder = make_run()
    (folder / "distill.jsonl").unlink()
    assert "Stage `distill`: not run." in report(folder, pareto, target)
    weak = TrainedTeacher.model_validate_json((folder / "teacher.json").read_bytes())
    score = weak.score.model_copy(update={"val_accuracy": 0.2})
    (folder / "teacher.json").write_text(weak.model_copy(update={"score": score}).model_dump_json())
    assert "Stage `distill`: skipped, as the teacher is no better than the network." in report(
        folder, pareto, target
    )


def test_two_thousand_trials_are_reported_within_a_minute_and_eight_megabytes(
    make_run, pareto, target
):
    folder = RunFolder(make_run(2000))
    report = Report(Setting(pareto, target, 10, load_space("mcu")))
    start = time.process_time()  # a busy machine is no defect
    report.run(folder)
    assert time.process_time() - start <= 60
    assert (folder.path / REPORT_HTML).stat().st_size <= 8_000_000
