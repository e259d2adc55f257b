"""Every write of what is answered. The web imports ``uploads`` and ``lifecycle`` only: ``running``
loads the Docker SDK, and belongs to workers."""
