"""scikit-learn's naive Bayes on words and bigrams: `train CORPUS MODEL`, or `classify MODEL DOCUMENTS`."""

import json
import pickle
import sys

from sklearn.feature_extraction.text import CountVectorizer
from sklearn.naive_bayes import MultinomialNB


def rows(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def train(corpus, model):
    examples = rows(corpus)
    vectorizer = CountVectorizer(ngram_range=(1, 2))
    counts = vectorizer.fit_transform(example["text"] for example in examples)
    bayes = MultinomialNB().fit(counts, [example["label"] for example in examples])
    with open(model, "wb") as file:
        pickle.dump((vectorizer, bayes), file)


def classify(model, documents):
    with open(model, "rb") as file:
        vectorizer, bayes = pickle.load(file)
    counts = vectorizer.transform(document["text"] for document in rows(documents))
    for label in bayes.classes_[bayes.predict_log_proba(counts).argmax(axis=1)]:
        print(label)


{"train": train, "classify": classify}[sys.argv[1]](*sys.argv[2:])
