"""Python's language reference, taken apart into topics."""

import imgnmf
from imgnmf.topics import find_topics, python_reference

model = find_topics(python_reference(), 12)
labels = [", ".join(word for word, _ in words) for words in model.top_words(3)]
figure = imgnmf.viz.topic_documents(
    model.shares(), labels=labels, names=model.names, title="12 topics of Python's language reference"
)
imgnmf.viz.save_figure("topics.png", figure)
