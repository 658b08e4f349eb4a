"""What `compare`, `compare-cluster` and `hold` are made of. README.md beside this folder says what they measure."""
