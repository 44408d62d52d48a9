#include "ctflite.h"

#include <algorithm>
#include <new>

#include "tflite_subset_generated.h"

using namespace lockstep_tflite;

struct ctflite_model {
  const uint8_t *bytes;
  size_t count;
  const Model *model;
  const SubGraph *graph;
};

namespace {

ctflite_string string(const flatbuffers::String *s) {
  return s ? ctflite_string{s->c_str(), s->size()} : ctflite_string{nullptr, 0};
}
template <typename View, typename T>
View view(const flatbuffers::Vector<T> *v) {
  return v ? View{v->data(), v->size()} : View{nullptr, 0};
}
ctflite_ints ints(const flatbuffers::Vector<int32_t> *v) { return view<ctflite_ints>(v); }

template <typename Options>
void window(const Options *o, ctflite_options &out) {
  out.padding = o->padding();
  out.stride_width = o->stride_w();
  out.stride_height = o->stride_h();
  out.activation = o->fused_activation_function();
}

ctflite_options options(const Operator *op) {
  ctflite_options out = {};
  out.beta = 1;
  out.dilation_width = out.dilation_height = 1;
  out.present = op->builtin_options() != nullptr;
  if (!out.present) return out;
  switch (op->builtin_options_type()) {
  case BuiltinOptions_Conv2DOptions: {
    auto o = op->builtin_options_as_Conv2DOptions();
    window(o, out);
    out.dilation_width = o->dilation_w_factor();
    out.dilation_height = o->dilation_h_factor();
    break;
  }
  case BuiltinOptions_DepthwiseConv2DOptions: {
    auto o = op->builtin_options_as_DepthwiseConv2DOptions();
    window(o, out);
    out.depth_multiplier = o->depth_multiplier();
    out.dilation_width = o->dilation_w_factor();
    out.dilation_height = o->dilation_h_factor();
    break;
  }
  case BuiltinOptions_Pool2DOptions: {
    auto o = op->builtin_options_as_Pool2DOptions();
    window(o, out);
    out.filter_width = o->filter_width();
    out.filter_height = o->filter_height();
    break;
  }
  case BuiltinOptions_FullyConnectedOptions: {
    auto o = op->builtin_options_as_FullyConnectedOptions();
    out.activation = o->fused_activation_function();
    out.weights_format = o->weights_format();
    out.keep_dimensions = o->keep_num_dims();
    break;
  }
  case BuiltinOptions_SoftmaxOptions:
    out.beta = op->builtin_options_as_SoftmaxOptions()->beta();
    break;
  case BuiltinOptions_ConcatenationOptions: {
    auto o = op->builtin_options_as_ConcatenationOptions();
    out.axis = o->axis();
    out.activation = o->fused_activation_function();
    break;
  }
  case BuiltinOptions_AddOptions:
    out.activation = op->builtin_options_as_AddOptions()->fused_activation_function();
    break;
  case BuiltinOptions_SubOptions:
    out.activation = op->builtin_options_as_SubOptions()->fused_activation_function();
    break;
  case BuiltinOptions_MulOptions:
    out.activation = op->builtin_options_as_MulOptions()->fused_activation_function();
    break;
  case BuiltinOptions_ReshapeOptions:
    out.new_shape = ints(op->builtin_options_as_ReshapeOptions()->new_shape());
    break;
  case BuiltinOptions_SqueezeOptions:
    out.squeeze_dimensions = ints(op->builtin_options_as_SqueezeOptions()->squeeze_dims());
    break;
  case BuiltinOptions_ReducerOptions:
    out.keep_dimensions = op->builtin_options_as_ReducerOptions()->keep_dims();
    break;
  case BuiltinOptions_StridedSliceOptions: {
    auto o = op->builtin_options_as_StridedSliceOptions();
    out.begin_mask = o->begin_mask();
    out.end_mask = o->end_mask();
    out.ellipsis_mask = o->ellipsis_mask();
    out.new_axis_mask = o->new_axis_mask();
    out.shrink_axis_mask = o->shrink_axis_mask();
    out.offset = o->offset();
    break;
  }
  case BuiltinOptions_GatherOptions: {
    auto o = op->builtin_options_as_GatherOptions();
    out.axis = o->axis();
    out.batch_dimensions = o->batch_dims();
    break;
  }
  case BuiltinOptions_TransposeConvOptions:
    window(op->builtin_options_as_TransposeConvOptions(), out);
    break;
  case BuiltinOptions_ResizeBilinearOptions: {
    auto o = op->builtin_options_as_ResizeBilinearOptions();
    out.aligns_corners = o->align_corners();
    out.has_half_pixel_centers = o->half_pixel_centers();
    break;
  }
  case BuiltinOptions_CumsumOptions: {
    auto o = op->builtin_options_as_CumsumOptions();
    out.exclusive = o->exclusive();
    out.reverse = o->reverse();
    break;
  }
  case BuiltinOptions_SVDFOptions:
    out.rank = op->builtin_options_as_SVDFOptions()->rank();
    break;
  case BuiltinOptions_UnidirectionalSequenceLSTMOptions: {
    auto o = op->builtin_options_as_UnidirectionalSequenceLSTMOptions();
    out.activation = o->fused_activation_function();
    out.cell_clip = o->cell_clip();
    out.projection_clip = o->proj_clip();
    out.time_major = o->time_major();
    break;
  }
  case BuiltinOptions_WhileOptions: {
    auto o = op->builtin_options_as_WhileOptions();
    out.condition_subgraph = o->cond_subgraph_index();
    out.body_subgraph = o->body_subgraph_index();
    break;
  }
  case BuiltinOptions_CallOnceOptions:
    out.subgraph = op->builtin_options_as_CallOnceOptions()->init_subgraph_index();
    break;
  case BuiltinOptions_VarHandleOptions: {
    auto o = op->builtin_options_as_VarHandleOptions();
    out.container = string(o->container());
    out.shared_name = string(o->shared_name());
    break;
  }
  case BuiltinOptions_DivOptions:
    out.activation = op->builtin_options_as_DivOptions()->fused_activation_function();
    break;
  case BuiltinOptions_PackOptions:
    out.axis = op->builtin_options_as_PackOptions()->axis();
    break;
  case BuiltinOptions_UnpackOptions:
    out.axis = op->builtin_options_as_UnpackOptions()->axis();
    break;
  case BuiltinOptions_BatchMatMulOptions: {
    auto o = op->builtin_options_as_BatchMatMulOptions();
    out.adjoint_left = o->adj_x();
    out.adjoint_right = o->adj_y();
    break;
  }
  case BuiltinOptions_LeakyReluOptions:
    out.alpha = op->builtin_options_as_LeakyReluOptions()->alpha();
    break;
  case BuiltinOptions_MirrorPadOptions:
    out.mirror_mode = op->builtin_options_as_MirrorPadOptions()->mode();
    break;
  case BuiltinOptions_SpaceToDepthOptions:
    out.block = op->builtin_options_as_SpaceToDepthOptions()->block_size();
    break;
  case BuiltinOptions_DepthToSpaceOptions:
    out.block = op->builtin_options_as_DepthToSpaceOptions()->block_size();
    break;
  case BuiltinOptions_ResizeNearestNeighborOptions: {
    auto o = op->builtin_options_as_ResizeNearestNeighborOptions();
    out.aligns_corners = o->align_corners();
    out.has_half_pixel_centers = o->half_pixel_centers();
    break;
  }
  case BuiltinOptions_GeluOptions:
    out.is_approximate = op->builtin_options_as_GeluOptions()->approximate();
    break;
  default:
    break;
  }
  return out;
}

}  // namespace

