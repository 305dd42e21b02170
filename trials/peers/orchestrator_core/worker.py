"""An API process of orchestrator-core, which runs the processes that it starts in its thread pool."""

import asyncio
import os
import socket
from pathlib import Path

import uvicorn
from orchestrator.core import OrchestratorCore
from orchestrator.core.settings import app_settings
from orchestrator.core.workflows import LazyWorkflowInstance

LazyWorkflowInstance("user_group", "create_user_group")

app = OrchestratorCore(base_settings=app_settings)
app.register_graphql()


class Server(uvicorn.Server):
    """A server that says when it listens."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so."""
        await super().startup(sockets)
        Path(os.environ["PEER_READY"]).touch()


port = int(os.environ["PEER_PORTS"].split(",")[int(os.environ["PEER_NUMBER"]) - 1])
config = uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None)
asyncio.run(Server(config).serve())
