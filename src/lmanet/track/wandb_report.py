"""A report at W&B, made by its API: the front, the search and the trainings of one run."""

import warnings
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from lmanet.errors import ConfigError
from lmanet.run.records import Status

TITLE = "lmanet: what a search has found"
TABLES = ("front", "results", "deployments", "claim_rates", "design_rules")


def save_report(
    entity: str, project: str, run_id: str, curves: Sequence[str], url: str | None = None
) -> str:
    """Make the report in ``project`` and save it; gives its address.

    Args:
        run_id: of the run to which the report's panels are restricted.
        curves: groups of the trainings' metrics: ``distill/<network>-<seed>``.
        url: of a report that is written anew.

    Raises:
        ConfigError: wandb-workspaces is missing.
    """
    api = reports_api()
    report = (
        api.Report.from_url(url) if url else api.Report(project=project, entity=entity, title=TITLE)
    )
    report.blocks = blocks(api, project, entity, run_id, curves)
    report.save()
    return str(report.url)


def reports_api() -> Any:
    """The package's module for reports.

    Raises:
        ConfigError: wandb-workspaces is missing.
    """
    with warnings.catch_warnings():
        # of the package's own classes
        warnings.filterwarnings("ignore", message="Pydantic V1 style")
        try:
            return import_module("wandb_workspaces.reports.v2")
        except ImportError as error:
            raise ConfigError(
                "a W&B report needs the package wandb-workspaces: pip install 'lmanet[wandb]', or "
                "track.wandb.report=false"
            ) from error


def blocks(api: Any, project: str, entity: str, run_id: str, curves: Sequence[str]) -> list[Any]:
    """The report's blocks; nothing is asked of W&B."""

    def grid(panels: list[Any]) -> Any:
        runs = api.Runset(
            project=project, entity=entity, name=run_id, filters=f"Metric('ID') = '{run_id}'"
        )
        return api.PanelGrid(runsets=[runs], panels=panels)

    search = [
        api.LinePlot(title="Hypervolume", x="trial", y=["hypervolume"]),
        api.LinePlot(
            title="Validation accuracy of each candidate", x="trial", y=["score/val_accuracy"]
        ),
        api.LinePlot(
            title="How candidates ended", x="trial", y=[f"status/{status}" for status in Status]
        ),
        api.CustomChart(
            query={"summaryTable": {"tableKey": "front"}},
            chart_name="wandb/scatter/v0",
            chart_fields={"x": "MACs", "y": "validation accuracy"},
            chart_strings={"title": "Pareto front"},
        ),
        api.ScatterPlot(
            title="Accuracy of every candidate over MACs", x="cost/macs", y="score/val_accuracy"
        ),
    ]
    trainings = [
        api.LinePlot(
            title=f"Training {group}",
            x=f"{group}/epoch",
            y=[f"{group}/val_accuracy", f"{group}/train_loss", f"{group}/val_loss"],
        )
        for group in curves
    ]
    tables = [api.WeavePanelSummaryTable(table_name=name) for name in TABLES]
    made = [api.H1(text=TITLE), api.TableOfContents(), api.H2(text="The search"), grid(search)]
    made += [api.H2(text="Trainings to the end"), grid(trainings)] if trainings else []
    return [*made, api.H2(text="Tables"), grid(tables)]
