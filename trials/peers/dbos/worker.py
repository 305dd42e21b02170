"""A worker process of DBOS: it takes workflows from the queue."""

import os
import threading
from pathlib import Path

from application import launch

launch()
Path(os.environ["PEER_READY"]).touch()
threading.Event().wait()
