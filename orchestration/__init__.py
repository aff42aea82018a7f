"""When, for whom, and what is shown and posted: Dagster, the command line, and what they share."""