ctflite_model *ctflite_open(const uint8_t *bytes, size_t count, const char **error) {
  *error = nullptr;
  if (count < 8 || !ModelBufferHasIdentifier(bytes)) {
    *error = "the file does not carry TensorFlow Lite's identifier, TFL3, at byte 4";
    return nullptr;
  }
  // Depth and table limits of the verifier keep small hostile files from costing much.
  flatbuffers::Verifier verifier(bytes, count, 64, 1000000);
  if (!VerifyModelBuffer(verifier)) {
    *error = "the file is damaged or cut short: an offset, vector or table lies outside it (FlatBuffers' verifier)";
    return nullptr;
  }
  auto model = GetModel(bytes);
  if (!model->subgraphs() || model->subgraphs()->size() == 0 || !model->subgraphs()->Get(0)) {
    *error = "the file holds no subgraph";
    return nullptr;
  }
  auto handle = new (std::nothrow) ctflite_model{bytes, count, model, model->subgraphs()->Get(0)};
  if (!handle) *error = "out of memory";
  return handle;
}

ctflite_model *ctflite_subgraph(const ctflite_model *m, size_t index) {
  if (index >= ctflite_subgraph_count(m)) return nullptr;
  auto graph = m->model->subgraphs()->Get(static_cast<flatbuffers::uoffset_t>(index));
  return graph ? new (std::nothrow) ctflite_model{m->bytes, m->count, m->model, graph} : nullptr;
}

void ctflite_close(ctflite_model *model) { delete model; }

