"""Networks as Keras tutorials make them, and what TensorFlow's converter makes of them.

Every entry of NETWORKS is a function that returns a Keras model with random weights. `tflite` converts one to int8, or to 16 × 8,
the way tutorials do: an open batch, a representative data set, integer inputs and outputs. Those of LEGACY are made with the
Keras before 3, where that is installed (tf_keras), and converted with a batch of 1, as tutorials of recurrent layers do."""

import os
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from keras import layers as L  # noqa: E402
from keras import ops  # noqa: E402

try:
    import tf_keras
except ImportError:
    tf_keras = None

NETWORKS = {}
LEGACY = {}


def network(make):
    NETWORKS[make.__name__] = make
    return make


def legacy(make):
    if tf_keras:
        NETWORKS[make.__name__] = LEGACY[make.__name__] = make
    return make


def model(inputs, outputs):
    return keras.Model(inputs, outputs)


def image(*shape):
    return keras.Input(shape or (16, 16, 3))


# Dense networks.


@network
def mlp():
    x = keras.Input((20,))
    y = L.Dense(16, activation="relu")(x)
    return model(x, L.Dense(4, activation="softmax")(y))


@network
def mlp_logits():
    x = keras.Input((20,))
    y = L.Dense(16, activation="relu")(x)
    return model(x, L.Dense(4)(y))


@network
def mlp_binary():
    x = keras.Input((12,))
    y = L.Dense(8, activation="relu")(x)
    return model(x, L.Dense(1, activation="sigmoid")(y))


@network
def mlp_regression_tanh():
    x = keras.Input((3,))
    y = L.Dense(16, activation="tanh")(x)
    return model(x, L.Dense(1)(y))


@network
def mlp_batch_normalised():
    x = keras.Input((20,))
    y = L.Dense(16, use_bias=False)(x)
    y = L.Activation("relu")(L.BatchNormalization()(y))
    y = L.Dropout(0.2)(y)
    return model(x, L.Dense(5, activation="softmax")(y))


@network
def autoencoder_dense():
    x = keras.Input((32,))
    y = L.Dense(16, activation="relu")(x)
    y = L.Dense(4, activation="relu")(y)
    y = L.Dense(16, activation="relu")(y)
    return model(x, L.Dense(32)(y))


@network
def flatten_mlp():
    x = image(8, 8, 1)
    return model(x, L.Dense(10, activation="softmax")(L.Dense(12, activation="relu")(L.Flatten()(x))))


@network
def normalised_input():
    x = image(8, 8, 3)
    y = L.Rescaling(1 / 127.5, offset=-1)(x)
    return model(x, L.Dense(4)(L.GlobalAveragePooling2D()(L.Conv2D(4, 3, activation="relu")(y))))


# Convolutions on images.


@network
def cnn():
    x = image()
    y = L.MaxPooling2D()(L.Conv2D(8, 3, activation="relu")(x))
    y = L.MaxPooling2D()(L.Conv2D(8, 3, activation="relu")(y))
    y = L.Dense(16, activation="relu")(L.Flatten()(y))
    return model(x, L.Dense(10, activation="softmax")(y))


@network
def cnn_batch_normalised():
    x = image()
    y = L.ReLU()(L.BatchNormalization()(L.Conv2D(8, 3, padding="same", use_bias=False)(x)))
    y = L.AveragePooling2D(2)(y)
    return model(x, L.Dense(10)(L.Flatten()(y)))


@network
def cnn_global_average():
    x = image()
    y = L.Conv2D(8, 3, strides=2, padding="same", activation="relu")(x)
    return model(x, L.Dense(4, activation="softmax")(L.GlobalAveragePooling2D()(y)))


@network
def cnn_global_maximum():
    x = image()
    y = L.Conv2D(8, 3, activation="relu")(x)
    return model(x, L.Dense(4)(L.GlobalMaxPooling2D()(y)))


def depthwise_block(y, filters, stride):
    if stride == 2:
        y = L.ZeroPadding2D(((0, 1), (0, 1)))(y)
    y = L.DepthwiseConv2D(3, strides=stride, padding="same" if stride == 1 else "valid", use_bias=False)(y)
    y = L.ReLU(6.0)(L.BatchNormalization()(y))
    y = L.Conv2D(filters, 1, use_bias=False)(y)
    return L.ReLU(6.0)(L.BatchNormalization()(y))


