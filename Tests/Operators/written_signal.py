"""Operators of TFLM's signal library, alone and in a row from samples to features and to a keyword, and the archive.

    python written_signal.py --output signal.tar.gz

The vectors of every model are calls in a row. Numbers of 32 and 64 bits are kept as numbers of 16 bits, the lowest first,
along an axis of their own.
"""

import argparse
import pathlib
import tempfile

import make_operators
import numpy as np
from tflite_micro.python.tflite_micro import runtime
from tflite_model import Case, Model, Quantization
from vectors import generator
from written_weighted import activation

ARENA_BYTES = 1 << 20
TYPE_INT16 = 7
SAMPLES = 480
LENGTH = 512
CHANNELS = 40


class Front:
    """A model of signal operators, one behind the other."""

    def __init__(self, name):
        self.name = "signal_" + name
        self.model = Model()
        self.graph = self.model.main
        self.rng = generator(self.name)
        self.operators = []
        self.inputs = []

    def input(self, shape, dtype, draw):
        """An input whose vectors `draw` makes, called with a vector's number."""
        self.inputs.append((draw, dtype))
        return self.graph.input(f"x{len(self.inputs)}", shape, dtype)

    def constant(self, name, array):
        return self.graph.constant(f"{name}{len(self.graph.tensors)}", np.asarray(array, np.int16), "int16")

    def tensor(self, shape, dtype, quantization=None):
        return self.graph.tensor(f"t{len(self.graph.tensors)}", shape, dtype, quantization)

    def custom(self, name, inputs, *outputs, **options):
        """Outputs are (shape, dtype)."""
        made = [self.tensor(*output) for output in outputs]
        self.graph.operator("CUSTOM", inputs, made, custom_code="Signal" + name, **options)
        self.operators.append("Signal" + name)
        return made if len(made) > 1 else made[0]

    def builtin(self, name, inputs, shape, dtype, quantization=None, **options):
        made = self.tensor(shape, dtype, quantization)
        self.graph.operator(name, inputs, [made], **options)
        return made

    def case(self, *outputs, count=8):
        self.graph.outputs = list(outputs)
        vectors = [np.stack([np.asarray(draw(v)).astype(dtype) for v in range(count)]) for draw, dtype in self.inputs]
        return Case(self.name, self.operators[-1], self.model.serialize(), vectors)

    # One draw after the other: quiet, loud, square, spikes, silence.
    def samples(self, count):
        def draw(v):
            kind = v % 8
            if kind == 0:
                x = self.rng.integers(-32768, 32768, count)
            elif kind == 1:
                x = self.rng.normal(0, 300, count)
            elif kind == 2:
                x = self.rng.choice([-32768, 32767], count)
            elif kind == 3:
                x = np.where(np.sin(np.arange(count) * self.rng.uniform(0.01, 3)) > 0, 32767, -32768)
            elif kind == 4:
                x = self.rng.integers(-50, 51, count)
                x[self.rng.integers(0, count)] = -32768
            elif kind == 5:
                x = np.zeros(count)
            elif kind == 6:
                x = 12000 * np.sin(np.arange(count) * self.rng.uniform(0.05, 1.5)) + self.rng.normal(0, 40, count)
            else:
                x = self.rng.integers(-3, 4, count)
            return np.clip(np.floor(x), -32768, 32767)
        return draw

    def words(self, count, bits):
        def draw(v):
            kind = v % 4
            if kind == 0:
                return self.rng.integers(0, 1 << bits, count, dtype=np.uint64)
            top = self.rng.integers(1, bits + 1, count).astype(np.uint64)
            x = self.rng.integers(0, 1 << bits, count, dtype=np.uint64) >> (np.uint64(bits) - top)
            if kind == 1:
                return x
            if kind == 2:
                return np.minimum(np.arange(count), (1 << bits) - 1)
            return np.full(count, (1 << bits) - 1, np.uint64)
        return draw


