"""What a monitoring system is given: figures of `warehouse/operations` and of this process, traces, lines of logs.

Owns the names and bounds of metrics, who may read them, and what a trace or a line may say. Does not own what is
alarming: `deploy/prometheus`.
"""
