"""The flows: order, fan-out and gates of the yearly cycle, on Prefect. No business rule."""
