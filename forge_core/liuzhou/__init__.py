"""Liuzhou (六洲棋), a board game for two on 6x6 cells; in dependency order, see docs/architecture.md."""
