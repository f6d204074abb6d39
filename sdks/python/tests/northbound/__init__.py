"""Tests of `downlink.northbound`."""
