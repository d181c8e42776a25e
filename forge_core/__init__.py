"""Games, their exact oracles, and training on them. Nothing in this package depends on orchestration."""
