"""Games of Skull King as rows of int64, and the rules on batches of them.

layout (columns of a row), kernels and dealing (numba), tensors (torch), view (what a seat may know), observe
(inputs of networks), doors (the functions that take either kind of array).
"""
