"""The use of the Temporal SDK: connection, payloads, interceptors, sandbox, search attributes."""
