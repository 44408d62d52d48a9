#!/usr/bin/env python3
"""Makes indices.tar.gz: float .tflite networks with indices that are cast or looked up first, and sums of several tensors;
see README.md.

  python3 make_indices.py FOLDER     writes the files to FOLDER and packs them
"""
import os
import subprocess
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tensorflow as tf

FOLDER = sys.argv[1]
rng = np.random.default_rng(31)


def normal(*shape):
    return tf.constant(rng.normal(size=shape).astype(np.float32))


def save(name, shape, made, dtype=np.float32, high=None):
    """`made`: a function of a tensor. With `high`, inputs are whole numbers below it."""
    function = tf.function(made, input_signature=[tf.TensorSpec([1] + shape, dtype)])
    model = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()]).convert()
    inputs = rng.integers(0, high, [12, 1] + shape) if high else rng.normal(size=[12, 1] + shape)
    inputs = inputs.astype(dtype)
    interpreter = tf.lite.Interpreter(
        model_content=model, experimental_op_resolver_type=tf.lite.experimental.OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    outputs = []
    for vector in inputs:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], vector)
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))
    with open(f"{FOLDER}/{name}.tflite", "wb") as file:
        file.write(model)
    np.save(f"{FOLDER}/{name}.input0.npy", inputs[:, 0])
    np.save(f"{FOLDER}/{name}.output0.npy", np.stack(outputs))


os.makedirs(FOLDER, exist_ok=True)
table, weights, wide = normal(20, 6), normal(6, 4), normal(3, 20, 6)
order = tf.constant(rng.integers(0, 20, 12).astype(np.int32))
save("cast_rows", [5], lambda x: tf.linalg.matmul(tf.gather(table, tf.cast(x, tf.int32)), weights), high=20)
save("cast_rows_of_two", [5], lambda x: tf.gather(table, tf.cast(x, tf.int32)) * tf.gather(normal(20, 6), tf.cast(x, tf.int32)), high=20)
save("order_of_rows", [5], lambda x: tf.linalg.matmul(tf.gather(table, tf.gather(order, x)), weights), np.int32, 12)
save("order_of_rows_within", [4], lambda x: tf.gather(wide, tf.gather(order, x), axis=1), np.int32, 12)
for count in (2, 3, 5):
    save(f"sum_of_{count}", [6], lambda x: tf.linalg.matmul(
        tf.raw_ops.AddN(inputs=[x, tf.nn.relu(x), tf.tanh(x), x * 2, tf.abs(x)][:count]), weights))
subprocess.run(["tar", "czf", "indices.tar.gz", "--sort=name", "--mtime=2026-01-01", "--owner=0", "--group=0", "-C", FOLDER, "."],
               check=True)
