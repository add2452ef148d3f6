"""The base of all records that stand in files."""

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """Frozen, and an unknown key in a file is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
