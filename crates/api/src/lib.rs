//! Wire types, error codes and statuses of the northbound contract.
