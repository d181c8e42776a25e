"""The command line of Skull King."""
