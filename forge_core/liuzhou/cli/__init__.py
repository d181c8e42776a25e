"""The command line of Liuzhou."""
