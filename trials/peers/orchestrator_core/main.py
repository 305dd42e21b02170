"""The command line of orchestrator-core, which migrates its database."""

from nwastdlib.logging import initialise_logging
from orchestrator.core import app_settings
from orchestrator.core.cli.main import app as core_cli
from orchestrator.core.db import init_database
from orchestrator.core.log_config import LOGGER_OVERRIDES

initialise_logging(LOGGER_OVERRIDES)
init_database(app_settings)
core_cli()
