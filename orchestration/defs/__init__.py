"""What Dagster runs, by capability, in files of the same names: assets, checks, jobs, schedules, sensors.

Whatever is defined in one of them is served. What it does lies in the capability's own package.
"""
