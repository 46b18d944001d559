"""After an award was paid: self-assessments, inspections, what has to be returned, and who may not apply."""
