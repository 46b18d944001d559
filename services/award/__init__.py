"""From computation to the published list, and what stands behind it."""
