"""What a program tells about itself, read from the environment: logs and traces."""

import os
import pkgutil
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from settings import ConfigurationError


class LogSettings(BaseModel):
    """How a program logs, read from the environment."""

    model_config = ConfigDict(frozen=True)

    format: Literal["json", "text"] | None = None
    """`LOG_FORMAT`; `None` means text on a terminal, and JSON elsewhere."""
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """`LOG_LEVEL`: lines below it are not logged."""

    @classmethod
    def from_environment(cls) -> Self:
        """Read `LOG_FORMAT` and `LOG_LEVEL`, in small or capital letters.

        Raises:
            ConfigurationError: when there is no such format or level.
        """
        form, level = os.environ.get("LOG_FORMAT") or "", os.environ.get("LOG_LEVEL") or "INFO"
        try:
            return cls.model_validate({"format": form.lower() or None, "level": level.upper()})
        except ValidationError as error:
            wrong = error.errors()[0]  # its value is not shown: it may be a password in the wrong variable
            raise ConfigurationError(f"LOG_{str(wrong['loc'][0]).upper()}: {wrong['msg']}") from None


def wants_traces() -> bool:
    """Return whether OpenTelemetry's variables name a collector, and do not turn OpenTelemetry off.

    Raises:
        ConfigurationError: when they do, but OpenTelemetry is not installed.
    """
    collectors = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    off = (os.environ.get("OTEL_SDK_DISABLED") or "").lower() == "true"
    if off or not any(os.environ.get(one) for one in collectors):
        return False
    try:
        pkgutil.resolve_name("opentelemetry.exporter.otlp.proto.http")
    except ImportError:
        raise ConfigurationError(
            "A collector of traces is configured, but OpenTelemetry is not installed: "
            'install the extra "traces", or set OTEL_SDK_DISABLED=true'
        ) from None
    return True
