"""Functions with control flow on tensors: what test_autograph.py runs converted and eagerly.

CASES: (function, its inputs, whether gradients are compared too).
"""

from functools import partial, wraps

import numpy as np

import millstream as tf

CASES = []
F = [(tf.constant([1.0, -2.0, 3.0]),), (tf.constant([-1.0, 0.5, -4.0]),), (tf.constant([0.0, 0.0, 0.0]),)]
S = [(tf.constant(v),) for v in (-3.0, 0.0, 0.5, 4.0, 7.25)]
N = [(tf.constant(v),) for v in (0, 1, 2, 5, 8)]
XN = [(tf.constant([1.0, -2.0, 3.0]), tf.constant(n)) for n in (0, 1, 3, 4)]
LIMIT, STEP = 3.0, tf.constant(2.0)


def case(inputs, gradient=False):
    def keep(function):
        CASES.append((function, inputs, gradient))
        return function

    return keep


# ---------------------------------------------------------------------------------------------- if
@case(S, gradient=True)
def if_else(x):
    if x > 0:
        y = x * 2
    else:
        y = -x
    return y


@case(S, gradient=True)
def if_without_else(x):
    y = x
    if x > 1.0:
        y = y * x
    return y


@case(S, gradient=True)
def elif_chain(x):
    if x > 4:
        y = x * x
    elif x > 0:
        y = x * 3
    elif x > -1:
        y = tf.sin(x)
    else:
        y = tf.exp(x)
    return y


@case(F, gradient=True)
def if_on_reduced(x):
    if tf.reduce_sum(x) > 0:
        x = x * 2
    return tf.reduce_sum(x * x)


@case(S)
def nested_if(x):
    if x > 0:
        if x > 3:
            y = x - 3
        else:
            y = x
    elif x < -2:
        y = x + 2
    else:
        y = x * 0
    return y


@case(S, gradient=True)
def early_return(x):
    if x > 1:
        return x * 10
    return x - 1


@case(S)
def early_returns(x):
    if x > 4:
        return x
    if x > 0:
        y = x * 2
        if y > 3:
            return y + 100
        y = y + 1
    else:
        y = x - 1
    return y * 3


@case(S)
def return_in_both(x):
    if x > 0:
        return x + 1, x
    else:
        return x - 1, -x


@case(S)
def return_dict(x):
    if x > 0:
        return {"a": x, "b": [x, x * 2]}
    return {"a": -x, "b": [x, x]}


@case(S)
def temporary_in_branch(x):
    if x > 0:
        t = x * 3
        y = t + 1
    else:
        y = x
    return y


@case(S)
def python_numbers(x):
    if x > 0:
        k = 3
    else:
        k = 5
    return x * tf.cast(k, tf.float32)


@case(S)
def same_python_value(x):
    mode = "a"
    if x > 0:
        mode = "a"
        y = x
    else:
        y = -x
    return y if mode == "a" else x


@case(S)
def python_condition(x):
    if LIMIT > 2:
        y = x * LIMIT
    else:
        y = tf.constant("never")
    return y


@case(S)
def tuple_assignment(x):
    a, b = x, x + 1
    if x > 0:
        a, b = b, a
    return a * 2 + b


@case(S)
def augmented(x):
    x += 1
    if x > 2:
        x *= 2
        x -= 1
    return x


@case(S)
def condition_on_shape(x):
    y = tf.stack([x, x])
    if y.shape[0] == 2 and x > 0:
        return y
    return -y


# ---------------------------------------------------------------------------------------------- expressions
@case(S, gradient=True)
def ternary(x):
    return x * 2 if x > 0 else x / 2


@case(S)
def nested_ternary(x):
    return 1.0 if x > 4 else 2.0 if x > 0 else 3.0


@case(S)
def and_or_not(x):
    if x > 0 and x < 5:
        return 1
    if not (x > -1 or x < -2):
        return 2
    return 3


@case(S)
def lazy_and(x):
    if x > 0 and tf.math.log(x) > 1:
        return x
    return -x


@case(S)
def chained_comparison(x):
    if -1 < x <= 4:
        return x * 2
    return x


@case(S)
def value_of_or(x):
    return (x > 4) or (x < -2)


@case(S)
def value_of_not(x):
    return not x > 0


@case(S)
def static_and_traced(x):
    flag = True
    return tf.constant(1.0) if flag and x > 0 else x


@case(S)
def conditional_lambda(x):
    f = lambda v: v * 2 if v > 0 else v - 1  # noqa: E731
    return f(x) + f(-x)


# ---------------------------------------------------------------------------------------------- while
@case(S, gradient=True)
def while_growing(x):
    y = tf.abs(x) + 1
    while y < 100:
        y = y * 2
    return y


@case(N)
def while_counting(n):
    i = 0
    total = 0
    while i < n:
        total += i * i
        i += 1
    return total, i


@case(XN, gradient=True)
def while_power(x, n):
    i = tf.constant(0)
    y = tf.ones_like(x)
    while i < n:
        y = y * x
        i += 1
    return tf.reduce_sum(y)


