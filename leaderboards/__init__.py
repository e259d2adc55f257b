"""What is shown: leaderboards from the results of one edition, kept as snapshots."""
