"""What can be subscribed to."""

from pydantic import BaseModel, ConfigDict


class Product(BaseModel):
    """A product; its row in the database has the same values (a test compares them)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    type: str
    """The product type: names the model classes."""
    tag: str
    description: str