uint32_t ctflite_version(const ctflite_model *m) { return m->model->version(); }
size_t ctflite_subgraph_count(const ctflite_model *m) { return m->model->subgraphs()->size(); }
size_t ctflite_signature_count(const ctflite_model *m) {
  return m->model->signature_defs() ? m->model->signature_defs()->size() : 0;
}

bool ctflite_get_signature(const ctflite_model *m, size_t index, ctflite_signature *out) {
  *out = {};
  if (index >= ctflite_signature_count(m)) return false;
  auto signature = m->model->signature_defs()->Get(static_cast<flatbuffers::uoffset_t>(index));
  if (!signature) return false;
  out->key = string(signature->signature_key());
  out->subgraph = signature->subgraph_index();
  out->inputs = signature->inputs() ? signature->inputs()->size() : 0;
  out->outputs = signature->outputs() ? signature->outputs()->size() : 0;
  return true;
}

bool ctflite_get_signature_port(
    const ctflite_model *m, size_t index, bool is_output, size_t place, ctflite_port *out) {
  *out = {};
  ctflite_signature signature;
  if (!ctflite_get_signature(m, index, &signature)) return false;
  auto def = m->model->signature_defs()->Get(static_cast<flatbuffers::uoffset_t>(index));
  auto ports = is_output ? def->outputs() : def->inputs();
  if (!ports || place >= ports->size()) return false;
  auto port = ports->Get(static_cast<flatbuffers::uoffset_t>(place));
  if (!port) return false;
  *out = {string(port->name()), port->tensor_index()};
  return true;
}

ctflite_string ctflite_description(const ctflite_model *m) { return string(m->model->description()); }
size_t ctflite_tensor_count(const ctflite_model *m) { return m->graph->tensors() ? m->graph->tensors()->size() : 0; }
size_t ctflite_operator_count(const ctflite_model *m) {
  return m->graph->operators() ? m->graph->operators()->size() : 0;
}
ctflite_ints ctflite_inputs(const ctflite_model *m) { return ints(m->graph->inputs()); }
ctflite_ints ctflite_outputs(const ctflite_model *m) { return ints(m->graph->outputs()); }

bool ctflite_get_tensor(const ctflite_model *m, size_t index, ctflite_tensor *out) {
  *out = {};
  if (index >= ctflite_tensor_count(m)) return false;
  auto tensor = m->graph->tensors()->Get(static_cast<flatbuffers::uoffset_t>(index));
  if (!tensor) return false;
  out->name = string(tensor->name());
  out->shape = ints(tensor->shape());
  out->shape_signature = ints(tensor->shape_signature());
  out->type = tensor->type();
  out->buffer = tensor->buffer();
  out->is_variable = tensor->is_variable();
  out->is_sparse = tensor->sparsity() != nullptr;
  if (auto q = tensor->quantization()) {
    out->scales = view<ctflite_floats>(q->scale());
    out->zero_points = view<ctflite_longs>(q->zero_point());
    out->quantized_dimension = q->quantized_dimension();
    out->has_custom_quantization = q->details_type() != QuantizationDetails_NONE;
  }
  auto buffers = m->model->buffers();
  if (!buffers || out->buffer >= buffers->size()) return out->buffer == 0;
  if (auto buffer = buffers->Get(out->buffer)) {
    out->data = view<ctflite_bytes>(buffer->data());
    // Offset and size of 0 and 1 say nothing: writers put them in before they know better.
    if (!buffer->data() && buffer->offset() > 1 && buffer->size() > 1) {
      out->lies_outside = buffer->offset() > m->count || buffer->size() > m->count - buffer->offset();
      if (!out->lies_outside) {
        out->data = {m->bytes + buffer->offset(), static_cast<size_t>(buffer->size())};
      }
    }
  }
  return true;
}

bool ctflite_get_operator(const ctflite_model *m, size_t index, ctflite_operator *out) {
  *out = {};
  if (index >= ctflite_operator_count(m)) return false;
  auto op = m->graph->operators()->Get(static_cast<flatbuffers::uoffset_t>(index));
  auto codes = m->model->operator_codes();
  if (!op || !codes || op->opcode_index() >= codes->size()) return false;
  auto code = codes->Get(op->opcode_index());
  if (!code) return false;
  out->builtin_code = std::max<int>(code->deprecated_builtin_code(), code->builtin_code());
  out->version = code->version();
  out->custom_code = string(code->custom_code());
  out->custom_options = view<ctflite_bytes>(op->custom_options());
  out->inputs = ints(op->inputs());
  out->outputs = ints(op->outputs());
  out->options = options(op);
  return true;
}
