#include <new>
#include <vector>

#include "ctflite.h"
#include "tflite_subset_generated.h"

using namespace lockstep_tflite;
using flatbuffers::Offset;

struct ctflite_writer {
  flatbuffers::FlatBufferBuilder builder{1 << 16};
  std::vector<Offset<Buffer>> buffers;
  std::vector<Offset<Tensor>> tensors;
  std::vector<Offset<Operator>> operators;
  // Kinds of operators and their versions, in the order in which they are met.
  std::vector<std::pair<int, int>> codes;
  // The buffer that holds metadata; 0 where there are none.
  uint32_t metadata = 0;
};

namespace {

template <typename T, typename View>
Offset<flatbuffers::Vector<T>> vector(flatbuffers::FlatBufferBuilder &builder, const View &view) {
  return builder.CreateVector(view.elements, view.count);
}

// The options' table of an operator; its kind is `type`, none where the operator takes no options.
Offset<void> options(flatbuffers::FlatBufferBuilder &b, BuiltinOptions &type, const ctflite_operator &op) {
  const ctflite_options &o = op.options;
  const auto activation = static_cast<int8_t>(o.activation);
  const auto padding = static_cast<int8_t>(o.padding);
  switch (op.builtin_code) {
  case 0:
    type = BuiltinOptions_AddOptions;
    return CreateAddOptions(b, activation).Union();
  case 1:
  case 17:
    type = BuiltinOptions_Pool2DOptions;
    return CreatePool2DOptions(
               b, padding, o.stride_width, o.stride_height, o.filter_width, o.filter_height, activation)
        .Union();
  case 2:
    type = BuiltinOptions_ConcatenationOptions;
    return CreateConcatenationOptions(b, o.axis, activation).Union();
  case 3:
    type = BuiltinOptions_Conv2DOptions;
    return CreateConv2DOptions(
               b, padding, o.stride_width, o.stride_height, activation, o.dilation_width, o.dilation_height)
        .Union();
  case 4:
    type = BuiltinOptions_DepthwiseConv2DOptions;
    return CreateDepthwiseConv2DOptions(
               b, padding, o.stride_width, o.stride_height, o.depth_multiplier, activation, o.dilation_width,
               o.dilation_height)
        .Union();
  case 9:
    type = BuiltinOptions_FullyConnectedOptions;
    return CreateFullyConnectedOptions(b, activation, 0, o.keep_dimensions).Union();
  case 5:
    type = BuiltinOptions_DepthToSpaceOptions;
    return CreateDepthToSpaceOptions(b, o.block).Union();
  case 26:
    type = BuiltinOptions_SpaceToDepthOptions;
    return CreateSpaceToDepthOptions(b, o.block).Union();
  case 36:
    type = BuiltinOptions_GatherOptions;
    return CreateGatherOptions(b, o.axis, o.batch_dimensions).Union();
  case 49:
    type = BuiltinOptions_SplitOptions;
    return CreateSplitOptions(b, static_cast<int32_t>(op.outputs.count)).Union();
  case 83:
    type = BuiltinOptions_PackOptions;
    return CreatePackOptions(b, static_cast<int32_t>(op.inputs.count), o.axis).Union();
  case 88:
    type = BuiltinOptions_UnpackOptions;
    return CreateUnpackOptions(b, static_cast<int32_t>(op.outputs.count), o.axis).Union();
  case 97:
    type = BuiltinOptions_ResizeNearestNeighborOptions;
    return CreateResizeNearestNeighborOptions(b, o.aligns_corners, o.has_half_pixel_centers).Union();
  case 100:
    type = BuiltinOptions_MirrorPadOptions;
    return CreateMirrorPadOptions(b, static_cast<int8_t>(o.mirror_mode)).Union();
  case 102:
    type = BuiltinOptions_SplitVOptions;
    return CreateSplitVOptions(b, static_cast<int32_t>(op.outputs.count)).Union();
  case 150:
    type = BuiltinOptions_GeluOptions;
    return CreateGeluOptions(b, o.is_approximate).Union();
  case 18:
    type = BuiltinOptions_MulOptions;
    return CreateMulOptions(b, activation).Union();
  case 22:
    if (!o.new_shape.elements) return 0;
    type = BuiltinOptions_ReshapeOptions;
    return CreateReshapeOptions(b, vector<int32_t>(b, o.new_shape)).Union();
  case 23:
    type = BuiltinOptions_ResizeBilinearOptions;
    return CreateResizeBilinearOptions(b, 0, 0, o.aligns_corners, o.has_half_pixel_centers).Union();
  case 25:
    type = BuiltinOptions_SoftmaxOptions;
    return CreateSoftmaxOptions(b, o.beta).Union();
  case 67:
    type = BuiltinOptions_TransposeConvOptions;
    return CreateTransposeConvOptions(b, padding, o.stride_width, o.stride_height, activation).Union();
  case 40:
  case 74:
  case 82:
  case 89:
    type = BuiltinOptions_ReducerOptions;
    return CreateReducerOptions(b, o.keep_dimensions).Union();
  case 41:
    type = BuiltinOptions_SubOptions;
    return CreateSubOptions(b, activation).Union();
  case 43:
    type = BuiltinOptions_SqueezeOptions;
    return CreateSqueezeOptions(b, vector<int32_t>(b, o.squeeze_dimensions)).Union();
  case 45:
    type = BuiltinOptions_StridedSliceOptions;
    return CreateStridedSliceOptions(
               b, o.begin_mask, o.end_mask, o.ellipsis_mask, o.new_axis_mask, o.shrink_axis_mask, o.offset)
        .Union();
  case 98:
    type = BuiltinOptions_LeakyReluOptions;
    return CreateLeakyReluOptions(b, o.alpha).Union();
  case 126:
    type = BuiltinOptions_BatchMatMulOptions;
    return CreateBatchMatMulOptions(b, o.adjoint_left, o.adjoint_right).Union();
  default:
    return 0;
  }
}

// A table without fields of a kind here, as of metadata (https://ai.google.dev/edge/litert/models/metadata,
// metadata_schema.fbs), whose fields are told by their ids.
using Table = Offset<flatbuffers::Table>;
flatbuffers::voffset_t field(int id) { return static_cast<flatbuffers::voffset_t>(4 + 2 * id); }

Offset<flatbuffers::Vector<Table>> list_of_one(flatbuffers::FlatBufferBuilder &b, flatbuffers::uoffset_t table) {
  const std::vector<Table> one{Table(table)};
  return b.CreateVector(one);
}

// ModelMetadata of a model of so many inputs and outputs, of which one has names in `file`.
void write_metadata(
    flatbuffers::FlatBufferBuilder &b, size_t inputs, size_t outputs, size_t output, ctflite_string file) {
  std::vector<Table> of_inputs, of_outputs;
  for (size_t index = 0; index < inputs; index++) of_inputs.push_back(Table(b.EndTable(b.StartTable())));
  for (size_t index = 0; index < outputs; index++) {
    if (index != output) {
      of_outputs.push_back(Table(b.EndTable(b.StartTable())));
      continue;
    }
    // AssociatedFile.name and type, 2 for the labels of an axis; TensorMetadata.associated_files.
    auto name = b.CreateString(file.bytes ? file.bytes : "", file.count);
    auto start = b.StartTable();
    b.AddOffset(field(0), name);
    b.AddElement<int8_t>(field(2), 2, 0);
    auto files = list_of_one(b, b.EndTable(start));
    start = b.StartTable();
    b.AddOffset(field(6), files);
    of_outputs.push_back(Table(b.EndTable(start)));
  }
  // SubGraphMetadata.input_tensor_metadata, output_tensor_metadata.
  auto all_inputs = b.CreateVector(of_inputs);
  auto all_outputs = b.CreateVector(of_outputs);
  auto start = b.StartTable();
  b.AddOffset(field(2), all_inputs);
  b.AddOffset(field(3), all_outputs);
  // ModelMetadata.subgraph_metadata, min_parser_version.
  auto graphs = list_of_one(b, b.EndTable(start));
  auto version = b.CreateString("1.0.0");
  start = b.StartTable();
  b.AddOffset(field(3), graphs);
  b.AddOffset(field(7), version);
  b.Finish(Table(b.EndTable(start)), "M001");
}

}  // namespace

