"""The words of the topics of Python's language reference."""

import imgnmf
from imgnmf.topics import find_topics, python_reference

words = find_topics(python_reference(), 12).top_words(8)
imgnmf.viz.save_figure("topic_words.png", imgnmf.viz.topic_words(words, columns=4))
