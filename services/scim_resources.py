"""Groups and users as a SCIM 2.0 server shows them, as far as this project reads them."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

EXTENSION = "urn:ietf:params:scim:schemas:extension:subscription:2.0:"
"""The extension of this project; the name of the resource type follows."""

_FIRST = datetime.min.replace(tzinfo=UTC)

# A server may write an attribute that has no value as `null`, or leave it out.
OrEmpty = BeforeValidator(lambda value: {} if value is None else value)
OrNothing = BeforeValidator(lambda value: [] if value is None else value)


class _Part(BaseModel):
    # Some servers write ids as numbers.
    model_config = ConfigDict(frozen=True, coerce_numbers_to_str=True)


class Meta(_Part):
    """What a server says of a resource."""

    created: datetime = _FIRST
    version: str | None = None
    """ETag; `None`: the server has none."""


class Extension(_Part):
    """The attributes of this project; a server need not have them."""

    seen: int = Field(0, alias="fencingToken")
    """The highest fencing token that has changed the resource."""


class ExtensionOfUser(Extension):
    """The attributes that a user of SCIM has not."""

    age: int | None = None
    group_id: str | None = Field(None, alias="groupId")
    """The group that this project has put the user in."""


class Member(_Part):
    """A member of a group."""

    value: str


class Resource(_Part):
    """A group or a user."""

    id: str
    external_id: str | None = Field(None, alias="externalId")
    """The id of the subscription, if this project has created it."""
    meta: Annotated[Meta, OrEmpty] = Meta()
    extension: Annotated[Extension, OrEmpty] = Extension()

    @property
    def rank(self) -> tuple[datetime, str]:
        """What resources with the same `externalId` are sorted by: the first of them counts."""
        created = self.meta.created
        return (created if created.tzinfo else created.replace(tzinfo=UTC)), self.id


class GroupResource(Resource):
    """A group."""

    name: str = Field(alias="displayName")
    members: Annotated[tuple[Member, ...], OrNothing] = ()
    extension: Annotated[Extension, OrEmpty] = Field(Extension(), alias=EXTENSION + "Group")


class UserResource(Resource):
    """A user."""

    name: str = Field(alias="userName")
    user_type: str | None = Field(None, alias="userType")
    extension: Annotated[ExtensionOfUser, OrEmpty] = Field(ExtensionOfUser(), alias=EXTENSION + "User")


class Page(_Part):
    """A part of a list."""

    total: int = Field(alias="totalResults")
    resources: Annotated[list[dict[str, Any]], OrNothing] = Field([], alias="Resources")


class Refusal(_Part):
    """How a server says no."""

    kind: str | None = Field(None, alias="scimType")
    detail: str | None = None


class ResourceType(_Part):
    """A type of resource, with the extensions that the server stores."""

    class Declared(_Part):
        """An extension."""

        urn: str = Field(alias="schema")

    name: str
    extensions: Annotated[tuple[Declared, ...], OrNothing] = Field((), alias="schemaExtensions")
