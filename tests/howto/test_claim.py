"""docs/how-to/add-a-claim.md: one class, no file of ours changed."""

import importlib
import json
import os
import subprocess
import sys

import jsonschema
import pytest
from pydantic import ValidationError

from lmanet.claims import claim as registry
from lmanet.claims.check import Truth, check_claims
from lmanet.claims.claim import Claim, kinds
from lmanet.claims.rates import rates
from lmanet.cost import estimate
from lmanet.errors import ConfigError
from lmanet.network import load_architecture
from lmanet.propose.llm.why import claims_text, read_rationale, with_why
from lmanet.run.brief import Brief
from lmanet.run.records import Proposal, Status, Trial, Verdict
from lmanet.space import load_space

NETWORKS = [load_architecture(name) for name in ("lmanet_elite", "lmanet_core", "qwnet_core")]
SAID = {"claim": "starts_wide", "channels": 16}
BRIEF = Brief(space=load_space("lmanet"), seed=0, images="photographs", num_classes=100, limits={})


@pytest.fixture
def reader(follow, monkeypatch):
    """The page is followed, and its class defined; afterwards nobody knows of it."""
    reader = follow("add-a-claim")
    monkeypatch.setattr(registry, "_kinds", dict(registry._kinds))
    monkeypatch.syspath_prepend(reader.folder / "plugin")
    importlib.import_module("starts_wide")
    yield reader
    del sys.modules["starts_wide"]


def trial(number, *claims):
    return Trial(
        number=number,
        status=Status.REJECTED,
        proposal=Proposal(
            proposer="m",
            architecture=NETWORKS[number],
            rationale=read_rationale({"claims": list(claims), "text": ""}),
        ),
        verdict=Verdict(accepted=False, cost=estimate(NETWORKS[number], 100)),
        seed=0,
        started_at="",
        seconds=1,
        elapsed_seconds=1,
    )


def test_a_claim_is_offered_in_schema_and_prompt(reader):
    schema = with_why({"enum": ["A"]}, BRIEF, 1, has_parent=False)

    def reply(claim):
        return {"choice": "A", "why": {"claims": [claim], "text": ""}}

    jsonschema.validate(reply(SAID), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(reply({**SAID, "channels": 17}), schema)
    assert '{"claim": "starts_wide", "channels": ' in claims_text(BRIEF)
    assert "stage 1 has at least so many channels" in claims_text(BRIEF)


def test_a_claim_is_read_from_a_reply_and_from_a_history(reader):
    told = trial(0, SAID, {**SAID, "channels": "16"})
    (claim,) = told.proposal.rationale.claims
    assert type(claim).__name__ == "StartsWide" and claim.channels == 16
    assert "channels" in told.proposal.rationale.faults[0]
    line = told.model_dump_json()
    assert SAID in json.loads(line)["proposal"]["rationale"]["claims"]
    assert Trial.model_validate_json(line) == told


def test_a_claim_is_worded_checked_and_counted(reader):
    widths = [network.stages[0].channels for network in NETWORKS]
    told = [trial(0, SAID), trial(1, {**SAID, "channels": widths[1] + 1}), trial(2)]
    true, false = (check_claims(one, told)[0] for one in told[:2])
    assert (true.truth, true.words) == (Truth.TRUE, "at least 16 channels in stage 1")
    assert (false.truth, false.reason) == (Truth.FALSE, f"stage 1 has {widths[1]} channels")
    (rate,) = (rate for rate in rates(told) if rate.kind == "starts_wide")
    assert (rate.true, rate.false, rate.form_known) == (1, 1, 2) and rate.chance is not None


def test_a_history_with_a_claim_that_nobody_defines_names_it(reader, monkeypatch):
    line = trial(0, SAID).model_dump_json()
    monkeypatch.delitem(registry._kinds, "starts_wide")
    with pytest.raises(ValidationError, match='claim="starts_wide" is unknown; legal are'):
        Trial.model_validate_json(line)


def test_a_name_that_another_claim_has_is_refused(reader):
    before = kinds()
    with pytest.raises(ConfigError, match=r"'starts_wide' is defined by starts_wide\.StartsWide"):
        type("Other", (before["starts_wide"],), {"__module__": "other"})
    assert kinds() == before and issubclass(before["starts_wide"], Claim)


@pytest.mark.slow
def test_the_command_of_the_page_knows_the_claim(reader):
    code = "import runpy; from lmanet.claims.claim import kinds; runpy.run_path('plugin/search.py')"
    seen = subprocess.run(
        [sys.executable, "-c", f"{code}; print('starts_wide' in kinds())"],
        cwd=reader.folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path, "plugin"])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert seen.stdout.strip() == "True"
