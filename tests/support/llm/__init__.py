"""Language models on loopback: servers that speak the vendors' wire formats."""
