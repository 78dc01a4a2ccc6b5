"""The commands of `ict-trial` that are more than a few lines, one file a noun."""
