// A TensorFlow Lite file behind plain C structures. All pointers point into the bytes given to ctflite_open, which must
// outlive the handle; a vector that the file leaves out is a null pointer with count 0.
#ifndef CTFLITE_H
#define CTFLITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ctflite_model ctflite_model;

typedef struct {
  const char *bytes;
  size_t count;
} ctflite_string;
typedef struct {
  const uint8_t *bytes;
  size_t count;
} ctflite_bytes;
// Elements of a file's vectors may lie unaligned in hostile files; the verifier refuses those.
typedef struct {
  const int32_t *elements;
  size_t count;
} ctflite_ints;
typedef struct {
  const int64_t *elements;
  size_t count;
} ctflite_longs;
typedef struct {
  const float *elements;
  size_t count;
} ctflite_floats;

typedef struct {
  ctflite_string name;
  ctflite_ints shape;
  // The shape with -1 for dimensions fixed at run time; empty where all are fixed.
  ctflite_ints shape_signature;
  int type;
  uint32_t buffer;
  ctflite_bytes data;
  // Data behind the FlatBuffer's tables, at an offset and of a size that pass the file's end.
  bool lies_outside;
  bool is_variable;
  bool is_sparse;
  bool has_custom_quantization;
  ctflite_floats scales;
  ctflite_longs zero_points;
  int quantized_dimension;
} ctflite_tensor;

// The options of an operator, flat: only the fields of its own kind have a meaning.
typedef struct {
  bool present;
  int padding, stride_width, stride_height, dilation_width, dilation_height;
  int filter_width, filter_height, depth_multiplier, activation, weights_format, axis, batch_dimensions;
  bool keep_dimensions;
  bool adjoint_left, adjoint_right;
  float beta, alpha;
  ctflite_ints new_shape, squeeze_dimensions;
  int begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask;
  bool offset;
  int mirror_mode, block;
  bool aligns_corners, has_half_pixel_centers, is_approximate;
  bool exclusive, reverse;
  int subgraph, rank;
  int condition_subgraph, body_subgraph;
  float cell_clip, projection_clip;
  bool time_major;
  ctflite_string container, shared_name;
} ctflite_options;

typedef struct {
  // The larger of the code's two fields, as TensorFlow Lite reads them.
  int builtin_code;
  int version;
  ctflite_string custom_code;
  // In the format that the operator has agreed with its kernel.
  ctflite_bytes custom_options;
  ctflite_ints inputs, outputs;
  ctflite_options options;
} ctflite_operator;

typedef struct {
  ctflite_string key;
  uint32_t subgraph;
  size_t inputs, outputs;
} ctflite_signature;

// Verifies and opens a model; null, with a reason in `error`, where the bytes are no sound model.
ctflite_model *ctflite_open(const uint8_t *bytes, size_t count, const char **error);
void ctflite_close(ctflite_model *model);

uint32_t ctflite_version(const ctflite_model *model);
size_t ctflite_subgraph_count(const ctflite_model *model);
// Another of its subgraphs, as a handle that must be closed as well; null where there is none.
ctflite_model *ctflite_subgraph(const ctflite_model *model, size_t index);
ctflite_string ctflite_description(const ctflite_model *model);
// What a signature calls a tensor of its subgraph.
typedef struct {
  ctflite_string name;
  uint32_t tensor;
} ctflite_port;
size_t ctflite_signature_count(const ctflite_model *model);
// False where the entry is missing.
bool ctflite_get_signature(const ctflite_model *model, size_t index, ctflite_signature *signature);
bool ctflite_get_signature_port(
    const ctflite_model *model, size_t signature, bool is_output, size_t index, ctflite_port *port);
// Of the first subgraph, or the one that the handle is for.
size_t ctflite_tensor_count(const ctflite_model *model);
size_t ctflite_operator_count(const ctflite_model *model);
ctflite_ints ctflite_inputs(const ctflite_model *model);
ctflite_ints ctflite_outputs(const ctflite_model *model);
// False where the entry is missing or names a buffer or operator code that does not exist.
bool ctflite_get_tensor(const ctflite_model *model, size_t index, ctflite_tensor *tensor);
bool ctflite_get_operator(const ctflite_model *model, size_t index, ctflite_operator *operator_);

// Writes a model, through the same structures: its tensors and operators in order, then the rest. What is given is copied;
// of a tensor that is name, shape, type, data and quantisation, of an operator all but custom_code, custom_options and
// options.present.
// All together must stay below 2^30 bytes. False, or null, where memory ends.
typedef struct ctflite_writer ctflite_writer;
ctflite_writer *ctflite_new_writer(void);
void ctflite_free_writer(ctflite_writer *writer);
bool ctflite_add_tensor(ctflite_writer *writer, const ctflite_tensor *tensor);
bool ctflite_add_operator(ctflite_writer *writer, const ctflite_operator *operator_);
// Adds metadata: the classes of one of the outputs are named in `file`, of an archive that is put behind the model's bytes.
bool ctflite_name_classes(
    ctflite_writer *writer, size_t inputs, size_t outputs, size_t output, ctflite_string file);
// The file's bytes, which live as long as the writer.
ctflite_bytes ctflite_finish(
    ctflite_writer *writer, ctflite_ints inputs, ctflite_ints outputs, ctflite_string description);

#ifdef __cplusplus
}
#endif
#endif
