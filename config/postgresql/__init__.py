"""PostgreSQL with one writer at a time, so that what holds on SQLite holds there too."""
