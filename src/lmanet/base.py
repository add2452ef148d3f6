"""The base of all records that stand in files, and the one that several of them bear."""

from pydantic import BaseModel, ConfigDict

# Begins the checksum of images in ``settings.json``; the first form had no beginning.
CHECKSUM_FORM = "2:"


class Record(BaseModel):
    """Frozen, and an unknown key in a file is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Notice(Record):
    """Something that is off and no error: a result that looks right and may mean nothing.

    Attributes:
        kind: ``one_class``, ``constant_pixels``, ``few_validation_images``, ...: one word for each sort, the same in every run.
        text: one sentence: what was seen, and what it means or what to do.
    """

    kind: str
    text: str