@case(N)
def while_float_from_int(n):
    s = 0
    i = 0
    while i < n:
        s = s + 0.5 * tf.cast(i, tf.float32)
        i = i + 1
    return tf.cast(s, tf.float32)


@case(N)
def while_break(n):
    i = 0
    while i < 100:
        if i * i > n:
            break
        i += 1
    return i


@case(N)
def while_true_break(n):
    i = tf.constant(0)
    while True:
        i += 1
        if i > n:
            break
    return i


@case(N)
def while_continue(n):
    i, s = 0, 0
    while i < n:
        i += 1
        if i % 2 == 0:
            continue
        s += i
    return s


@case(N)
def while_return(n):
    i = 0
    while i < 10:
        if i > n:
            return i * 100
        i += 1
    return -1


@case(N)
def while_else(n):
    i = 0
    while i < 5:
        if i == n:
            break
        i += 1
    else:
        i = i + 1000
    return i


@case([(tf.constant(27),), (tf.constant(6),), (tf.constant(1),)])
def collatz(n):
    steps = 0
    while n != 1:
        if n % 2 == 0:
            n = n // 2
        else:
            n = 3 * n + 1
        steps += 1
    return steps


@case([(tf.constant(48), tf.constant(18)), (tf.constant(7), tf.constant(3))])
def gcd(a, b):
    while b != 0:
        a, b = b, a % b
    return a


@case([(tf.constant(2.0),), (tf.constant(9.0),)])
def newton(x):
    guess = x
    while tf.abs(guess * guess - x) > 1e-4:
        guess = (guess + x / guess) / 2
    return guess


@case(N)
def while_with_temporary(n):
    i, y = 0, tf.constant(0.0)
    while i < n:
        t = tf.cast(i, tf.float32) * 2
        y = y + t
        i += 1
    return y


@case(N)
def nested_while(n):
    i, s = 0, 0
    while i < n:
        j = 0
        while j < i:
            s += j
            j += 1
        i += 1
    return s


# ---------------------------------------------------------------------------------------------- for
@case(N)
def for_range(n):
    s = 0
    for i in tf.range(n):
        s += i
    return s


@case(N)
def for_python_range_of_tensor(n):
    s = tf.constant(1)
    for i in range(n):
        s = s + i
    return s


@case(N)
def for_range_of_three(n):
    s = 0
    for i in tf.range(n, -5, -2):
        s = s * 3 + i
    return s


@case(F, gradient=True)
def for_rows(x):
    s = tf.constant(0.0)
    for v in x:
        s = s + v * v
    return s


@case(F)
def for_break(x):
    s = tf.constant(0.0)
    for v in x:
        if v < 0:
            break
        s += v
    return s


@case(F)
def for_continue(x):
    s = tf.constant(0.0)
    for v in x:
        if v < 0:
            continue
        s += v
    return s


@case(F)
def for_return(x):
    for v in x:
        if v > 0:
            return v * 10
    return tf.constant(-1.0)


@case(F)
def for_else(x):
    s = tf.constant(0.0)
    for v in x:
        if v > 2:
            break
        s += v
    else:
        s = s + 100
    return s


@case(F)
def for_enumerate(x):
    s = tf.constant(0.0)
    for i, v in enumerate(x):
        s += tf.cast(i, tf.float32) * v
    return s


@case(F)
def for_zip(x):
    s = tf.constant(0.0)
    for a, b in zip(x, x * 2):  # noqa: B905
        s += a * b
    return s


@case(F)
def for_indexing(x):
    s = tf.constant(0.0)
    for i in tf.range(3):
        s += x[i] * x[2 - i]
    return s


@case(S, gradient=True)
def for_python_range(x):
    for i in range(4):
        if x > i:
            x = x - 1
    return x


@case(S)
def for_python_break(x):
    for i in range(5):
        if x > i:
            x = x - 1
        else:
            break
    return x


@case(S)
def for_python_return(x):
    for k in [1.0, 2.0, 3.0]:
        if x < k:
            return x * k
    return x


@case(F)
def for_list_of_tensors(x):
    total = tf.zeros([3])
    for part in [x, x * 2, -x]:
        if tf.reduce_sum(part) > 0:
            total += part
    return total


@case(F)
def for_dict_items(x):
    out = {}
    for k, v in {"a": x, "b": -x}.items():
        if tf.reduce_max(v) > 1:
            r = v
        else:
            r = v * 0
        out[k] = r
    return out


@case(F)
def for_list_append(x):
    found = []
    for i in tf.range(3):
        found.append(x[i] * 2)  # noqa: PERF401  (that is the case)
    return tf.stack(found)


@case(F)
def for_comprehension(x):
    return tf.stack([v if v > 0 else v * 0 for v in tf.unstack(x)])


@case(F)
def nested_for(x):
    s = tf.constant(0.0)
    for a in x:
        for b in x:
            if a > b:
                s += a * b
    return s


@case(F)
def for_last_value(x):
    for v in x:
        y = v + 1
    return y, v


