"""Settings and the data that the bureau owns: policies, the cycle's stages, the calendar, samples."""
