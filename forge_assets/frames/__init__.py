"""Tables of everything that is stored, as lazy polars frames, and SQL over them.

tables         what a table and a column are; which tables there are. Each game describes its own tables,
               next to its assets
runs           the tables of training runs, which all games share
files          the files behind a table: listed, checked by name and footer, without the test split
documents      the rows of JSON files
evaluations    tables of networks that a game judges by play
scan           a table as a lazy frame
totals         totals over the files of a catalog
query          SQL over all tables
metadata       what the assets tell Dagster about their tables
documentation  docs/tables.md

Only `scan`, `query`, `totals`, and functions that the others call import polars.
"""
