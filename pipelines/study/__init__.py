"""The protocol and the instruments as typed models, read from YAML."""
