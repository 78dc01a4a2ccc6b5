"""Mutation testing of the scoring: what small mistakes in it would nobody notice? Run by `make mutants`."""
