"""What several tests share: fixtures and the real parts that they start."""
