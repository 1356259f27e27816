"""What networks are measured against: forests, boosting, a linear machine; fitted in memory, stored as arrays."""
