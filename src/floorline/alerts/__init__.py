"""Rules over margins: what has to be looked at, why, and what became of it. Pure."""
