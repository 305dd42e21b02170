"""How this project uses the Temporal SDK: connection, payloads, interceptors, sandbox, search attributes."""
