"""The figures: what is measured, against which target, and against a baseline measured in the same run."""
