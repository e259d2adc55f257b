"""A result's evidence: what a score was reckoned of, signed by the server that reckoned it.

``keys`` and ``signed`` know no framework, so that ``./uptake verify`` needs no platform.
"""
