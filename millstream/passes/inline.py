"""Write control flow out where that is quicker than calling bodies: the rules by which `expand` does it.

    Before   %4 = cond(%1, %2, %3; a + b, a - b)        After   %5 = add(%2, %3);  %6 = subtract(%2, %3);  %4 = select(%1, %5, %6)
             a loop of three rounds                              three times its body
Here because: a body that is called costs microseconds, and nothing fuses across its border. Only short loops whose number
of rounds is known are written out, and only choices between a few elementwise ops that cannot fail.
Keeps: every value up to rounding.
"""

from typing import Any

from millstream.graph.control import COND, WHILE, Body
from millstream.graph.graph import LEAVES
from millstream.graph.trace import GraphTensor
from millstream.graph.unroll import known, rounds, run
from millstream.ops.math.comparison import select

FEW, SMALL = 24, 65_536  # ops and elements up to which both ways are computed
_RISKY = ("div", "mod", "pow", "shift")  # of whole numbers: what the way not taken must not do


def _cond(*inputs: Any, true: Body, false: Body) -> Any:
    test = known(inputs[0])
    if not isinstance(test, GraphTensor):
        return tuple(run(true if bool(test) else false, inputs))
    if not all(map(_is_harmless, (true, false))):
        return None
    pairs = zip(run(true, inputs), run(false, inputs), strict=True)
    return tuple(a if a is b else select(test, a, b) for a, b in pairs)


def _is_harmless(body: Body) -> bool:
    work = [n for n in body.graph.live() if n.op not in LEAVES]
    if len(work) > FEW or any(
        type(n.spec) is tuple or n.spec.size > SMALL or n.spec.dtype.numpy.kind not in "fiub" for n in body.graph.live()
    ):
        return False
    return not any(
        not n.op.rules.keys() & {"scalar", "view", "reduction"}
        or (n.spec.dtype.numpy.kind in "iu" and any(word in n.op.name for word in _RISKY))
        for n in work
    )


def _while(*inputs: Any, test: Body, body: Body, carried: int, limit: int) -> Any:
    found = rounds(inputs, test, body, carried, limit)
    return None if found is None else tuple(found[-1])


COND.expand(_cond)
WHILE.expand(_while)
