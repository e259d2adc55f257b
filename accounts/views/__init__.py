"""Pages of an account that are not allauth's."""
