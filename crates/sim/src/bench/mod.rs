//! Measurements of the real server.
