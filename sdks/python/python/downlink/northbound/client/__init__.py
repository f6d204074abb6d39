"""The client, its services and their data objects."""
