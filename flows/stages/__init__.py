"""The stages of the cycle: a flow each, and the table that names them."""
