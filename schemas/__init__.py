"""What is allowed: feeds (pandera), instruments, studies and tables (YAML)."""
