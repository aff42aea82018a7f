"""What a monitoring system asks: the figures of `warehouse/operations` and of this process, for Prometheus.

Owns the names and bounds of metrics, and who may read them. Does not own what is alarming: `deploy/prometheus`.
"""
