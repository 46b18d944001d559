"""How fast awards are computed, and whether to the fen: made-up applications, peers, and the report on all of them."""
