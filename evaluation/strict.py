"""The base of what people write: strict, so that a misspelt key is an error."""

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """Unknown keys, wrong types and infinity are refused; values cannot be changed afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
