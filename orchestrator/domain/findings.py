"""What the validation of all subscriptions finds."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

FindingKind = Literal["discrepancies", "refused", "failed"]
"""Why a subscription is not known to be in sync: it differs from its external system; the gate refused the
validation, or its product has none; the validation has not ended in time, or not as it should."""


class Finding(BaseModel):
    """A subscription that the validation of all has not found in sync."""

    model_config = ConfigDict(frozen=True)

    subscription_id: UUID
    kind: FindingKind
