//! A client of the northbound contract.
