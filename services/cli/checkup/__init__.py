"""What `wayproof doctor` looks at, one subject a file."""
