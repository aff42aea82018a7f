"""What Dagster runs, by capability, in files of the same names: assets, checks, jobs, schedules, sensors.

Owns when something runs and what the UI shows; whatever is defined in one of these files is served. Does not own what
it does: that is in the capability's own package.
"""
