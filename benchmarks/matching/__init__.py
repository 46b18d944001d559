"""How well and how fast grants made before are found: a labelled world, peers, and the report on all of them."""