# ---------------------------------------------------------------------------------------------- containers
@case(F)
def tensor_array(x):
    ta = tf.TensorArray(tf.float32, size=3)
    for i in tf.range(3):
        ta = ta.write(i, x[i] * x[i])
    return ta.stack()


@case(F)
def tensor_array_growing(x):
    ta = tf.TensorArray(tf.float32, size=0, dynamic_size=True)
    for i in tf.range(3):
        ta = ta.write(i, x[i] + 1)
    return ta.stack()


@case(F, gradient=True)
def tensor_array_reading(x):
    ta = tf.TensorArray(tf.float32, size=4, clear_after_read=False)
    ta = ta.write(0, x)
    for i in tf.range(3):
        ta = ta.write(i + 1, ta.read(i) * 0.5)
    return tf.reduce_sum(ta.stack())


@case(XN)
def tensor_array_of_tensors(x, n):
    ta = tf.TensorArray(tf.float32, size=5)
    i = 0
    while i < n:
        ta = ta.write(i, x * tf.cast(i, tf.float32))
        i += 1
    return ta.write(4, x).stack()


@case(S)
def list_in_branch(x):
    found = [x]
    if x > 0:
        found.append(x * 2)
    else:
        found.append(x * 3)
    return tf.stack(found)


@case(S)
def dict_in_branch(x):
    d = {"a": x}
    if x > 0:
        d["a"] = x + 1
    return d["a"]


@case(S)
def tuple_state(x):
    state = (x, tf.constant(0))
    while state[0] > 0:
        state = (state[0] - 1, state[1] + 1)
    return state


@case(N)
def list_state(n):
    state = [tf.constant(0), tf.constant(1)]
    for _ in tf.range(n):
        state = [state[1], state[0] + state[1]]
    return state[0]


# ---------------------------------------------------------------------------------------------- functions
def _helper(x, scale=2.0):
    if x > 0:
        return x * scale
    return x


@case(S, gradient=True)
def calls_a_function(x):
    return _helper(x) + _helper(-x, scale=3.0)


@case(S)
def nested_function(x):
    total = tf.constant(0.0)

    def add(v):
        nonlocal total
        if v > 0:
            total = total + v

    add(x)
    add(x * 2)
    return total


def _make(scale):
    def inner(x):
        if x > LIMIT:
            return x * scale
        return x + scale

    return inner


closure = _make(tf.constant(4.0))
CASES.append((closure, S, True))
CASES.append((lambda x: x * 2 if x > 0 else -x, S, True))
CASES.append((partial(_helper, scale=5.0), S, True))


def _doubling(f):
    @wraps(f)
    def wrapper(*args, **kwargs):
        return f(*args, **kwargs) * 2

    return wrapper


@case(S)
@_doubling
def decorated(x):
    if x > 0:
        return x
    return x - 1


@case(F)
def mapped(x):
    return tf.map_fn(lambda v: v if v > 0 else v * 0.1, x)


@case(F)
def scanned(x):
    return tf.scan(lambda a, v: a + v if v > 0 else a, x)


class _Model:
    def __init__(self):
        self.scale, self.__offset = tf.constant(3.0), 1.0

    def __call__(self, x):
        return self.step(x) if x > 0 else self.__private(x)

    def step(self, x):
        y = x
        while y < 10:
            y = y + self.scale
        return y

    def __private(self, x):
        if x < -1:
            return x * 2
        return x + self.__offset


class _Child(_Model):
    def step(self, x):
        if x > 5:
            return super().step(x) + 1
        return x


CASES.append((_Model().step, S, False))
CASES.append((_Model(), S, False))
CASES.append((_Child().step, S, False))


@case(S)
def attribute_in_branch(x):
    box = _Model()
    box.count = tf.constant(0)
    if x > 0:
        box.count = box.count + 1
        box.scale = x
    return tf.cast(box.count, tf.float32) * box.scale


@case(S)
def with_and_try(x):
    with tf.name_scope("a"):
        try:
            if x > 0:
                return x
            y = x * 2
        finally:
            z = x
    return y + z


@case(S)
def python_extremes(x):
    return max(x, 1.0) + min(x, 2.0)


@case(S)
def casts(x):
    return float(int(x)) + 0.5 if x > 0 else x


@case([(tf.constant([[1.0, 2.0], [3.0, 4.0]]),)])
def rows_of_matrix(x):
    best = x[0]
    for row in x:
        if tf.reduce_sum(row) > tf.reduce_sum(best):
            best = row
    return best


@case(F)
def gradient_inside(x):
    y = x
    for _ in tf.range(3):
        with tf.GradientTape() as tape:
            tape.watch(y)
            loss = tf.reduce_sum(y * y)
        y = y - 0.1 * tape.gradient(loss, y)
    return y


@case(S)
def deleted_in_branch(x):
    t = x * 2
    if x > 0:
        y = t
        del t
    else:
        y = x
    return y


@case([(np.float32(2.0), 3), (np.float32(-2.0), 4)])
def numpy_argument(x, n):
    for _ in range(n):
        if x > 0:
            x = x * 2
    return x