def window(name, shape, shift, low=-32768, high=32768):
    f = Front("window_" + name)
    count = shape[-1]
    x = f.input(shape, "int16", lambda v: f.samples(int(np.prod(shape)))(v).reshape(shape))
    weights = f.constant("weights", f.rng.integers(low, high, count))
    return f.case(f.custom("Window", [x, weights], (shape, "int16"), shift=shift))


def auto_scale(count):
    f = Front(f"auto_scale_{count}")
    x = f.input((count,), "int16", f.samples(count))
    return f.case(*f.custom("FftAutoScale", [x], ((count,), "int16"), ((), "int32")), count=16)


def rfft(count, length):
    f = Front(f"rfft_{count}_of_{length}")
    x = f.input((1, count), "int16", lambda v: f.samples(count)(v)[None])
    return f.case(f.custom("Rfft", [x], ((1, length + 2), "int16"), T=TYPE_INT16, fft_length=length))


def energy(bins):
    f = Front(f"energy_{bins}")
    x = f.input((2 * bins,), "int16", f.samples(2 * bins))
    return f.case(f.custom("Energy", [x], ((bins,), "uint32"), start_index=0, end_index=bins))


def bank(name, channels, most):
    f = Front("filter_bank_" + name)
    widths = f.rng.integers(1, most + 1, channels + 1)
    firsts = np.concatenate([[0], np.cumsum(widths)[:-1]])
    count = int(widths.sum()) + 5
    x = f.input((count,), "uint32", f.words(count, 32))
    weights = f.rng.integers(0, 4097, widths.sum())
    tables = [f.constant(n, a) for n, a in (("w", weights), ("u", 4096 - weights), ("f", firsts + 3), ("s", firsts),
                                           ("n", widths))]
    return f.case(f.custom("FilterBank", [x] + tables, ((channels,), "uint64"), num_channels=channels))


