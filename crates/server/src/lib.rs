//! Acts: north, dispatch, south.
