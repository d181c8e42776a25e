"""A pretended GPU: tensors that say `cuda:0`, compute on the CPU, and count synchronisations.

On a real card, tensors of two devices do not mix, and the host waits whenever it reads a result
or copies data to the device. Here the first raises an error and the second is counted, so that
both are tested without a card. Triton kernels are not covered.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map

CARD = torch.device("cuda:0")

_READS = {Tensor.item, Tensor.tolist, Tensor.__bool__, Tensor.__int__, Tensor.__float__, Tensor.__index__}
_SIZED_BY_CONTENT = {
    Tensor.nonzero,
    torch.nonzero,
    Tensor.masked_select,
    torch.masked_select,
    torch.unique,
    torch.unique_consecutive,
    Tensor.unique,
    Tensor.unique_consecutive,
    torch.repeat_interleave,
}
_ON_HOST = {Tensor.numpy, Tensor.__array__}
_WHERE = {Tensor.device.__get__, Tensor.is_cuda.__get__, Tensor.is_cpu.__get__}  # pyright: ignore
_INDEXING = {Tensor.__getitem__, Tensor.__setitem__}


class WrongDevice(RuntimeError):
    """An operation that a real card would refuse."""


class OnCard(Tensor):
    """A tensor on the pretended card."""

    __module__ = "torch"  # by which tensors are told from arrays where torch may not be imported yet

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _call(func, args, kwargs or {})


class Card(TorchFunctionMode):
    """A context in which `cuda:0` may be named. `waits`: synchronisations, by function."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: Counter[tuple[str, str]] = Counter()

    def wait(self, what: str) -> None:
        """Count one synchronisation, with the function of the project that caused it."""
        frame = sys._getframe(1)
        while frame.f_back and "forge_core" not in frame.f_code.co_filename:
            frame = frame.f_back
        self.waits[what, f"{Path(frame.f_code.co_filename).stem}.{frame.f_code.co_name}"] += 1

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _call(func, args, kwargs or {}, self)


_entered: list[Card] = []


@contextmanager
def pretended_card() -> Iterator[Card]:
    """Pretend that there is a card for the length of a `with` block."""
    with Card() as card:
        _entered.append(card)
        try:
            yield card
        finally:
            _entered.pop()


def _call(func: Any, args: Any, kwargs: dict[str, Any], card: Card | None = None) -> Any:
    """Execute one call of torch as a card would."""
    card = card or _entered[-1]
    if func in (Tensor.device.__get__, Tensor.is_cuda.__get__, Tensor.is_cpu.__get__):  # pyright: ignore
        mine = isinstance(args[0], OnCard)
        if func == Tensor.device.__get__:  # pyright: ignore
            return CARD if mine else _plainly(func, args, kwargs)
        return mine == (func == Tensor.is_cuda.__get__)  # pyright: ignore
    leaves = tree_leaves((args, kwargs))
    tensors = [leaf for leaf in leaves if isinstance(leaf, Tensor)]
    on_card = any(isinstance(tensor, OnCard) for tensor in tensors)
    if func in _ON_HOST and on_card:
        raise WrongDevice(f"{func.__name__} of a tensor on the card: copy it to the host first")
    target = _asked_for(func, args, kwargs)
    if target is not None:
        on_host = tree_map(lambda x: torch.device("cpu") if _is_device(x) else x, (args, kwargs))
        out = args[0] if func is Tensor.cuda else _plainly(func, *on_host)
        if target.type == "cpu":
            if on_card:
                card.wait("copied to the host")
            return tree_map(lambda x: x.as_subclass(Tensor) if isinstance(x, OnCard) else x, out)
        if (
            not on_card
            and not _is_unawaited(func, args, kwargs)
            and (tensors or any(isinstance(leaf, np.ndarray | list) for leaf in leaves))
        ):
            card.wait("copied to the card")
        return _wrapped(out)
    if func is Tensor.pin_memory:
        pinned = args[0].detach()
        pinned.is_pinned_here = True
        return pinned
    if not on_card:
        return _plainly(func, args, kwargs)
    plain = [t for t in tensors if not isinstance(t, OnCard) and t.dim() > 0]
    if plain and func not in _INDEXING:
        raise WrongDevice(f"{getattr(func, '__name__', func)}: a tensor on the host beside one on the card")
    if plain or (func in _INDEXING and any(isinstance(leaf, np.ndarray | list) for leaf in leaves)):
        card.wait("copied to the card")
    if func in _READS:
        card.wait("read by the host")
    elif func in _SIZED_BY_CONTENT or (func in _INDEXING and _has_mask(args[1])):
        card.wait("sized by content")
    return _wrapped(_plainly(func, args, kwargs)) if func not in _READS else _plainly(func, args, kwargs)


def _plainly(func: Any, args: Any, kwargs: Any) -> Any:
    with torch._C.DisableTorchFunction():
        return func(*args, **kwargs)


def _wrapped(out: Any) -> Any:
    return tree_map(lambda x: x.as_subclass(OnCard) if isinstance(x, Tensor) else x, out)


def _is_device(x: Any) -> bool:
    return isinstance(x, torch.device) or (isinstance(x, str) and x.split(":")[0] in ("cpu", "cuda"))


def _asked_for(func: Any, args: Any, kwargs: dict[str, Any]) -> torch.device | None:
    """Return the device that a call names, if any."""
    if func is Tensor.cpu:
        return torch.device("cpu")
    if func is Tensor.cuda:
        return CARD
    if kwargs.get("device") is not None:
        return torch.device(kwargs["device"])
    if func is Tensor.to:
        return next((torch.device(x) for x in args[1:] if _is_device(x)), None)
    return None


def _is_unawaited(func: Any, args: Any, kwargs: dict[str, Any]) -> bool:
    """Return True for a copy that the host does not wait for: from pinned memory, and not blocking."""
    pinned = func is Tensor.to and getattr(args[0], "is_pinned_here", False)
    return pinned and kwargs.get("non_blocking", False)


def _has_mask(index: Any) -> bool:
    return any(isinstance(x, Tensor) and x.dtype == torch.bool and x.dim() for x in tree_leaves(index))


def to_card(module: nn.Module) -> Any:
    """Return the module with its parameters and buffers on the card."""
    with torch._C.DisableTorchFunction():
        for part in module.modules():
            for name, parameter in part._parameters.items():
                if parameter is not None:
                    there: Any = parameter.detach().as_subclass(OnCard)
                    there.requires_grad_(parameter.requires_grad)._is_param = True
                    part._parameters[name] = there
            for name, buffer in part._buffers.items():
                if buffer is not None:
                    part._buffers[name] = buffer.as_subclass(OnCard)
    return module
