"""A leaderboard as a report, made for the supplement of a paper: methods, results, how sure they
are, versions and citations. ``report_of`` makes it as data; the templates of the design document
render it as a page and as PDF.
"""

from leaderboards.report.building import report_of

__all__ = ["report_of"]
