"""How fast it is: each module measures one thing beside a peer or the physical limit in the same run, by ratio."""