def root(count):
    f = Front(f"square_root_{count}")
    samples = f.input((4,), "int16", lambda v: f.rng.integers(-(1 << v % 16), 1 << v % 16, 4))
    bits = f.custom("FftAutoScale", [samples], ((4,), "int16"), ((), "int32"))[1]
    def squares(v):
        x = f.rng.integers(0, 1 << 31, count, dtype=np.uint64) >> f.rng.integers(0, 31, count).astype(np.uint64)
        return x * x + x * f.rng.integers(0, 2, count).astype(np.uint64) + f.rng.integers(0, 2, count).astype(np.uint64)
    words = f.words(count, 62)
    x = f.input((count,), "uint64", lambda v: words(v // 2) if v % 2 else squares(v))
    return f.case(f.custom("FilterBankSquareRoot", [x, bits], ((count,), "uint32")), count=24)


SUBTRACTION = dict(alternate_one_minus_smoothing=15401, alternate_smoothing=983, clamping=False,
                   min_signal_remaining=819, num_channels=CHANNELS, one_minus_smoothing=15974, smoothing=410,
                   smoothing_bits=10, spectral_subtraction_bits=14)


def subtraction(name, count, bits, **changes):
    f = Front("spectral_subtraction_" + name)
    options = SUBTRACTION | dict(num_channels=count) | changes
    x = f.input((count,), "uint32", f.words(count, bits))
    return f.case(*f.custom("FilterBankSpectralSubtraction", [x], ((count,), "uint32"), ((count,), "uint32"),
                            **options), count=24)


def gain_table(strength=0.95, offset=80.0, gain_bits=21, input_bits=7):
    """Parabolas through three points of each interval between powers of two."""
    def gain(x):
        return int(min(32767, np.floor((1 << gain_bits) * (x / (1 << input_bits) + offset) ** -strength + 0.5)))
    table = np.zeros(125, np.int64)
    table[0], table[1] = gain(0), gain(1)
    for interval in range(2, 33):
        low = 1 << interval - 1
        y0, y1, y2 = gain(low), gain(low + (low >> 1)), gain(min(2 * low, 0xFFFFFFFF))
        first = 4 * (y1 - y0) - (y2 - y0)
        table[4 * interval - 6:4 * interval - 3] = y0, first, (y2 - y0) - first
    return table


def gain(name, count, table, shift):
    f = Front("gain_" + name)
    x, noise = f.input((count,), "uint32", f.words(count, 32)), f.input((count,), "uint32", f.words(count, 32))
    return f.case(f.custom("PCAN", [x, noise, f.constant("gains", table)], ((count,), "uint32"), snr_shift=shift),
                  count=12)


def logarithm(count, scale, bits):
    f = Front(f"log_scale_{scale}_bits_{bits}")
    x = f.input((count,), "uint32", f.words(count, 32))
    return f.case(f.custom("FilterBankLog", [x], ((count,), "int16"), input_correction_bits=bits, output_scale=scale),
                  count=12)


def reshaped_words():
    """Numbers of 32 bits in another shape in front of the logarithm."""
    f = Front("reshaped_words")
    x = f.input((2, 5), "uint32", lambda v: f.words(10, 32)(v).reshape(2, 5))
    shape = f.graph.constant("shape", np.array([10], np.int32), "int32")
    flat = f.builtin("RESHAPE", [x, shape], (10,), "uint32", newShape=[10])
    logs = f.custom("FilterBankLog", [flat], ((10,), "int16"), input_correction_bits=1, output_scale=64)
    return f.case(logs, flat)


def mel(frequency):
    return 1127 * np.log1p(frequency / 700)


def mel_bank(channels, length, rate=16000, low=125.0, high=7500.0):
    """First bins, widths and weights of overlapping triangles, and the bins that any of them reads."""
    step = rate / length
    centres = mel(low) + (mel(high) - mel(low)) / (channels + 1) * np.arange(1, channels + 2)
    bin_, firsts, widths, weights = int(1.5 + low / step), [], [], []
    first = bin_
    for channel in range(channels + 1):
        below = centres[channel - 1] if channel else mel(low)
        firsts.append(bin_)
        while mel(bin_ * step) <= centres[channel]:
            weights.append(int((centres[channel] - mel(bin_ * step)) / (centres[channel] - below) * 4096 + 0.5))
            bin_ += 1
        widths.append(bin_ - firsts[-1])
    return np.array(firsts), np.array(widths), np.array(weights), (first, bin_)


def features(f, x, samples, length, channels, clamping=False, quantization=Quantization(0.1, -128)):
    """int8 codes of a frame of samples, as the preprocessor of the micro_speech example makes them."""
    hann = np.round((0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(samples) + 0.5) / samples)) * 4096)
    shown = f.custom("Window", [x, f.constant("window", hann)], ((1, samples), "int16"), shift=12)
    zeros = f.graph.constant("zeros", np.zeros((1, length - samples), np.int16), "int16")
    padded = f.builtin("CONCATENATION", [shown, zeros], (1, length), "int16", axis=1,
                       fusedActivationFunction=activation("none"))
    shape = f.graph.constant("flat", np.array([length], np.int32), "int32")
    flat = f.builtin("RESHAPE", [padded, shape], (length,), "int16", newShape=[length])
    scaled, bits = f.custom("FftAutoScale", [flat], ((length,), "int16"), ((), "int32"))
    spectrum = f.custom("Rfft", [scaled], ((length + 2,), "int16"), T=TYPE_INT16, fft_length=length)
    firsts, widths, weights, used = mel_bank(channels, length)
    energies = f.custom("Energy", [spectrum], ((length // 2 + 1,), "uint32"), start_index=used[0], end_index=used[1])
    places = np.concatenate([[0], np.cumsum(widths)[:-1]])
    tables = [f.constant(n, a) for n, a in (("w", weights), ("u", 4096 - weights), ("f", firsts), ("s", places),
                                           ("n", widths))]
    sums = f.custom("FilterBank", [energies] + tables, ((channels,), "uint64"), num_channels=channels)
    roots = f.custom("FilterBankSquareRoot", [sums, bits], ((channels,), "uint32"))
    left, noise = f.custom("FilterBankSpectralSubtraction", [roots], ((channels,), "uint32"), ((channels,), "uint32"),
                           **(SUBTRACTION | dict(num_channels=channels, clamping=clamping)))
    even = f.custom("PCAN", [left, noise, f.constant("gains", gain_table())], ((channels,), "uint32"), snr_shift=6)
    logs = f.custom("FilterBankLog", [even], ((channels,), "int16"), input_correction_bits=3, output_scale=64)
    value = f.builtin("CAST", [logs], (channels,), "int32", inDataType=7, outDataType=2)
    for operator, number in (("MUL", 256), ("ADD", 333), ("DIV", 666), ("ADD", -128), ("MAXIMUM", -128),
                             ("MINIMUM", 127)):
        constant = f.graph.constant(f"c{len(f.graph.tensors)}", np.array(number, np.int32), "int32")
        options = {} if operator.endswith("MUM") else dict(fusedActivationFunction=activation("none"))
        value = f.builtin(operator, [value, constant], (channels,), "int32", **options)
    return f.builtin("CAST", [value], (channels,), "int8", quantization, inDataType=2, outDataType=9)


def front_end(name, samples, length, channels, count=16, **options):
    f = Front("features_" + name)
    x = f.input((1, samples), "int16", lambda v: f.samples(samples)(v)[None])
    return f.case(features(f, x, samples, length, channels, **options), count=count)


def keyword(frames=9):
    """Samples in, a keyword out: features, a ring of frames, a dense layer, softmax."""
    f = Front("keyword")
    codes = Quantization(0.1, -128)
    x = f.input((1, SAMPLES), "int16", lambda v: f.samples(SAMPLES)(v if v % 3 else 6)[None])
    frame = features(f, x, SAMPLES, LENGTH, CHANNELS, quantization=codes)
    shape = f.graph.constant("row", np.array([1, 1, CHANNELS], np.int32), "int32")
    row = f.builtin("RESHAPE", [frame, shape], (1, 1, CHANNELS), "int8", codes, newShape=[1, 1, CHANNELS])
    handle = f.graph.tensor("ring", (), "resource")
    f.graph.operator("VAR_HANDLE", [], [handle], container="", sharedName="ring")
    start = f.model.graph()
    f.graph.operator("CALL_ONCE", [], [], initSubgraphIndex=1)
    inner = start.tensor("ring", (), "resource")
    start.operator("VAR_HANDLE", [], [inner], container="", sharedName="ring")
    start.operator("ASSIGN_VARIABLE", [inner, start.constant(
        "start", np.full((1, frames - 1, CHANNELS), -128, np.int8), "int8", codes)], [])
    kept = f.builtin("READ_VARIABLE", [handle], (1, frames - 1, CHANNELS), "int8", codes)
    whole = f.builtin("CONCATENATION", [kept, row], (1, frames, CHANNELS), "int8", codes, axis=1,
                      fusedActivationFunction=activation("none"))
    bounds = [f.graph.constant(n, np.array(a, np.int32), "int32") for n, a in
              (("begin", [0, 1, 0]), ("end", [1, frames, CHANNELS]), ("strides", [1, 1, 1]))]
    rest = f.builtin("STRIDED_SLICE", [whole] + bounds, (1, frames - 1, CHANNELS), "int8", codes, beginMask=0, endMask=0,
                     ellipsisMask=0, newAxisMask=0, shrinkAxisMask=0)
    f.graph.operator("ASSIGN_VARIABLE", [handle, rest], [])
    weights = f.graph.constant("weights", f.rng.integers(-127, 128, (4, frames * CHANNELS)).astype(np.int8), "int8",
                               Quantization(0.004))
    bias = f.graph.constant("bias", f.rng.integers(-3000, 3000, 4).astype(np.int32), "int32")
    flat_shape = f.graph.constant("all", np.array([1, frames * CHANNELS], np.int32), "int32")
    flat = f.builtin("RESHAPE", [whole, flat_shape], (1, frames * CHANNELS), "int8", codes,
                     newShape=[1, frames * CHANNELS])
    scores = f.builtin("FULLY_CONNECTED", [flat, weights, bias], (1, 4), "int8", Quantization(0.2, 3),
                       fusedActivationFunction=activation("none"))
    shares = f.builtin("SOFTMAX", [scores], (1, 4), "int8", Quantization(1 / 256, -128), beta=1.0)
    return f.case(shares, frame, count=30)


def framer(name, shape, size, step, prefill=True, returns_valid=False):
    f = Front("framer_" + name)
    count = int(np.prod(shape))
    x = f.input(shape, "int16", lambda v: f.samples(count)(v).reshape(shape))
    frames, valid = f.custom("Framer", [x], (shape[:-1] + (shape[-1] // step, size), "int16"), ((), "bool"),
                             frame_size=size, frame_step=step, prefill=prefill)
    return f.case(*([frames, valid] if returns_valid else [frames]), count=12)


def delay(name, shape, length):
    f = Front("delay_" + name)
    x = f.input(shape, "int16", lambda v: f.samples(int(np.prod(shape)))(v).reshape(shape))
    return f.case(f.custom("Delay", [x], (shape, "int16"), delay_length=length), count=12)


def overlap_add(name, shape, step):
    f = Front("overlap_add_" + name)
    x = f.input(shape, "int16", lambda v: f.samples(int(np.prod(shape)))(v).reshape(shape))
    return f.case(f.custom("OverlapAdd", [x], (shape[:-2] + (shape[-2] * step,), "int16"), T=TYPE_INT16, frame_step=step),
                  count=12)


def stream(hop=160, samples=240, length=256, channels=10):
    """Features of every so many samples, of frames that overlap."""
    f = Front("stream")
    x = f.input((1, hop), "int16", lambda v: f.samples(hop)(v)[None])
    frames = f.custom("Framer", [x], ((1, 1, samples), "int16"), ((), "bool"), frame_size=samples, frame_step=hop,
                      prefill=True)[0]
    shape = f.graph.constant("frame", np.array([1, samples], np.int32), "int32")
    frame = f.builtin("RESHAPE", [frames, shape], (1, samples), "int16", newShape=[1, samples])
    return f.case(features(f, frame, samples, length, channels), count=16)


def cases():
    yield lambda: framer("hop", (1, 4), 6, 4, returns_valid=True)
    yield lambda: framer("usual", (1, 160), 480, 160)
    yield lambda: framer("several", (1, 12), 7, 2)
    yield lambda: framer("channels", (2, 4), 3, 2)
    yield lambda: framer("flat", (6,), 5, 3)
    yield lambda: framer("apart", (1, 8), 4, 4, prefill=False, returns_valid=True)
    yield lambda: delay("none", (4,), 0)
    yield lambda: delay("some", (1, 33), 20)
    yield lambda: delay("many", (1, 9), 40)
    yield lambda: delay("channels", (2, 3), 2)
    for name, shape, step in (("apart", (1, 4), 4), ("half", (1, 6), 3), ("frames", (4, 9), 4), ("much", (3, 8), 1),
                              ("channels", (2, 2, 4), 2), ("one_each", (2, 1, 5), 3)):
        yield lambda n=name, s=shape, t=step: overlap_add(n, s, t)
    yield stream
    yield lambda: window("hann", (1, SAMPLES), 12, 0, 4097)
    yield lambda: window("any", (1, 33), 15)
    yield lambda: window("whole", (7,), 0, -3, 4)
    yield lambda: window("frames", (2, 3, 5), 4)
    for count in (512, 1, 2, 9):
        yield lambda c=count: auto_scale(c)
    for count, length in ((4, 4), (8, 8), (16, 16), (32, 32), (64, 64), (128, 128), (256, 256), (512, 512), (480, 512),
                          (5, 16), (1, 8), (1000, 1024)):
        yield lambda c=count, n=length: rfft(c, n)
    for bins in (1, 5, 257):
        yield lambda b=bins: energy(b)
    yield lambda: bank("narrow", 1, 1)
    yield lambda: bank("five", 5, 4)
    yield lambda: bank("wide", 12, 20)
    yield lambda: root(3)
    yield lambda: root(40)
    yield lambda: subtraction("usual", CHANNELS, 20)
    yield lambda: subtraction("loud", 7, 32)
    yield lambda: subtraction("clamped", CHANNELS, 20, clamping=True)
    yield lambda: subtraction("clamped_loud", 6, 32, clamping=True)
    yield lambda: subtraction("alike", 5, 16, alternate_smoothing=410, alternate_one_minus_smoothing=15974)
    yield lambda: subtraction("other", 5, 22, smoothing=16384, one_minus_smoothing=3, smoothing_bits=3,
                              spectral_subtraction_bits=13, min_signal_remaining=9000)
    yield lambda: gain("usual", CHANNELS, gain_table(), 6)
    yield lambda: gain("strong", 20, gain_table(2.0, 1.0, 15, 2), 0)
    yield lambda: gain("any", 30, generator("gains").integers(-32768, 32768, 125), 11)
    for scale, bits in ((64, 3), (1600, 0), (2000, 7), (1, 31)):
        yield lambda s=scale, b=bits: logarithm(CHANNELS, s, b)
    yield reshaped_words
    yield lambda: front_end("usual", SAMPLES, LENGTH, CHANNELS, 40)
    yield lambda: front_end("clamped", SAMPLES, LENGTH, CHANNELS, clamping=True)
    yield lambda: front_end("short", 200, 256, 10)
    yield keyword


def halves(array):
    """Numbers of 32 bits and more as numbers of 16, truth values as bytes."""
    if array.dtype == bool:
        return array.view(np.uint8)
    if array.dtype.itemsize < 4 or array.dtype.kind != "u":
        return array
    return np.ascontiguousarray(array)[..., None].view(np.uint16)


def reference(case):
    interpreter = runtime.Interpreter.from_bytes(case.model, arena_size=ARENA_BYTES)
    outputs = len(runtime.convert_bytearray_to_object(bytearray(case.model)).subgraphs[0].outputs)
    results = [[] for _ in range(outputs)]
    for vector in range(len(case.inputs[0])):
        for index, array in enumerate(case.inputs):
            interpreter.set_input(array[vector], index)
        interpreter.invoke()
        for index, values in enumerate(results):
            values.append(np.array(interpreter.get_output(index)))
    return [np.stack(values) for values in results]


def main(description, cases, reference):
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--output", type=pathlib.Path, required=True, help="the archive to write")
    parser.add_argument("--unpack", type=pathlib.Path, help="also write the archive's files into this folder")
    options = parser.parse_args()
    made = {case.name: case for case in cases}
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        for case in made.values():
            (folder / f"{case.name}.tflite").write_bytes(case.model)
            for role, arrays in (("input", case.inputs), ("output", reference(case))):
                for index, array in enumerate(arrays):
                    make_operators.save(folder / f"{case.name}.{role}{index}.npy", halves(array))
        make_operators.write_archive(folder, options.output)
        if options.unpack:
            make_operators.replace_folder(folder, options.unpack)
        make_operators.report(made, {}, {}, options.output)


if __name__ == "__main__":
    main(__doc__, (build() for build in cases()), reference)
