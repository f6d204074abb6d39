"""Where the application's configuration lies, and the addresses of the contract."""
