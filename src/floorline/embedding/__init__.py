"""Texts as vectors, and the stored ones nearest to a text.

    embedder   the seam: what makes a vector of a text, and what it says of it
    vector     what it makes
    lexical    without a model: what two texts have in common of their letters
    sentences  a sentence model in ONNX, on this machine
    index      vectors by key, exact while they are few, a graph beyond

A model that an endpoint serves is a call of the gateway's own: `gateway/semantic/embedding.py`.
"""
