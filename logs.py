"""The log of a program: one JSON object for each line, or text for a person who watches."""

import json
import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from types import NoneType
from typing import Any

from temporalio import activity, workflow
from temporalio.exceptions import ApplicationError
from temporalio.runtime import LogForwardingConfig, LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter

from orchestrator.domain.errors import DatabaseIsOlder, DomainError
from orchestrator.domain.text import spelled
from orchestrator.temporal.log_context import current_fields
from services.errors import ExternalSystemUnavailable
from telemetry_settings import LogSettings

WORDED = (DomainError, DatabaseIsOlder, ExternalSystemUnavailable)
"""Errors whose message is written for people: a traceback adds nothing."""

QUIET = ("temporalio", "asyncio", "asyncpg", "urllib3", "httpx2", "httpcore2", "alembic")
"""Libraries that log nothing of use to an operator below WARNING; at DEBUG the SDK logs every payload."""

_FAILED = {"ActivityFailure": "the attempt failed", "WorkflowTaskFailure": "the workflow task failed"}
"""How we say what the SDK logs of a failure, by the mark that it leaves on the record."""

_ORDINARY = frozenset(logging.makeLogRecord({}).__dict__) | {
    *("message", "asctime", "fields", "temporal_log", "temporal_workflow", "__temporal_error_identifier"),
}
"""What every record has, or what is logged in another form; the rest came as `extra`."""


def configure_logs(settings: LogSettings) -> None:
    """Log to stderr: as JSON unless it is a terminal, or as the settings say.

    The SDK's core does so, too: this sets the default runtime of the SDK. A process that logs already keeps
    its way, as with `logging.basicConfig`.
    """
    if logging.getLogger().handlers:
        return
    as_text = sys.stderr.isatty() if settings.format is None else settings.format == "text"
    handler = logging.StreamHandler()
    handler.addFilter(complete)
    handler.setFormatter(TextFormatter() if as_text else JsonFormatter())
    logging.basicConfig(level=settings.level, handlers=[handler])
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(settings.level)))
    logging.getLogger("opentelemetry").setLevel(logging.ERROR)  # it warns at each attempt to send
    # The fields say it already.
    activity.logger.activity_info_on_message = activity.logger.activity_info_on_extra = False
    workflow.logger.workflow_info_on_message = workflow.logger.workflow_info_on_extra = False
    logging.captureWarnings(True)  # noqa: FBT003  # the signature of the standard library
    sys.excepthook = _log_uncaught
    Runtime.set_default(Runtime(telemetry=TelemetryConfig(logging=core_logs())))


def complete(record: logging.LogRecord) -> bool:
    """Add what is known of the process that a record belongs to; word the SDK's failures as ours."""
    task = getattr(record, "temporal_workflow", None)  # logged by the SDK after the workflow's own code
    record.fields = current_fields() if task is None else _of_task(task)
    failed = _FAILED.get(getattr(record, "__temporal_error_identifier", ""))
    error = record.exc_info[1] if record.exc_info else None
    if failed is not None and error is not None:
        record.msg, record.args = "%s: %s", (failed, _reason(error))
    return True


def _of_task(task: Mapping[str, Any]) -> dict[str, Any]:
    return {"process_id": task["workflow_id"], "run_id": task["run_id"], "workflow": task["workflow_type"]}


class JsonFormatter(logging.Formatter):
    """Formats a record as one JSON object in one line of ASCII, whatever is in it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and (error := record.exc_info[1]) is not None:
            line["error"] = _type(error)
            if not _is_told(error):
                line["traceback"] = self.formatException(record.exc_info)
        extras = {name: _plain(value) for name, value in record.__dict__.items() if name not in _ORDINARY}
        return json.dumps(extras | line)


class TextFormatter(logging.Formatter):
    """Formats a record for a person: when, how bad, what, and in brackets which step of which process."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and the lines of a traceback if the reason alone does not explain it."""
        fields = getattr(record, "fields", {})
        shown = [str(fields[name]) for name in ("process_id", "step") if name in fields]
        if fields.get("attempt", 1) > 1:
            shown.append(f"attempt {fields['attempt']}")
        which = f" [{' '.join(shown)}]" if shown else ""
        record.asctime, record.message = self.formatTime(record), spelled(_message(record) + which)
        lines = [self.formatMessage(record)]
        if record.exc_info and (error := record.exc_info[1]) is not None and not _is_told(error):
            lines += [spelled(line) for line in self.formatException(record.exc_info).splitlines()]
        return "\n".join(lines)


def core_logs() -> LoggingConfig:
    """Return how a runtime of the SDK logs: through Python's logging, as everything else."""
    forwarding = LogForwardingConfig(logging.getLogger("temporalio"), prepend_target_on_message=False)
    return LoggingConfig(TelemetryFilter(core_level="WARN", other_level="ERROR"), forwarding=forwarding)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001  # a line that cannot be formatted must not be lost
        return f"{_shown(record.msg)} {_shown(record.args)}"


def _plain(value: Any) -> str | int | None:
    return value if isinstance(value, (str, int, NoneType)) else _shown(value)


def _shown(value: Any) -> str:
    try:
        return value.hex() if isinstance(value, (bytes, bytearray)) else str(value)
    except Exception:  # noqa: BLE001  # whatever an object does when it is shown
        return f"<{type(value).__name__}>"


def _type(error: BaseException) -> str:
    return (error.type if isinstance(error, ApplicationError) else None) or type(error).__name__


def _reason(error: BaseException) -> str:
    text = error.message if isinstance(error, ApplicationError) else _shown(error)
    return text if _is_told(error) else f"{type(error).__name__}: {text}"


def _is_told(error: BaseException) -> bool:
    """Return whether the message tells all: the reason was worded for people, its traceback is ours."""
    if isinstance(error, ApplicationError):
        return error.non_retryable or isinstance(error.__cause__, WORDED)
    return isinstance(error, WORDED)


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    logging.getLogger("worker").critical("the program ends: %s", error, exc_info=(kind, error, trace))
