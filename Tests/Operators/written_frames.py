"""Operators of TFLM's signal library that make a frame in some calls alone, and the inverse Fourier transform; the archive.

    python written_frames.py --output frames.tar.gz

Until its samples are there, and between its steps, TFLM leaves a frame's memory as it was, and says so in a second output. The
archive has for those calls what a buffer would hold that begins with zeros (a stacker's with its first frame); where TFLM makes
a frame, that very buffer is checked against it.
"""

import numpy as np
import written_signal
from written_signal import TYPE_INT16, Front


def framer(name, shape, size, step, count=12):
    f = Front("framer_unfilled_" + name)
    x = f.input(shape, "int16", lambda v: f.samples(int(np.prod(shape)))(v).reshape(shape))
    frames = shape[-1] // step
    made = f.custom("Framer", [x], (shape[:-1] + (frames, size), "int16"), ((), "bool"), frame_size=size, frame_step=step,
                    prefill=False)
    case = f.case(*made, count=count)
    past = (size - 1) // step * step

    def buffer(vectors):
        """Frame k of a call begins k steps behind what was kept."""
        whole = np.concatenate([np.zeros(shape[:-1] + (past,), np.int16), *vectors], -1)
        return [np.stack([whole[..., v * shape[-1] + k * step:][..., :size] for k in range(frames)], -2)
                for v in range(len(vectors))]
    return case, buffer


def stacker(name, channels, left, right, step, count=12):
    f = Front("stacker_" + name)
    x = f.input((channels,), "int16", f.samples(channels))
    width = left + right + 1
    made = f.custom("Stacker", [x], ((channels * width,), "int16"), ((), "bool"), num_channels=channels,
                    stacker_left_context=left, stacker_right_context=right, stacker_step=step)
    case = f.case(*made, count=count)

    def buffer(vectors):
        first = vectors[0] if left else np.zeros(channels, np.int16)
        whole = np.concatenate([np.broadcast_to(first, (width - 1, channels)), vectors])
        return [whole[v:v + width].ravel() for v in range(len(vectors))]
    return case, buffer


def irfft(length, count=12):
    f = Front(f"irfft_{length}")
    x = f.input((1, length + 2), "int16", lambda v: f.samples(length + 2)(v)[None])
    return f.case(f.custom("Irfft", [x], ((1, length), "int16"), T=TYPE_INT16, fft_length=length), count=count), None


def there_and_back(length):
    """Samples, their spectrum, and samples again."""
    f = Front(f"rfft_irfft_{length}")
    x = f.input((1, length), "int16", lambda v: f.samples(length)(v)[None])
    bins = f.custom("Rfft", [x], ((1, length + 2), "int16"), T=TYPE_INT16, fft_length=length)
    return f.case(f.custom("Irfft", [bins], ((1, length), "int16"), T=TYPE_INT16, fft_length=length), count=12), None


def cases():
    yield framer("hop", (1, 4), 10, 4)
    yield framer("whole_steps", (1, 4), 12, 4)
    yield framer("two_steps", (1, 5), 6, 5)
    yield framer("usual", (1, 160), 480, 160)
    yield framer("several", (1, 12), 7, 2)
    yield framer("more_than_a_frame", (1, 12), 5, 3)
    yield framer("channels", (2, 4), 9, 2)
    yield framer("flat", (6,), 14, 3)
    yield framer("much", (1, 2), 9, 1)
    yield framer("single_samples", (1, 1), 4, 1)
    yield framer("long", (1, 3), 32, 3, count=16)
    for left, right, step in ((0, 0, 1), (1, 0, 1), (0, 1, 1), (2, 2, 1), (3, 0, 1), (0, 3, 1), (1, 1, 2), (1, 1, 3),
                              (0, 2, 3), (2, 1, 2), (3, 2, 5)):
        yield stacker(f"{left}_{right}_by_{step}", 3, left, right, step)
    yield stacker("one", 1, 2, 1, 1)
    yield stacker("usual", 40, 2, 2, 3, count=16)
    for length in (4, 8, 16, 32, 64, 128, 512):
        yield irfft(length)
    yield there_and_back(32)
    yield there_and_back(256)


def reference(case):
    outputs = written_signal.reference(case)
    buffer = BUFFERS[case.name]
    if buffer is None:
        return outputs
    for frame, valid, other in zip(outputs[0], outputs[1], buffer(case.inputs[0])):
        if valid.all():
            assert np.array_equal(frame.ravel(), other.ravel()), case.name
        else:
            frame[...] = other.reshape(frame.shape)
    return outputs


CASES = list(cases())
BUFFERS = {case.name: buffer for case, buffer in CASES}

if __name__ == "__main__":
    written_signal.main(__doc__, [case for case, _ in CASES], reference)