@network
def ds_cnn():
    x = image(25, 10, 1)
    y = L.Conv2D(8, (10, 4), strides=2, padding="same", activation="relu")(x)
    y = depthwise_block(depthwise_block(y, 8, 1), 8, 1)
    y = L.AveragePooling2D((y.shape[1], y.shape[2]))(y)
    return model(x, L.Dense(12, activation="softmax")(L.Flatten()(y)))


@network
def mobilenet_v1():
    x = image(32, 32, 3)
    y = L.Conv2D(8, 3, strides=2, padding="same", activation="relu")(x)
    y = depthwise_block(depthwise_block(depthwise_block(y, 8, 1), 16, 2), 16, 2)
    y = L.GlobalAveragePooling2D(keepdims=True)(y)
    y = L.Conv2D(5, 1)(L.Dropout(0.1)(y))
    return model(x, L.Activation("softmax")(L.Reshape((5,))(y)))


@network
def mobilenet_v2():
    x = image(32, 32, 3)
    y = L.Conv2D(8, 3, strides=2, padding="same", activation="relu")(x)
    for stride in (1, 2, 1):
        z = L.ReLU(6.0)(L.BatchNormalization()(L.Conv2D(24, 1, use_bias=False)(y)))
        if stride == 2:
            z = L.ZeroPadding2D(((0, 1), (0, 1)))(z)
        z = L.DepthwiseConv2D(3, strides=stride, padding="same" if stride == 1 else "valid", use_bias=False)(z)
        z = L.ReLU(6.0)(L.BatchNormalization()(z))
        z = L.BatchNormalization()(L.Conv2D(8, 1, use_bias=False)(z))
        y = L.Add()([y, z]) if stride == 1 else z
    return model(x, L.Dense(3)(L.GlobalAveragePooling2D()(y)))


@network
def resnet():
    x = image()
    y = L.Conv2D(8, 3, padding="same", activation="relu")(x)
    z = L.Conv2D(8, 3, padding="same", activation="relu")(y)
    z = L.BatchNormalization()(L.Conv2D(8, 3, padding="same")(z))
    y = L.ReLU()(L.Add()([y, z]))
    return model(x, L.Dense(10, activation="softmax")(L.Flatten()(L.AveragePooling2D(4)(y))))


@network
def inception():
    x = image()
    a = L.Conv2D(4, 1, activation="relu")(x)
    b = L.Conv2D(4, 3, padding="same", activation="relu")(x)
    c = L.Conv2D(4, 1)(L.MaxPooling2D(3, strides=1, padding="same")(x))
    return model(x, L.Dense(3)(L.GlobalAveragePooling2D()(L.Concatenate()([a, b, c]))))


@network
def densenet():
    x = image(8, 8, 4)
    y = x
    for _ in range(3):
        z = L.Conv2D(4, 3, padding="same")(L.ReLU()(L.BatchNormalization()(y)))
        y = L.Concatenate()([y, z])
    return model(x, L.Dense(3)(L.GlobalAveragePooling2D()(y)))


@network
def squeeze_and_excitation():
    x = image(8, 8, 8)
    y = L.Conv2D(8, 3, padding="same", activation="relu")(x)
    z = L.GlobalAveragePooling2D(keepdims=True)(y)
    z = L.Conv2D(8, 1, activation="sigmoid")(L.Conv2D(4, 1, activation="relu")(z))
    return model(x, L.Dense(3)(L.GlobalAveragePooling2D()(L.Multiply()([y, z]))))


@network
def separable():
    x = image()
    y = L.SeparableConv2D(8, 3, activation="relu")(x)
    return model(x, L.Dense(3)(L.GlobalAveragePooling2D()(y)))


@network
def dilated():
    x = image()
    y = L.Conv2D(6, 3, dilation_rate=2, padding="same", activation="relu")(x)
    return model(x, L.Conv2D(2, 1)(y))


@network
def strided_padding():
    x = image(17, 17, 3)
    y = L.Conv2D(8, 3, strides=2)(L.ZeroPadding2D(1)(x))
    return model(x, L.Dense(3)(L.Flatten()(L.ReLU()(y))))


@network
def cropping():
    x = image()
    return model(x, L.Dense(3)(L.Flatten()(L.Conv2D(4, 3)(L.Cropping2D(2)(x)))))


# Decoders.


@network
def unet():
    x = image()
    a = L.Conv2D(4, 3, padding="same", activation="relu")(x)
    b = L.Conv2D(8, 3, padding="same", activation="relu")(L.MaxPooling2D()(a))
    y = L.Conv2DTranspose(4, 2, strides=2, padding="same")(b)
    y = L.Conv2D(4, 3, padding="same", activation="relu")(L.Concatenate()([a, y]))
    return model(x, L.Conv2D(1, 1, activation="sigmoid")(y))


