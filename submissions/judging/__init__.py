"""What is asked of a run, and what becomes of it: the same on the server and under `uptake try`.

Knows neither database nor settings, so that nothing here can differ between the two.
"""
