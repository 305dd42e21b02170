"""What operators do beside processes: find out what is lost, and set in sync what nothing holds any more."""