@network
def transposed_convolutions():
    x = image(4, 4, 4)
    y = L.Conv2DTranspose(8, 3, strides=2, padding="same", activation="relu")(x)
    y = L.Conv2DTranspose(4, 3, strides=1, padding="valid", activation="relu")(y)
    return model(x, L.Conv2DTranspose(1, 5, strides=3, padding="valid")(y))


@network
def autoencoder_upsampling():
    x = image()
    y = L.MaxPooling2D()(L.Conv2D(4, 3, padding="same", activation="relu")(x))
    y = L.UpSampling2D()(L.Conv2D(4, 3, padding="same", activation="relu")(y))
    return model(x, L.Conv2D(3, 3, padding="same", activation="sigmoid")(y))


@network
def upsampling_bilinear():
    x = image(8, 8, 4)
    y = L.UpSampling2D(interpolation="bilinear")(L.Conv2D(4, 3, padding="same")(x))
    return model(x, L.Conv2D(2, 1)(y))


@network
def resize_nearest():
    x = image(6, 6, 3)
    y = ops.image.resize(L.Conv2D(4, 3, padding="same")(x), (12, 18), interpolation="nearest")
    return model(x, L.Conv2D(2, 1)(y))


@network
def pixel_shuffle():
    x = image(8, 8, 3)
    y = L.Conv2D(12, 3, padding="same")(x)
    return model(x, L.Lambda(lambda t: tf.nn.depth_to_space(t, 2))(y))


@network
def space_to_depth():
    x = image(8, 8, 3)
    y = L.Lambda(lambda t: tf.nn.space_to_depth(t, 2))(x)
    return model(x, L.Conv2D(4, 3)(y))


# Series.


@network
def conv1d():
    x = keras.Input((32, 4))
    y = L.MaxPooling1D()(L.Conv1D(8, 3, activation="relu")(x))
    y = L.GlobalAveragePooling1D()(L.Conv1D(8, 3, activation="relu")(y))
    return model(x, L.Dense(3, activation="softmax")(y))


@network
def conv1d_global_maximum():
    x = keras.Input((32, 4))
    y = L.GlobalMaxPooling1D()(L.Conv1D(8, 5, activation="relu")(x))
    return model(x, L.Dense(3)(y))


@network
def temporal_convolutions():
    x = keras.Input((32, 4))
    y = x
    for rate in (1, 2, 4):
        y = L.Conv1D(6, 2, padding="causal", dilation_rate=rate, activation="relu")(y)
    return model(x, L.Dense(2)(L.Flatten()(y)))


@network
def conv1d_transposed():
    x = keras.Input((8, 4))
    y = L.Conv1DTranspose(4, 4, strides=2, padding="same", activation="relu")(x)
    return model(x, L.Conv1D(1, 3, padding="same")(y))


@network
def accelerometer():
    x = keras.Input((40, 3))
    y = L.Reshape((40, 3, 1))(x)
    y = L.Conv2D(4, (4, 3), padding="same", activation="relu")(y)
    y = L.MaxPooling2D((3, 3))(y)
    y = L.Conv2D(4, (4, 1), padding="same", activation="relu")(y)
    return model(x, L.Dense(4, activation="softmax")(L.Flatten()(L.MaxPooling2D((3, 1), padding="same")(y))))


@network
def dense_on_steps():
    x = keras.Input((10, 6))
    y = L.Dense(8, activation="relu")(x)
    return model(x, L.Dense(3)(y))


@network
def lstm_unrolled():
    x = keras.Input((6, 4))
    return model(x, L.Dense(2)(L.LSTM(5, unroll=True)(x)))


@network
def gru_unrolled():
    x = keras.Input((6, 4))
    return model(x, L.Dense(2)(L.GRU(5, unroll=True)(x)))


@network
def rnn_unrolled():
    x = keras.Input((6, 4))
    return model(x, L.Dense(2)(L.SimpleRNN(5, unroll=True)(x)))


# Activations.


def activated(activation, *shape):
    x = image(*(shape or (8, 8, 3)))
    y = activation(L.Conv2D(6, 3, padding="same")(x))
    return model(x, L.Dense(3)(L.GlobalAveragePooling2D()(y)))


@network
def leaky_relu():
    return activated(L.LeakyReLU())


@network
def prelu():
    return activated(L.PReLU(shared_axes=[1, 2], alpha_initializer=keras.initializers.RandomUniform(-0.5, 0.5)))


@network
def elu():
    return activated(L.ELU())


@network
def gelu():
    return activated(L.Activation("gelu"))


