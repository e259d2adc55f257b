"""Run one untrusted container on one case. Knows the Docker SDK and no Django."""
