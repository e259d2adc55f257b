"""The same work for many things, in as many processes as are given."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

Thing = TypeVar("Thing")
Done = TypeVar("Done")


def pooled(
    work: Callable[[Thing], Done], things: Sequence[Thing], processes: int
) -> Iterator[Done]:
    """``work`` of each, in order; in this process where there is to be only one."""
    if processes == 1:
        yield from map(work, things)
        return
    # Spawned, not forked: the parent may hold a database connection.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        try:
            yield from pool.map(work, things)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
