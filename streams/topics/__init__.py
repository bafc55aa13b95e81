"""The topics: the table of them, making them on a broker, and the page that documents them."""

from streams.topics.creation import Outcome, State, TopicsUnfitError, ensure, inspect, prepare
from streams.topics.specs import TOPICS, TopicSpec, specs

__all__ = ["TOPICS", "Outcome", "State", "TopicSpec", "TopicsUnfitError", "ensure", "inspect", "prepare", "specs"]