@network
def swish():
    return activated(L.Activation("silu"))


@network
def hard_swish():
    return activated(L.Activation("hard_silu"))


@network
def softsign_of_absolute():
    return activated(lambda y: ops.divide(y, 1.0 + ops.absolute(y)))


@network
def exponential_and_logarithm():
    return activated(lambda y: ops.log(1.0 + ops.exp(y)))


@network
def minimum_and_maximum():
    x = image(8, 8, 3)
    a, b = L.Conv2D(4, 3)(x), L.Conv2D(4, 3)(x)
    y = L.Concatenate()([L.Maximum()([a, b]), L.Minimum()([a, b])])
    return model(x, L.Dense(3)(L.GlobalAveragePooling2D()(y)))


# Attention and normalisation.


@network
def layer_normalisation():
    x = keras.Input((6, 8))
    y = L.LayerNormalization()(L.Dense(8)(x))
    return model(x, L.Dense(2)(L.GlobalAveragePooling1D()(y)))


@network
def dot_attention():
    x = keras.Input((6, 8))
    y = L.Attention()([L.Dense(8)(x), L.Dense(8)(x)])
    return model(x, L.Dense(2)(L.GlobalAveragePooling1D()(y)))


@network
def multi_head_attention():
    x = keras.Input((6, 8))
    y = L.MultiHeadAttention(2, 4)(x, x)
    return model(x, L.Dense(2)(L.GlobalAveragePooling1D()(y)))


@network
def transformer():
    x = keras.Input((6, 8))
    y = L.LayerNormalization()(x + L.MultiHeadAttention(2, 4)(x, x))
    z = L.Dense(8)(L.Dense(16, activation="gelu")(y))
    y = L.LayerNormalization()(y + z)
    return model(x, L.Dense(2, activation="softmax")(L.GlobalAveragePooling1D()(y)))


@network
def unit_normalised():
    x = keras.Input((12,))
    return model(x, L.UnitNormalization()(L.Dense(8)(x)))


# Several inputs and outputs, movement, reductions.


@network
def two_inputs():
    a, b = keras.Input((8,)), keras.Input((8,))
    y = L.Concatenate()([L.Dense(6, activation="relu")(a), L.Dense(6, activation="relu")(b)])
    return model([a, b], L.Dense(3)(y))


@network
def two_outputs():
    x = image(8, 8, 3)
    y = L.Flatten()(L.Conv2D(4, 3, activation="relu")(x))
    return model(x, [L.Dense(3, activation="softmax")(y), L.Dense(1)(y)])


@network
def split_and_stack():
    x = image(8, 8, 4)
    a, b = ops.split(L.Conv2D(8, 3)(x), 2, axis=-1)
    y = ops.stack([L.ReLU()(a), b], axis=1)
    return model(x, L.Dense(2)(L.Flatten()(y)))


@network
def reflected_padding():
    x = image(8, 8, 3)
    y = ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect")
    return model(x, L.Conv2D(4, 3)(y))


@network
def sums_over_axes():
    x = image(8, 8, 3)
    y = L.Conv2D(6, 3, activation="relu")(x)
    return model(x, L.Dense(3)(ops.concatenate([ops.sum(y, (1, 2)), ops.mean(y, (1, 2))], -1)))


@network
def maximum_over_channels():
    x = image(8, 8, 3)
    y = ops.max(L.Conv2D(6, 3)(x), axis=-1)
    return model(x, L.Dense(3)(L.Flatten()(y)))


@network
def class_index():
    x = keras.Input((12,))
    return model(x, L.Lambda(lambda t: tf.argmax(t, -1, output_type=tf.int32))(L.Dense(7)(x)))


@network
def permuted():
    x = keras.Input((6, 8))
    y = L.Dense(4)(L.Permute((2, 1))(x))
    return model(x, L.Dense(3)(L.Flatten()(L.RepeatVector(2)(L.Flatten()(y)))))


@network
def gated():
    x = image(8, 8, 3)
    y = L.Multiply()([L.Conv2D(4, 3, activation="tanh")(x), L.Conv2D(4, 3, activation="sigmoid")(x)])
    z = L.Subtract()([y, L.Conv2D(4, 3)(x)])
    return model(x, L.Dense(3)(L.GlobalAveragePooling2D()(z)))


# Recurrent layers that are not unrolled: the converter leaves those of Keras 3 to TensorFlow, so that there is no file.


@network
def lstm_fused():
    x = keras.Input((6, 4))
    return model(x, L.Dense(2)(L.LSTM(5)(x)))