ctflite_writer *ctflite_new_writer(void) {
  try {
    auto writer = new ctflite_writer;
    // Buffer 0 is empty: that of every tensor without data.
    writer->buffers.push_back(CreateBuffer(writer->builder));
    return writer;
  } catch (const std::bad_alloc &) {
    return nullptr;
  }
}

void ctflite_free_writer(ctflite_writer *writer) { delete writer; }

bool ctflite_add_tensor(ctflite_writer *writer, const ctflite_tensor *tensor) {
  try {
    auto &b = writer->builder;
    uint32_t buffer = 0;
    if (tensor->data.count > 0) {
      buffer = static_cast<uint32_t>(writer->buffers.size());
      b.ForceVectorAlignment(tensor->data.count, sizeof(uint8_t), 16);
      auto data = b.CreateVector(tensor->data.bytes, tensor->data.count);
      writer->buffers.push_back(CreateBuffer(b, data));
    }
    auto name = b.CreateString(tensor->name.bytes ? tensor->name.bytes : "", tensor->name.count);
    auto shape = vector<int32_t>(b, tensor->shape);
    Offset<QuantizationParameters> quantization = 0;
    if (tensor->scales.count > 0) {
      auto scales = vector<float>(b, tensor->scales);
      auto zero_points = vector<int64_t>(b, tensor->zero_points);
      quantization = CreateQuantizationParameters(
          b, 0, 0, scales, zero_points, QuantizationDetails_NONE, 0, tensor->quantized_dimension);
    }
    writer->tensors.push_back(
        CreateTensor(b, shape, static_cast<int8_t>(tensor->type), buffer, name, quantization));
    return true;
  } catch (const std::bad_alloc &) {
    return false;
  }
}

