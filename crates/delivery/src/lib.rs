//! The heart of Downlink: what a command is and what may happen to it.
