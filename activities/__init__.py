"""How the steps of a process touch the world: the database and the external systems."""
