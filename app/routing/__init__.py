"""Source and policy to session key: pure, without I/O."""
