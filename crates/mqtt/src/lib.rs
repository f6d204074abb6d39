//! The server side of an MQTT session, without I/O and without a clock.
