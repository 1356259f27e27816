"""The networks: the bank and the user's own."""
