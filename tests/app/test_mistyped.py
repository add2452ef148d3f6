"""Words that a newcomer types: one sentence says what was meant, and nothing is left behind."""

from pathlib import Path
from subprocess import PIPE, Popen
from sys import executable

import pytest

from lmanet.app.compose import CONF, plainly
from lmanet.app.mistyped import missing_option
from lmanet.app.settings import ROOT_KEYS, STAGES
from lmanet.errors import ConfigError

RUN = Path(__file__).parents[2] / "run.py"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("quickstart", "did you mean +experiment=quickstart?"),
        ("photo", "did you mean +experiment=photos?"),
        ("dmeo", "did you mean demo?"),
        ("int", "did you mean init FOLDER?"),
        ("help", "did you mean --help?"),
        ("serach", "did you mean stages=[search]?"),
        ("+experiment", "did you mean +experiment=...?"),
        ("targets", "did you mean target=..."),
        ("red balloon", "stands in quotes within quotes: \"key='a value'\""),
    ],
)
def test_a_word_alone_is_answered_with_what_may_be_meant(typed: str, meant: str) -> None:
    with pytest.raises(ConfigError) as said:
        plainly([typed])
    assert str(said.value).startswith(f"{typed}: a setting is written name=value; ")
    assert meant in str(said.value)


def test_a_word_behind_a_setting_may_be_the_rest_of_its_value() -> None:
    with pytest.raises(ConfigError, match=r"^run: a setting .* quotes within quotes"):
        plainly(["+experiment=smoke", "name=my", "run"])


@pytest.mark.parametrize("name", [*sorted(ROOT_KEYS), *STAGES])
def test_every_name_of_ours_is_answered(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"did you mean .*\b{name}\b"):
        plainly([name])


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        (["--hlep"], "unknown flag --hlep; did you mean --help?"),
        (["--sfg", "job"], "unknown flag --sfg; did you mean --cfg?"),
        (["--cfg", "jbo"], "--cfg/-c: invalid choice: 'jbo'"),
        (["--config-dir"], "expected one argument"),
    ],
)
def test_a_wrong_flag_is_answered_in_one_line(typed, capsys, says: str) -> None:
    with pytest.raises(ConfigError) as said:
        plainly(typed)
    assert says in str(said.value) and "\n" not in str(said.value)
    assert capsys.readouterr() == ("", "")


def test_an_experiment_and_an_ablation_need_no_plus() -> None:
    arguments = ["experiment=smoke", "--cfg", "job", "ablation=none", "target=none", "~track"]
    assert plainly(arguments) == [
        "+experiment=smoke",
        "--cfg",
        "job",
        "+ablation=none",
        "target=none",
        "~track",
    ]
    assert plainly(["+experiment=smoke"]) == ["+experiment=smoke"]


def test_an_option_that_a_file_of_ones_own_names_is_said_with_the_file() -> None:
    said = "In 'experiment/mine': Could not find 'target/my_bord'"
    assert missing_option("target/my_bord", ["my_board", "none"], said) == (
        "target=my_bord: there is no such option; did you mean my_board? "
        "(conf/target, named in experiment/mine)"
    )


def test_nothing_typed_shows_the_doors_on_one_page(typed) -> None:
    shown = typed()
    assert shown.code == 0 and shown.output == typed("--help").output
    for door in ("+experiment=quickstart ", "+experiment=photos data.root=", "demo", "init FOLDER"):
        assert f"  lmanet {door}" in shown.output
    lines = shown.output.splitlines()
    groups = tuple(f"{path.name}: " for path in CONF.iterdir())  # a terminal breaks their lines
    assert max(len(line) for line in lines if not line.startswith(groups)) <= 80
    assert len(lines) < 45


@pytest.mark.slow  # a process of its own
def test_a_run_goes_on_where_the_reader_of_its_lines_leaves(tmp_path: Path) -> None:
    run = [executable, RUN, "+experiment=bench_lmanet", "propose=sampler", "budget.proposals=3"]
    with Popen(run, stdout=PIPE, stderr=PIPE, cwd=tmp_path) as process:
        assert process.stdout and process.stderr
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()
        assert process.wait() == 0, "what prints tables would end it"


@pytest.mark.slow  # a process of its own
def test_what_is_shown_ends_quietly_where_its_reader_leaves() -> None:
    shown = [executable, RUN, "experiment=smoke", "--cfg", "job"]
    with Popen(shown, stdout=PIPE, stderr=PIPE) as process:
        assert process.stdout and process.stderr
        process.stdout.close()
        assert process.stderr.read() == b"" and process.wait() == 0
