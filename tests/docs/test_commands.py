"""Every command of every page is one that lmanet takes: it composes, and each setting is legal."""

import re
import shlex
from pathlib import Path

import pages
import pytest

from lmanet.app.compose import in_folder, jobs, plain, read_command, understood
from lmanet.app.settings import GROUPS, ROOT_KEYS, check_groups, check_root
from lmanet.explain.compare.statistics import FEWEST_SEEDS

pytestmark = pytest.mark.slow  # composes a hundred configurations
ROOT = Path(__file__).parents[2]
PAGES = [ROOT / page for page in pages.PAGES]
CODE = re.compile(r"`([^`\n]+)`")
OPTION = re.compile(rf"\+?(?:{'|'.join((*GROUPS, 'experiment', 'ablation'))})=\w+")
SETTING = re.compile(r"[+~]{0,2}[a-z_]+(?:\.[a-z0-9_]+)*=\S.*")
# Words that stand for what a reader has.
STAND_INS = {"<date>": "today", "<name>": "search", "<ID>": "x", "URL": "http://localhost:8000/v1"}
# Options without which a setting means nothing.
NEEDS = {
    "promote.": "promote=halving",
    "track.wandb": "track=wandb",
    "distill.teacher.sources": "distill=ensemble",
    "propose.server": "propose=llm",
    "propose.history": "propose=replay",
    "propose.feasible_draws": "propose=random",
    "data.root": "data=image_folder",
    "data.resolution": "data=image_folder",
    "data.loading": "data=image_folder",
    "data.width": "data=image_folder",
    "data.front_end": "+experiment=keywords",
    "validate.measured_latency_ms": "validate=board",
    "data.unlabelled": "data=photos",
    "distill.teacher.source.": "+experiment=photos",
    "data.archive": "data=cifar100",
    "execute.engine.": "execute=ray",
    "execute.engine.jobs": "execute=submitit",
    "execute.engine.resources": "execute=submitit",
}


def _commands() -> list[str]:
    """What begins with ``python run.py``, on a line of a block, in a table or in a sentence.

    Those with a folder of their own options are typed in tests/howto, those that start no run in
    tests/app/test_init.py.
    """
    found = set()
    for page in PAGES:
        text = page.read_text(encoding="utf-8").replace("\\\n", " ")
        found.update(re.findall(r"^python run\.py .*$", text, flags=re.MULTILINE))
        found.update(code for code in CODE.findall(text) if code.startswith("python run.py "))
    others = ("--config-dir", "run.py init", "run.py demo", "--version")
    return sorted(command for command in found if not any(each in command for each in others))


def _settings(whole_options: bool) -> list[str]:
    """What the pages outside the results say to add to a command.

    Args:
        whole_options: those that take a file of ``conf/``, which tests/app/test_conf.py composes;
            or the others.
    """
    written = [page for page in PAGES if page.name not in ("results.md", "report.md")]
    codes = {code for page in written for code in CODE.findall(page.read_text(encoding="utf-8"))}
    roots = "|".join(sorted(ROOT_KEYS))
    named = re.compile(rf"[+~]{{0,2}}(?:{roots}|experiment|ablation)\b")
    return sorted(
        code
        for code in codes
        if SETTING.fullmatch(code)
        and named.match(code)
        and not re.search(r"=(X|Y)$|/NAME$|\.\.\.", code)
        and bool(OPTION.fullmatch(code)) is whole_options
    )


@pytest.mark.parametrize("command", _commands())
def test_every_command_composes(command, tmp_path):
    typed = _typed(command)[2:]
    resumes = any(text.startswith("resume=") for text in typed)
    rest = [text for text in typed if not text.startswith("resume=") and not text.endswith("=...")]
    _check(["+experiment=quickstart", *rest] if resumes else rest, tmp_path)


@pytest.mark.parametrize("setting", _settings(whole_options=False))
def test_every_setting_is_legal(setting, tmp_path):
    needed = [option for start, option in NEEDS.items() if setting.lstrip("+~").startswith(start)]
    named = "experiment=" in " ".join((setting, *needed))
    first = [] if named else ["+experiment=quickstart"]
    _check([*first, *needed, *_typed(setting)], tmp_path)


def test_every_option_that_a_page_names_is_there():
    named = _settings(whole_options=True)
    assert len(named) > 50
    for group, option in (text.lstrip("+").split("=") for text in named):
        assert (ROOT / "conf" / group / f"{option}.yaml").is_file(), (group, option)


def test_the_page_of_options_has_every_option_of_conf(read):
    """But for boards, which have a table of their own, and groups without a choice."""
    page = read("docs/how-to/choose-options.md")
    codes = set(CODE.findall(page))
    for group in sorted(set(GROUPS) - {"target"}):
        options = {path.stem for path in (ROOT / "conf" / group).glob("*.yaml")}
        missing = options - {code.removeprefix(f"{group}=") for code in codes}
        assert len(options) == 1 or not missing, (group, missing)


def test_the_comparison_that_the_pages_show_can_decide(read):
    pages = ("README.md", "docs/how-to/compare-searchers.md", "docs/reference/commands.md")
    for page in pages:
        (line,) = set(re.findall(r"python run.py -m \+experiment=quickstart [^`\n]*", read(page)))
        searches = jobs(read_command(shlex.split(line)[2:]).overrides)
        values = [dict(text.lstrip("+").split("=") for text in job) for job in searches]
        for name in {each["ablation"] for each in values}:
            seeds = {each["seed"] for each in values if each["ablation"] == name}
            assert len(seeds) >= FEWEST_SEEDS, page


def test_make_has_every_target_that_the_pages_name(read):
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), flags=re.MULTILINE))
    for page in PAGES:
        named = re.findall(r"(?:`|^)make ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE)
        assert set(named) <= targets, page


def test_every_option_of_conf_with_several_choices_is_named_by_its_group(read):
    """A page that lists commands names groups of conf/, which may be renamed."""
    named = set(re.findall(r"`?\b([a-z]+)=", read("docs/reference/commands.md")))
    assert {"target", "propose", "promote", "pareto", "validate", "execute"} <= named & set(GROUPS)


def _typed(text: str) -> list[str]:
    for word, stand_in in STAND_INS.items():
        text = text.replace(word, stand_in)
    return [each for each in shlex.split(text, comments=True) if each != "..."]


def _check(arguments: list[str], folder: Path) -> None:
    command, config = understood(read_command(arguments))
    assert command.overrides
    settings = plain(in_folder(config, folder))
    if isinstance(settings["stages"], str):
        settings["stages"] = [settings["stages"]]
    check_root(settings)
    check_groups(settings, optional=("propose",))
