"""Who acts, may act and comes in: users, roles and rights, signing in, what somebody may see."""
