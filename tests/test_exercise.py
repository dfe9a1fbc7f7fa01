"""Exercises: the grader against right answers, the mistakes that students made, and answers of every other kind."""

from __future__ import annotations

import json

import pytest

from vizgrad.check.exercise import check_exercise, grade
from vizgrad.check.exercise_parts import Exercise, parse
from vizgrad.check.mistake import check_mistake
from vizgrad.check.sections import ExerciseError

DIVISION = '''"""Write the backward of $S = X / Y$ with \\nabla."""
def forward(X, Y):
    return X / Y

shapes = dict(X=("n", "m"), Y=("n", "m"))
# --- start
def backward(G, X, Y):
    return ...
# --- solution
def backward(G, X, Y):
    return G / Y, -G * X / Y**2
# --- because: As above.
# --- hint: Entry by entry.
# --- hint: The slope of $1/y$
# is $-1/y^2$.
# --- wrong: the minus is lost -> sign
def backward(G, X, Y):
    return G / Y, G * X / Y**2
'''


def exercise(forward: str, solution: str, setting: str) -> Exercise:
    """An exercise whose code is all that matters."""
    return Exercise("Do it.", f"{forward}\n{setting}", "...", solution, "", (), ())


def function(parameters: str, *lines: str) -> str:
    return f"def backward({parameters}):\n" + "".join(f"    {line}\n" for line in lines)


LINEAR = exercise(
    "def forward(X, W):\n    return X @ W.T",
    function("G, X, W", "return G @ W, G.T @ X"),
    "shapes = dict(X=('n', 'f'), W=('m', 'f'))",
)
COLUMN = exercise(
    "def forward(W, x, b):\n    return W @ x + b",
    function("G, W, x, b", "return np.outer(G, x), W.T @ G, G"),
    "shapes = dict(W=('m', 'f'), x=('f',), b=('m',))",
)
BROADCAST = exercise(
    "def forward(x):\n    return np.repeat(x[:, None], 16, axis=1)",
    function("G, x", "return G.sum(axis=1)"),
    "shapes = dict(x=('p',))",
)
BIAS = exercise(
    "def forward(X, b):\n    return X + b",
    function("G, X, b", "return G, G.sum(axis=0, keepdims=True)"),
    "shapes = dict(X=('n', 'm'), b=(1, 'm'))",
)
NORMALIZE = exercise(
    "def forward(X):\n    return X / X.sum(axis=1, keepdims=True)",
    function(
        "G, X",
        "s = X.sum(axis=1, keepdims=True)",
        "return (G - (G * X / s).sum(axis=1, keepdims=True)) / s",
    ),
    "def inputs(rng, n, m):\n    return dict(X=rng.uniform(0.5, 2.0, (n, m)))",
)
SOFTMAX = exercise(
    "def forward(z):\n    e = np.exp(z)\n    return e / e.sum()\n\nsoftmax = forward",
    function("G, z", "p = softmax(z)", "return (np.diag(p) - np.outer(p, p)) @ G"),
    "shapes = dict(z=('m',))",
)
CROSS_ENTROPY = exercise(
    "def softmax(Z):\n    e = np.exp(Z)\n    return e / e.sum(axis=1, keepdims=True)\n\n"
    "def forward(Z, t):\n    return -np.log(softmax(Z)[np.arange(len(t)), t]).mean()",
    "P = softmax(Z)\nP[np.arange(len(t)), t] -= 1\ndZ = G * P / len(t)",
    "def inputs(rng, n, m):\n    return dict(Z=rng.standard_normal((n, m)), t=rng.integers(0, m, n))",
)
RELU = exercise(
    "def forward(Z):\n    return np.maximum(Z, 0)",
    function("G, Z", "return G * (Z > 0)"),
    "shapes = dict(Z=('n', 'm'))",
)
TANH = exercise("def forward(X):\n    return np.tanh(X)", "dX = G * (1 - np.tanh(X)**2)", "shapes = dict(X=('n', 'm'))")
NORM = "def hat(X):\n    return (X - X.mean(axis=0)) / np.sqrt(X.var(axis=0) + 1e-5)\n\n"
BATCH_NORM = exercise(
    NORM + "def forward(X, gamma, beta):\n    return gamma * hat(X) + beta",
    "dgamma = (G * hat(X)).sum(axis=0)\ndbeta = G.sum(axis=0)",
    "shapes = dict(X=(5, 'c'), gamma=('c',), beta=('c',))",
)
BATCH_NORM_INPUT = exercise(
    NORM + "def forward(X):\n    return hat(X)",
    "H = hat(X)\ndX = (G - G.mean(axis=0) - H * (G * H).mean(axis=0)) / np.sqrt(X.var(axis=0) + 1e-5)",
    "shapes = dict(X=(5, 'c'))",
)
SUM = exercise(
    "def forward(X):\n    return X.sum()",
    function("G, X", "return G * np.ones(X.shape)"),
    "shapes = dict(X=('n', 'm'))",
)
TWICE = exercise("def forward(a):\n    return a * a", function("G, a", "return 2 * G * a"), "shapes = dict(a=('n',))")
SELECT = exercise(
    "def forward(X, t):\n    return X[np.arange(len(t)), t]",
    function("G, X, t", "out = np.zeros_like(X)", "out[np.arange(len(t)), t] = G", "return out"),
    "def inputs(rng, n, m):\n    return dict(X=rng.standard_normal((n, m)), t=rng.integers(0, m, n))",
)
OP = exercise(
    "import vizgrad as vg\n\ndef forward(z):\n    return np.maximum(z, 0)",
    "class Relu(vg.Op):\n"
    "    @staticmethod\n    def forward(context, z):\n        context['y'] = y = np.maximum(z, 0)\n        return y\n\n"
    "    @staticmethod\n    def backward(context, go):\n        return go * (context['y'] > 0)\n",
    "shapes = dict(z=('n', 'm'))",
)
DIVIDE = parse(DIVISION)

