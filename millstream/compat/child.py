"""Imported first in processes that `multiprocessing` starts afresh (spawn, forkserver): they serve `tensorflow` as their parent does."""

from millstream.compat.installing import install

install()
