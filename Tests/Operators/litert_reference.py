"""Runs LiteRT's reference kernels on models of a folder and writes what they return, as tflm_reference.py does.

    python litert_reference.py FOLDER NAME [NAME ...]
"""

import pathlib
import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from tflm_reference import save


def main(folder, name):
    interpreter = Interpreter(
        model_path=str(folder / f"{name}.tflite"), experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    inputs = []
    while (path := folder / f"{name}.input{len(inputs)}.npy").exists():
        inputs.append(np.load(path))
    results = [[] for _ in interpreter.get_output_details()]
    for vector in range(len(inputs[0])):
        for details, array in zip(interpreter.get_input_details(), inputs):
            interpreter.set_tensor(details["index"], array[vector])
        interpreter.invoke()
        for details, values in zip(interpreter.get_output_details(), results):
            values.append(np.array(interpreter.get_tensor(details["index"])))
    for index, values in enumerate(results):
        save(folder / f"{name}.output{index}.npy", np.stack(values))


if __name__ == "__main__":
    for model in sys.argv[2:]:
        main(pathlib.Path(sys.argv[1]), model)
