"""Liuzhou (六洲棋), from its rules up; `pyproject.toml` lists its layers.

rules, state and notation say what a position is and what may be done in it; game is the door for
search, environments and players.
"""