bool ctflite_add_operator(ctflite_writer *writer, const ctflite_operator *op) {
  try {
    auto &b = writer->builder;
    const std::pair<int, int> code{op->builtin_code, op->version};
    uint32_t index = 0;
    while (index < writer->codes.size() && writer->codes[index] != code) index++;
    if (index == writer->codes.size()) writer->codes.push_back(code);
    auto inputs = vector<int32_t>(b, op->inputs);
    auto outputs = vector<int32_t>(b, op->outputs);
    BuiltinOptions type = BuiltinOptions_NONE;
    auto table = options(b, type, *op);
    writer->operators.push_back(CreateOperator(b, index, inputs, outputs, type, table));
    return true;
  } catch (const std::bad_alloc &) {
    return false;
  }
}

bool ctflite_name_classes(
    ctflite_writer *writer, size_t inputs, size_t outputs, size_t output, ctflite_string file) {
  try {
    flatbuffers::FlatBufferBuilder metadata;
    write_metadata(metadata, inputs, outputs, output, file);
    auto &b = writer->builder;
    writer->metadata = static_cast<uint32_t>(writer->buffers.size());
    b.ForceVectorAlignment(metadata.GetSize(), sizeof(uint8_t), 16);
    auto data = b.CreateVector(metadata.GetBufferPointer(), metadata.GetSize());
    writer->buffers.push_back(CreateBuffer(b, data));
    return true;
  } catch (const std::bad_alloc &) {
    return false;
  }
}

ctflite_bytes ctflite_finish(
    ctflite_writer *writer, ctflite_ints inputs, ctflite_ints outputs, ctflite_string description) {
  try {
    auto &b = writer->builder;
    std::vector<Offset<OperatorCode>> codes;
    for (auto [code, version] : writer->codes) {
      // Readers take the larger of the two fields; the first ends at 127, which stands for what is in the second.
      codes.push_back(CreateOperatorCode(b, static_cast<int8_t>(code < 127 ? code : 127), 0, version, code));
    }
    auto all_codes = b.CreateVector(codes);
    auto tensors = b.CreateVector(writer->tensors);
    auto in = vector<int32_t>(b, inputs);
    auto out = vector<int32_t>(b, outputs);
    auto operators = b.CreateVector(writer->operators);
    auto name = b.CreateString("main");
    std::vector<Offset<SubGraph>> graphs{CreateSubGraph(b, tensors, in, out, operators, name)};
    auto subgraphs = b.CreateVector(graphs);
    auto text = b.CreateString(description.bytes ? description.bytes : "", description.count);
    auto buffers = b.CreateVector(writer->buffers);
    Offset<flatbuffers::Vector<Table>> metadata = 0;
    if (writer->metadata > 0) {
      // Metadata.name, buffer.
      auto title = b.CreateString("TFLITE_METADATA");
      auto start = b.StartTable();
      b.AddOffset(field(0), title);
      b.AddElement<uint32_t>(field(1), writer->metadata, 0);
      metadata = list_of_one(b, b.EndTable(start));
    }
    ModelBuilder model(b);
    model.add_buffers(buffers);
    model.add_description(text);
    model.add_subgraphs(subgraphs);
    model.add_operator_codes(all_codes);
    model.add_version(3);
    // Model.metadata, which is read apart from the rest.
    if (writer->metadata > 0) b.AddOffset(field(6), metadata);
    FinishModelBuffer(b, model.Finish());
    return ctflite_bytes{b.GetBufferPointer(), b.GetSize()};
  } catch (const std::bad_alloc &) {
    return ctflite_bytes{nullptr, 0};
  }
}
