"""Kafka: clients, settings, security, topics.

Private parts of aiokafka and Faust are used here alone, in `private_aiokafka` and `private_faust`.
"""
