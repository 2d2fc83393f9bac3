"""Texts whose topics are known."""

from __future__ import annotations

import numpy as np

TOPICS = (
    ("cat", "dog", "horse", "cow", "goat", "sheep"),
    ("bus", "car", "train", "tram", "ship", "plane"),
    ("bread", "milk", "cheese", "apple", "pear", "plum"),
)
WORDS = tuple(word for topic in TOPICS for word in topic)


def texts(n=60, length=40, seed=0):
    """Each mostly of one topic, with a fifth of another."""
    rng = np.random.default_rng(seed)
    return [" ".join(_word(rng, i % 3) for _ in range(length)) for i in range(n)]


def _word(rng, topic):
    topic = (topic + 1) % 3 if rng.random() < 0.2 else topic
    return TOPICS[topic][int(6 * rng.random() ** 2)]


def planted_W(vocabulary):
    """1 where a word belongs to a topic."""
    return np.array([[word in topic for topic in TOPICS] for word in vocabulary], float)
