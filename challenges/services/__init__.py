"""Every write of what is asked."""
