"""Find and remove what is old and needed by nothing."""
