"""Counties, bureaus and the panel: what they are asked and what they answer."""