# Each mistake was made by a student; what is said about it must say what is wrong.
MISTAKES = {
    "division: the minus is lost": (
        DIVIDE, function("G, X, Y", "return G / Y, G * X / Y**2"), "the sign is lost"),
    "division: 1 / Y² for X": (
        DIVIDE, function("G, X, Y", "return G / Y**2, -G * X / Y**2"), "the right gradient divided by Y"),
    "division: transposed": (
        DIVIDE, function("G, X, Y", "return G * (1 / Y).T, -G * (X / Y**2).T"), "the shapes do not fit"),
    "division: matrix products": (
        DIVIDE, function("G, X, Y", "return G @ (1 / Y).T, -G @ (X / Y**2).T"), "has shape (3, 3)"),
    "element-wise: a matrix product": (
        TANH, "dX = G @ (1 - np.tanh(X)**2)", "the shapes do not fit"),
    "element-wise: no upstream": (
        TANH, "dX = 1 - np.tanh(X)**2", "the upstream gradient is forgotten"),
    "linear: factors in the wrong order": (
        LINEAR, function("G, X, W", "return G @ W, X.T @ G"), "the transpose of the right gradient"),
    "linear: transposed weight": (
        LINEAR, function("G, X, W", "return G @ W.T, G.T @ X"), "the shapes do not fit"),
    "linear: the partners alone": (
        LINEAR, function("G, X, W", "return W, X"), "a gradient has the shape of its input"),
    "linear: the two exchanged": (
        LINEAR, function("G, X, W", "return G.T @ X, G @ W"), "a gradient has the shape of its input"),
    "columns: g W.T": (
        COLUMN, function("G, W, x, b", "return np.outer(G, x), G @ W.T, G"), "the shapes do not fit"),
    "columns: ones for the bias": (
        COLUMN, function("G, W, x, b", "return np.outer(G, x), W.T @ G, np.ones(b.shape)"),
        "the upstream gradient is forgotten"),
    "columns: only x for W": (
        COLUMN, function("G, W, x, b", "return np.ones(W.shape) * x, W.T @ G, G"),
        "the upstream gradient is forgotten"),
    "broadcast: 16 everywhere": (
        BROADCAST, function("G, x", "return np.full(x.shape, 16.0)"), "the upstream gradient is forgotten"),
    "broadcast: not summed": (
        BROADCAST, function("G, x", "return G"), "the sum over axis 1 is missing"),
    "broadcast: the mean": (
        BROADCAST, function("G, x", "return G.mean(axis=1)"), "1/16"),
    "bias: not summed": (
        BIAS, function("G, X, b", "return G, G"), "the sum over axis 0 is missing"),
    "bias: not kept": (
        BIAS, function("G, X, b", "return G, G.sum(axis=0)"), "the numbers are right, but in shape (4,)"),
    "normalize: as if element-wise": (
        NORMALIZE,
        function("G, X", "s = X.sum(axis=1, keepdims=True)", "return (G - G * X / s) / s"),
        "only what comes from the output at its own place"),
    "softmax: only the diagonal": (
        SOFTMAX, function("G, z", "p = softmax(z)", "return G * p * (1 - p)"),
        "only what comes from the output at its own place"),
    "softmax: no upstream": (
        SOFTMAX, function("G, z", "p = softmax(z)", "return np.diag(p) - np.outer(p, p)"), "it is the Jacobian"),
    "cross-entropy: t - p": (
        CROSS_ENTROPY, "P = softmax(Z)\nP[np.arange(len(t)), t] -= 1\ndZ = -G * P / len(t)", "the sign is lost"),
    "cross-entropy: a sum for a mean": (
        CROSS_ENTROPY, "P = softmax(Z)\nP[np.arange(len(t)), t] -= 1\ndZ = G * P", "it is 3 times the right gradient"),
    "cross-entropy: averaged twice": (
        CROSS_ENTROPY, "P = softmax(Z)\nP[np.arange(len(t)), t] -= 1\ndZ = G * P / len(t)**2", "1/3"),
    "relu: z for 1": (
        RELU, function("G, Z", "return G * Z * (Z > 0)"), "times Z"),
    "relu: gated by the gradient": (
        RELU, function("G, Z", "return G * (G > 0)"), "none of the usual mistakes"),
    "relu: no upstream": (
        RELU, function("G, Z", "return Z > 0"), "the upstream gradient is forgotten"),
    "batch norm: gamma and beta summed over features": (
        BATCH_NORM,
        "dgamma = np.full(gamma.shape, (G * hat(X)).sum())\ndbeta = np.full(beta.shape, G.sum())",
        "every entry holds the sum over axis 0"),
    "batch norm: gamma averaged": (
        BATCH_NORM, "dgamma = (G * hat(X)).mean(axis=0)\ndbeta = G.sum(axis=0)", "1/5"),
    "sum: not spread out": (
        SUM, function("G, X", "return G"), "it has shape ()"),
    "twice: the last one only": (
        TWICE, function("G, a", "return G * a"), "1/2"),
    "select: nothing scattered": (
        SELECT, function("G, X, t", "return G"), "a gradient has the shape of its input"),
    "op: stored as relx, read as relu": (
        OP, OP.solution.replace("context['y'] =", "context['relx'] ="), "nothing is stored under this key"),
    "op: z for 1": (
        OP, OP.solution.replace("(context['y'] > 0)", "context['y']"), "the right gradient times z"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_of_a_student_fails_with_its_cause(name):
    task, answer, cause = MISTAKES[name]
    verdict = grade(task, answer)
    assert not verdict
    assert cause in str(verdict)


ALL = [value for value in list(globals().values()) if isinstance(value, Exercise)]


@pytest.mark.parametrize("task", ALL)
def test_the_right_answer_passes(task):
    verdict = grade(task, task.solution)
    assert verdict, str(verdict)
    assert verdict.faults == ()
    assert "finite differences" in verdict.headline


# --- everything else that may be handed in ----------------------------------------------------------------------------

ODD = {
    "nothing": ("", "broken", "The check found no backward"),
    "the start": (DIVIDE.start, "unfinished", "there is still a ... to be replaced"),
    "half of it": (function("G, X, Y", "return G / Y, ..."), "unfinished", "there is still a ..."),
    "no return": (function("G, X, Y", "G / Y"), "unfinished", "Is there a return?"),
    "not implemented": (function("G, X, Y", "raise NotImplementedError"), "unfinished", "NotImplementedError"),
    "syntax": ("def backward(G, X, Y)\n    return G", "broken", "cannot read the answer at line 1"),
    "a nul": ("x = '\0'", "broken", "cannot read the answer"),
    "deep brackets": ("(" * 10_000, "broken", "cannot read the answer"),
    "an unknown name": (function("G, X, Y", "return Q"), "broken", "NameError at line 2"),
    "too few parameters": (function("G, X", "return G"), "broken", "begin with the line def backward(G, X, Y):"),
    "one gradient": (function("G, X, Y", "return G / Y"), "broken", "1 gradient, but forward has 2 inputs"),
    "three gradients": (function("G, X, Y", "return G, G, G"), "broken", "3 gradients"),
    "text": (function("G, X, Y", "return 'a', 'b'"), "broken", "The gradient of X is of type str"),
    "ragged lists": (function("G, X, Y", "return [[1], [1, 2]], G"), "broken", "of type list"),
    "complex": (function("G, X, Y", "return G * 1j, G"), "broken", "complex128"),
    "objects": (function("G, X, Y", "return G.astype(object), G"), "broken", "object"),
    "a tensor": ("import vizgrad as vg\n" + function("G, X, Y", "return vg.TensorNode(G), G"), "broken", "TensorNode"),
    "none of one": (function("G, X, Y", "return None, G"), "broken", "NoneType"),
    "not finite": (function("G, X, Y", "return G / (Y - Y), G"), "wrong", "inf or nan"),
    "writes": (function("G, X, Y", "G /= Y", "return G, G"), "wrong", "writes into G"),
    "recursion": (function("G, X, Y", "return backward(G, X, Y)"), "broken", "RecursionError at line 2"),
    "exit": ("import sys\nsys.exit(1)", "broken", "SystemExit at line 2"),
    "quiet exit": (function("G, X, Y", "raise SystemExit"), "broken", "SystemExit at line 2"),
    "an exception of its own": ("class Odd(BaseException):\n    pass\nraise Odd", "broken", "an Odd at line 3"),
    "an exception without words": (
        "class Odd(Exception):\n    def __str__(self):\n        return 1 / 0\nraise Odd", "broken", "Odd at line 4"),
    "no memory": (function("G, X, Y", "return np.zeros(10**15), G"), "broken", "MemoryError"),
    "not a function": ("backward = 3", "broken", "The check found no backward"),
    "a class": ("class backward:\n    pass", "broken", "TypeError"),
    "another forward": ("def forward(X, Y):\n    return X\n" + function("G, X, Y", "return G, 0 * G"), "wrong", "X"),
    "a generator": (function("G, X, Y", "yield G"), "broken", "1 gradient"),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_an_odd_answer_gets_an_explanation(name):
    answer, kind, said = ODD[name]
    verdict = grade(DIVIDE, answer)
    assert (verdict.kind, bool(verdict)) == (kind, False)
    assert said in str(verdict)
    json.loads(verdict.to_json())


def test_what_an_answer_prints_is_kept_once_and_passed_on():
    said: list[str] = []
    verdict = grade(DIVIDE, function("G, X, Y", "print('G', G.shape)", "return G / Y, -G * X / Y**2"), said.append)
    assert verdict.printed == "".join(said) == "G (3, 4)\n"


def test_much_that_is_printed_is_cut():
    verdict = grade(DIVIDE, "while True:\n    print('x' * 50_000)\n    raise SystemExit")
    assert len(verdict.printed) == 20_000


def test_what_is_right_is_said_and_the_first_wrong_entry_shown():
    answer = function("G, X, Y", "dY = -G * X / Y**2", "dY[1, 2] += 1", "return G / Y, dY")
    verdict = grade(DIVIDE, answer)
    assert verdict.right == ("The gradient of X, shape (3, 4), is right.",)
    (fault,) = verdict.faults
    assert "in 1 of 12 entries. The first: entry [1, 2] is" in fault.what
    assert [(i, j) for i, row in enumerate(fault.table.wrong) for j, bad in enumerate(row) if bad] == [(1, 2)]


def test_a_known_mistake_is_called_by_its_name():
    assert grade(DIVISION, function("G, X, Y", "a = G / Y", "return a, a * X / Y")).known == "the minus is lost"
    assert grade(DIVISION, function("G, X, Y", "return G, G")).known == ""


def test_an_answer_cannot_change_what_it_is_measured_with():
    answer = "forward.__code__ = (lambda X, Y: X).__code__\nshapes.clear()\n" + DIVIDE.solution
    assert grade(DIVIDE, answer)


def test_a_formula_may_use_helpers_and_is_asked_for_what_the_solution_names():
    task = exercise("def forward(X, Y):\n    return X / Y", "dY = -G * X / Y**2", DIVIDE.given.splitlines()[-1])
    assert grade(task, "def half(a):\n    return a / Y\ndY = -half(half(G * X))")
    assert "There is no dY" in grade(task, "dX = 1").headline
    assert grade(task, "dY = ...").kind == "unfinished"
    assert "upstream" in str(grade(task, "dY = -X / Y**2"))


def test_a_whole_op_is_checked_in_both_directions():
    wrong_forward = OP.solution.replace("np.maximum(z, 0)", "np.abs(z)")
    assert "forward computes something else" in grade(OP, wrong_forward).headline
    assert "no Op called Relu" in str(grade(OP, "class Relu:\n    pass"))
    assert grade(OP, OP.solution.replace("return y", "...")).kind == "unfinished"
    writes = OP.solution.replace("return y", "z[:] = 0\n        return y")
    assert "Relu.forward changed z" in str(grade(OP, writes))


# --- exercises that are not well made ---------------------------------------------------------------------------------


def test_a_good_exercise_passes_the_build():
    made = check_exercise(DIVISION)
    assert made.task == "Write the backward of $S = X / Y$ with \\nabla."
    assert made.hints == ("Entry by entry.", "The slope of $1/y$ is $-1/y^2$.")
    assert made.wrong[0].name == "the minus is lost"


BAD = {
    "no task": (DIVISION.partition("\n")[2], "does not begin with its task"),
    "no solution": (DIVISION.replace("--- solution", "--- hint: x"), "0 sections “# --- solution”"),
    "unknown section": (DIVISION.replace("--- because", "--- reason"), "is no section"),
    "wrong solution": (DIVISION.replace("return G / Y, -G * X", "return G / Y, G * X"), "its solution does not pass"),
    "start passes": (DIVISION.replace("return ...", "return G / Y, -G * X / Y**2"), "its start passes"),
    "wrong passes": (DIVISION.replace("return G / Y, G * X", "return G / Y, -G * X"), "“the minus is lost” passes"),
    "other cause": (DIVISION.replace("-> sign", "-> transpose"), "should say “transpose”"),
    "no forward": (DIVISION.replace("def forward", "def other"), "defines no forward"),
    "no shapes": (DIVISION.replace("shapes =", "sizes ="), "it names no shapes"),
    "a shape is missing": (DIVISION.replace(', Y=("n", "m"))', ")"), "say nothing about Y"),
    "given fails": (DIVISION.replace("shapes =", "1 / 0 #"), "ZeroDivisionError"),
    "no kind of answer": (DIVISION.replace("# --- solution\ndef backward", "# --- solution\ndef other"), "neither"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_with_an_exercise_is_said(name):
    source, said = BAD[name]
    with pytest.raises(ExerciseError) as caught:
        check_exercise(source)
    assert said in str(caught.value)


MISTAKE = '''"""For $S = X / Y$:"""
# --- line: $S = X / Y$
# --- because: It is given.
# --- wrong: $Y^\\nabla = S^\\nabla X / Y^2$
# --- because: A minus
# is lost.
# --- check
def forward(X, Y):
    return X / Y

def backward(G, X, Y):
    return G / Y, -G * X / Y**2

def wrong_sign(G, X, Y):
    return G / Y, G * X / Y**2

shapes = dict(X=(2, 3), Y=(2, 3))
'''


def test_a_derivation_shows_the_numbers_that_refute_it():
    made = check_mistake(MISTAKE)
    assert (made.place, made.lines[1].because) == (2, "A minus is lost.")
    assert "nabla" in made.lines[1].text
    assert made.refuted[0].startswith("at Y[")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("# --- wrong:", "# --- line:", "0 sections “# --- wrong”"),
        ("return G / Y, G *", "return G / Y, -G *", "nothing refutes it"),
        ("return G / Y, -G *", "return G / Y, G *", "is off by"),
        ("def wrong_sign", "def sign", "no wrong_..."),
        ("# --- because: A minus\n# is lost.\n", "", "needs two lines"),
        ("# --- line: $S = X / Y$\n", "", "explains no line"),
    ],
)
def test_what_is_wrong_with_a_derivation_is_said(old, new, said):
    with pytest.raises(ExerciseError) as caught:
        check_mistake(MISTAKE.replace(old, new))
    assert said in str(caught.value)


def test_a_product_that_does_not_fit_is_explained_by_its_sizes():
    fault = grade(LINEAR, function("G, X, W", "return G @ W.T, G.T @ X")).faults[0]
    assert fault.do.startswith("the left factor of @ has 2 columns, the right one 4 rows: make them equal")


def test_a_name_in_small_letters_is_told_from_the_one_that_is_meant():
    fault = grade(DIVIDE, function("G, X, Y", "return G / y, G")).faults[0]
    assert fault.why == "there are only np, G, X, Y, and what you define yourself."
    assert fault.do == "write Y: large and small letters are not the same."


def test_a_wrong_zero_has_no_sign():
    assert "is 0, expected" in str(grade(RELU, function("G, Z", "return -0.0 * abs(G)")))


def test_a_known_mistake_that_no_cause_fits_is_not_called_unusual():
    known = DIVISION + "# --- wrong: the gate of another op\ndef backward(G, X, Y):\n    return G * (X > 0), G\n"
    verdict = grade(known, function("G, X, Y", "return G * (X > 0), G"))
    assert verdict.known == "the gate of another op"
    assert "none of the usual mistakes" not in str(verdict)
    assert "none of the usual mistakes" in str(grade(known, function("G, X, Y", "return G * (X > 1), G")))
