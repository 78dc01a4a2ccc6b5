"""From a file that nobody here has seen to a mapping that a person can confirm."""
