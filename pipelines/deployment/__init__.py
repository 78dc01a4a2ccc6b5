"""Where and how this installation runs: settings that are not part of the protocol."""
