"""Helpers that applications use beside the services."""
