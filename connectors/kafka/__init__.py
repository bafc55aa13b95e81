"""Kafka: clients, settings, security, topics. The only place that uses private parts of aiokafka or Faust."""
