//! Simulated devices, applications and load.
