"""Tables on the best network: its parts and operators, what one change would do, what its blocks
contribute, what it confuses.
"""

from lmanet.explain.facts.best import BestNetwork
from lmanet.explain.facts.neighbours import Surroundings
from lmanet.explain.tables.table import Column, Table, column
from lmanet.run.quantities import FLASH, LATENCY, MACS, PARAMS, SRAM, computed
from lmanet.run.results import Examination

MOST_CONFUSED = 10


def network_tables(best: BestNetwork) -> list[Table]:
    """All that shapes and history say of a network."""
    tables = [_limits(best), _parts(best), _operators(best)]
    return [*tables, _neighbours(best.around)] if best.around else tables


def examination_tables(found: Examination) -> list[Table]:
    """What a trained network does."""
    return [_blocks(found), _looks(found), _confused(found)]


def _limits(best: BestNetwork) -> Table:
    columns = (
        Column("quantity", "quantity", "code"),
        Column("given", "network", "count"),
        Column("limit", "limit", "count"),
    )
    rows = [(row.quantity, row.given, row.limit, row.share) for row in best.limits]
    return Table(
        "limits",
        "What the best network takes of each limit",
        (*columns, Column("share", "share of the limit", "share")),
        rows,
    )


def _parts(best: BestNetwork) -> Table:
    columns = (
        Column("part", "part"),
        Column("setting", "setting"),
        Column("out_shape", "output (channels x height x width)"),
        *map(column, (MACS, PARAMS, FLASH, SRAM)),
    )
    rows = [
        (
            part.cost.name,
            part.setting,
            _shape(part.cost.out_shape),
            part.cost.macs,
            part.cost.params,
            part.cost.flash_bytes,
            part.cost.peak_sram_bytes,
        )
        for part in best.parts
    ]
    return Table("parts", "The best network, part by part", columns, rows)


def _operators(best: BestNetwork) -> Table:
    columns = (
        Column("operator", "operator", "code"),
        Column("kind", "kind"),
        Column("out_shape", "output (channels x height x width)"),
        Column("macs", "MACs", "count"),
        Column("params", "parameters", "count"),
        Column("flash_bytes", "flash (bytes)", "count"),
        Column("sram_bytes", "SRAM in use (bytes)", "count"),
        Column("is_peak", "sets the peak"),
        Column("estimated_instructions", "instructions, estimated", "count"),
        Column("estimated_latency_low_ms", "latency from (ms), estimated", "decimal2"),
        Column("estimated_latency_high_ms", "to (ms)", "decimal2"),
        Column("fused_with", "runs within the call of", "code"),
    )
    rows = [
        (
            row.name,
            row.kind,
            _shape(row.out_shape),
            row.macs,
            row.params,
            row.flash_bytes,
            row.sram_bytes,
            row.is_peak,
            row.estimated_instructions,
            *(row.latency_ms or (None, None)),
            row.fused_with,
        )
        for row in best.operators
    ]
    return Table("operators", "The best network, operator by operator", columns, rows)


def _neighbours(here: Surroundings) -> Table:
    columns = (
        Column("change", "change", "code"),
        Column("network", "network", "code"),
        Column("macs_change", MACS.title, "change"),
        Column("peak_sram_change", SRAM.title, "change"),
        Column("flash_change", FLASH.title, "change"),
        Column("params_change", PARAMS.title, "change"),
        Column("latency_change", LATENCY.title, "change"),
        *(Column(f"{each.name}_change", each.title, "change") for each in computed()),
        Column("fits", "keeps all limits"),
        Column("val_accuracy", "accuracy, where trained", "share"),
    )
    shown = (MACS, SRAM, FLASH, PARAMS, LATENCY, *computed())
    rows = [
        (
            row.change,
            row.id,
            *(_relative(each.of(row.cost), each.of(here.cost)) for each in shown),
            row.fits,
            row.val_accuracy,
        )
        for row in here.rows
    ]
    return Table("neighbours", "What one change would do", columns, rows)


def _blocks(found: Examination) -> Table:
    columns = (
        Column("block", "block skipped", "code"),
        Column("stand_in", "in its place"),
        Column("val_accuracy", "accuracy without it", "share"),
        Column("accuracy_loss", "lost (points)", "points"),
        Column("low", "95 % interval from", "points"),
        Column("high", "to", "points"),
    )
    rows = [
        (row.part, row.stand_in, row.val_accuracy, row.accuracy_loss, row.low, row.high)
        for row in found.skipped
    ]
    return Table("blocks", "What each block contributes", columns, rows)


def _looks(found: Examination) -> Table:
    """The images whose maps are shown, in their order."""
    columns = (
        Column("label", "image of"),
        Column("predicted", "taken for"),
        Column("right", "right"),
        Column("probability", "probability of that class", "share"),
    )
    looks = sorted(found.saliency, key=lambda look: not look.is_right)
    return Table(
        "looks",
        "The images shown",
        columns,
        [(look.label, look.predicted, look.is_right, look.probability) for look in looks],
    )


def _confused(found: Examination) -> Table:
    """Pairs of classes, the most frequent confusion first."""
    columns = (
        Column("label", "image of"),
        Column("predicted", "taken for"),
        Column("images", "images", "count"),
        Column("share", "share of the class", "share"),
    )
    pairs = [
        (found.classes[true], found.classes[given], count, count / sum(row))
        for true, row in enumerate(found.confusion)
        for given, count in enumerate(row)
        if count and true != given
    ]
    pairs.sort(key=lambda pair: (-pair[2], -pair[3]))
    return Table("confused", "What is most often confused", columns, pairs[:MOST_CONFUSED])


def _shape(shape: tuple[int, int, int]) -> str:
    return " x ".join(map(str, shape))


def _relative(given: float | None, own: float | None) -> float | None:
    """Change as a share of the network's own."""
    return None if given is None or not own else given / own - 1
