"""Numbers in the player are written and coloured as Python does it."""

from __future__ import annotations

import random

import numpy as np
import pytest

from vizgrad.draw import heat
from vizgrad.draw.content import Slot
from vizgrad.trace import arrays, text


def some_numbers() -> list[float]:
    rng = random.Random(1)
    magnitudes = [rng.uniform(-1, 1) * 10.0 ** rng.randint(-320, 308) for _ in range(1500)]
    usual = [rng.uniform(-1, 1) * 10.0 ** rng.randint(-6, 6) for _ in range(1500)]
    halfway = [n / 2 + 1000 for n in range(40)] + [n / 32 for n in range(200)] + [n / 1024 for n in range(300)]
    edges = [0.0, -0.0, 1e-4, 9.9995e-5, 9999.5, 9999.4, 0.99995, 5e-324, 1.7976931348623157e308, 1e21, 123456789.0]
    return [*magnitudes, *usual, *halfway, *edges, *(-x for x in halfway)]


def test_numbers_are_written_as_python_writes_them(modules):
    numbers = some_numbers()
    script = "async numbers => numbers.map((await import('/numbers.js')).number)"
    assert modules.evaluate(script, numbers) == [text.number(x) for x in numbers]


def test_what_is_no_finite_number(modules):
    script = "async () => [NaN, Infinity, -Infinity, true, false].map((await import('/numbers.js')).number)"
    assert modules.evaluate(script) == [text.number(x) for x in (np.nan, np.inf, -np.inf, True, False)]


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int64", "bool"])
def test_entries_of_every_dtype_come_back_as_they_were(modules, dtype):
    rng = np.random.default_rng(0)
    array = (rng.normal(size=300) * 10.0 ** rng.integers(-4, 4, 300)).astype(dtype)
    written = modules.evaluate(
        """async array => {
            const [{ Trace }, { number }] = await Promise.all([import('/trace.js'), import('/numbers.js')]);
            const none = { files: [], tensors: [], ops: [], steps: [], notes: [], codes: {} };
            const trace = new Trace({ format: 'vizgrad-trace', version: 1, arrays: [array], ...none });
            return trace.arrays[0].data.map(number);
        }""",
        arrays.to_json(array),
    )
    assert written == [text.number(x) for x in array]


@pytest.mark.parametrize("shape", [(), (1,), (6,), (2, 3), (1, 2, 3), (7,), (0,), (3, 0), (4, 5)])
def test_arrays_in_sentences(modules, shape):
    array = np.arange(np.prod(shape, dtype=int)).reshape(shape) - 1.5
    given = {"shape": list(shape), "size": array.size, "data": array.reshape(-1).tolist()}
    script = "async a => { const m = await import('/numbers.js'); return [m.short(a), m.shapeText(a.shape)]; }"
    assert modules.evaluate(script, given) == [text.short(array), text.shape(shape)]


@pytest.mark.parametrize(
    ("shape", "picture", "across"), [((5, 7), None, 1), ((9,), None, 1), ((3, 2, 4), None, 1), ((5, 12), [3, 4], 2)]
)
def test_heat_maps_have_the_colours_of_the_drawing(modules, shape, picture, across):
    array = np.random.default_rng(2).normal(size=shape)
    rows = int(np.prod(shape[:-1])) if not picture else -(-5 // across) * 4 - 1
    columns = shape[-1] if not picture else across * 5 - 1
    url = heat.picture_url(array, Slot("heat", rows, columns, 1, 1, across), picture)
    tiles = {"height": picture[0], "width": picture[1], "across": across} if picture else None
    pixels = """async ([array, tiles, theirs]) => {
        const { heatUrl } = await import('/numbers.js');
        const read = async url => {
            const image = new Image(); image.src = url; await image.decode();
            const canvas = new OffscreenCanvas(image.width, image.height).getContext('2d');
            canvas.drawImage(image, 0, 0);
            return [image.width, image.height, ...canvas.getImageData(0, 0, image.width, image.height).data];
        };
        return [await read(heatUrl(array, tiles)), await read(theirs)];
    }"""
    given = {"shape": list(shape), "size": array.size, "data": array.reshape(-1).tolist()}
    ours, theirs = modules.evaluate(pixels, [given, tiles, url])
    assert ours[:2] == theirs[:2] == [columns, rows]
    opacity = slice(5, None, 4)  # of nearly transparent pixels a canvas keeps the opacity exactly, the hue roughly
    assert ours[opacity] == theirs[opacity]
    assert is_red(ours) == is_red(theirs)


def is_red(pixels: list[int]) -> list[bool]:
    return [red > blue for red, blue in zip(pixels[2::4], pixels[4::4], strict=True)]
