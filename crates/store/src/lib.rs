//! What is kept: reads and one commit; in memory or in SQLite.