@network
def gru_fused():
    x = keras.Input((6, 4))
    return model(x, L.Dense(2)(L.GRU(5)(x)))


@network
def bidirectional_lstm():
    x = keras.Input((6, 4))
    return model(x, L.Dense(2)(L.Bidirectional(L.LSTM(5))(x)))


# The converter fuses an LSTM of the Keras before 3 into one operator with state.


@legacy
def legacy_lstm():
    x = tf_keras.Input((6, 4))
    return tf_keras.Model(x, tf_keras.layers.Dense(2)(tf_keras.layers.LSTM(5)(x)))


@legacy
def legacy_lstm_sequence():
    x = tf_keras.Input((6, 4))
    y = tf_keras.layers.LSTM(5, return_sequences=True)(x)
    return tf_keras.Model(x, tf_keras.layers.Dense(2)(y))


@legacy
def legacy_lstm_stacked():
    x = tf_keras.Input((7, 3))
    y = tf_keras.layers.LSTM(8, return_sequences=True)(x)
    y = tf_keras.layers.Dropout(0.2)(tf_keras.layers.LSTM(4)(y))
    return tf_keras.Model(x, tf_keras.layers.Dense(3, activation="softmax")(y))


@legacy
def legacy_lstm_behind_convolution():
    x = tf_keras.Input((16, 3))
    y = tf_keras.layers.MaxPooling1D(2)(tf_keras.layers.Conv1D(6, 3, padding="same", activation="relu")(x))
    return tf_keras.Model(x, tf_keras.layers.Dense(2)(tf_keras.layers.LSTM(5)(y)))


@legacy
def legacy_lstm_bidirectional():
    x = tf_keras.Input((6, 4))
    return tf_keras.Model(x, tf_keras.layers.Dense(2)(tf_keras.layers.Bidirectional(tf_keras.layers.LSTM(5))(x)))


def embedding():
    x = keras.Input((8,), dtype="int32")
    y = L.GlobalAveragePooling1D()(L.Embedding(50, 6)(x))
    return model(x, L.Dense(2)(y))


FUSED = {"lstm_fused", "gru_fused", "bidirectional_lstm"}


def legacy_tflite(name, sixteen):
    """As `tflite`, of the Keras before 3, through a saved model with a batch of 1."""
    tf_keras.utils.set_random_seed(int.from_bytes(name.encode(), "little") % (1 << 31))
    made = LEGACY[name]()
    shape = (1, *made.inputs[0].shape[1:])
    random = np.random.default_rng(7)
    with tempfile.TemporaryDirectory() as folder:
        run = tf.function(made).get_concrete_function(tf.TensorSpec(shape, tf.float32))
        made.save(folder, save_format="tf", signatures=run)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        return converted(
            converter, lambda: ([random.uniform(-1, 1, shape).astype(np.float32)] for _ in range(40)), sixteen)


def tflite(name, sixteen=False):
    """The .tflite bytes of a network, seeded by its name; its batch is open. Activations are int8, or (`sixteen`) int16."""
    if name in LEGACY:
        return legacy_tflite(name, sixteen)
    keras.utils.set_random_seed(int.from_bytes(name.encode(), "little") % (1 << 31))
    made = NETWORKS[name]()
    random = np.random.default_rng(7)
    for layer in made.layers:
        if isinstance(layer, L.BatchNormalization):
            gamma, beta, mean, variance = layer.get_weights()
            layer.set_weights([
                random.uniform(0.5, 1.5, gamma.shape), random.normal(0, 0.3, beta.shape),
                random.normal(0, 0.3, mean.shape), random.uniform(0.5, 1.5, variance.shape)])
        elif getattr(layer, "bias", None) is not None:
            weights = layer.get_weights()
            if weights and weights[-1].ndim == 1:
                weights[-1] = random.normal(0, 0.1, weights[-1].shape)
                layer.set_weights(weights)

    scale = 255 if name == "normalised_input" else 1

    def samples():
        for _ in range(40):
            yield [
                random.uniform(0 if scale == 255 else -1, scale, (1, *tensor.shape[1:])).astype(np.float32)
                for tensor in made.inputs]

    return converted(tf.lite.TFLiteConverter.from_keras_model(made), samples, sixteen, has_codes=name != "class_index")


def converted(converter, samples, sixteen, has_codes=True):
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = samples
    kinds, codes = tf.lite.OpsSet, tf.int16 if sixteen else tf.int8
    converter.target_spec.supported_ops = [
        kinds.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8 if sixteen else kinds.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = codes
    if has_codes:
        converter.inference_output_type = codes
    return converter.convert()
