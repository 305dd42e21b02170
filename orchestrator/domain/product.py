"""The products that customers subscribe to."""

from pydantic import BaseModel, ConfigDict


class Product(BaseModel):
    """A product. Its row in the database has the same values; a test compares them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    type: str
    """The product type, which selects the model classes."""
    tag: str
    description: str
