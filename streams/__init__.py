"""The processors: from request events on Kafka to gate decisions on Kafka."""

__version__ = "0.1.0"
