"""The decision: pure. No clock, randomness, logging, files, sockets or Kafka in here."""
