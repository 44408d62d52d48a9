#!/usr/bin/env python3
"""Times LiteRT on one thread, for comparison with the simulator.

    python3 simulator.py MODEL.tflite…

Needs ai-edge-litert and numpy. For each model and each of LiteRT's two sets of kernels (`default`: XNNPACK where it can,
`reference`: the plain loops) one line of JSON:

    {"model": "kws_ref_model", "kernels": "default", "nanoseconds": 22325.2}

`nanoseconds` is the time of one inference, input and output copies not counted: the least mean of 50 rounds of at least
10 ms. A model that LiteRT refuses has `error` in its place. `Simulator.nanosecondsPerInference` measures in the same way,
copies included.
"""

import json
import pathlib
import sys
import time

import numpy
from ai_edge_litert.interpreter import Interpreter, OpResolverType

KERNELS = {"default": OpResolverType.AUTO, "reference": OpResolverType.BUILTIN_REF}


def nanoseconds_per_inference(path, resolver, rounds=50, seconds=0.01):
    interpreter = Interpreter(path, experimental_op_resolver_type=resolver, num_threads=1)
    interpreter.allocate_tensors()
    random = numpy.random.default_rng(1)
    for tensor in interpreter.get_input_details():
        if numpy.issubdtype(tensor["dtype"], numpy.integer):
            bounds = numpy.iinfo(tensor["dtype"])
            codes = random.integers(bounds.min, bounds.max, tensor["shape"], tensor["dtype"], endpoint=True)
        else:
            codes = random.random(tensor["shape"]).astype(tensor["dtype"])
        interpreter.set_tensor(tensor["index"], codes)

    def time_of(count):
        start = time.perf_counter_ns()
        for _ in range(count):
            interpreter.invoke()
        return time.perf_counter_ns() - start

    time_of(3)
    # so many that looking at the clock costs nothing
    count = max(1, int(seconds * 1e9 / max(1, time_of(10) / 10)))
    return min(time_of(count) for _ in range(rounds)) / count


def main(paths):
    for path in paths:
        for kernels, resolver in KERNELS.items():
            line = {"model": pathlib.Path(path).stem, "kernels": kernels}
            try:
                line["nanoseconds"] = nanoseconds_per_inference(path, resolver)
            except (ValueError, RuntimeError) as error:
                line["error"] = str(error)
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1:])
