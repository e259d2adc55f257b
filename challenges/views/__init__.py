"""Pages of what is asked: thin, over services, selectors and policies."""
