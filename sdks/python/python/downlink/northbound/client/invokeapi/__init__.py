"""The services of the platform, one module per class."""
