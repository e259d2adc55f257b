"""A container on a developer's own machine, as it would run on the server: no database, no broker.

Everything that decides is ``submissions.judging`` and ``submissions.sandbox``, as on the server;
here is only what a server has and a developer's machine has not.
"""
