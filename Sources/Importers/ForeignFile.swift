import Network

/// Files in which people keep networks, and which hold something else than a network to compile: what they are, by what
/// they hold, and how to convert them.
public enum ForeignFile {
  /// What to say of such a file; nil where it is none.
  public static func issue(of bytes: [UInt8]) -> LayerIssue? {
    let keras =
      "load it in Python and convert: tf.lite.TFLiteConverter.from_keras_model(model).convert() gives a float .tflite "
      + "file for `lockstep quantize`; with optimizations and a representative data set, an int8 one to compile"
    let torch =
      "load it in Python and export: torch.onnx.export(model, (example,), \"model.onnx\") gives a float network for "
      + "`lockstep quantize`"
    if bytes.starts(with: [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]) {
      return LayerIssue(reason: "this is an HDF5 file, as Keras writes models and weights (.h5)", remedy: keras)
    }
    if bytes.starts(with: [0x50, 0x4B, 0x03, 0x04]) {
      // The names in a ZIP archive stand at its beginning and at its end.
      let names = String(decoding: bytes.prefix(1 << 16) + bytes.suffix(1 << 16), as: UTF8.self)
      if names.contains("data.pkl") {
        return LayerIssue(reason: "this is a PyTorch file (.pt, .pth)", remedy: torch)
      }
      if names.contains("config.json"), names.contains("metadata.json") {
        return LayerIssue(reason: "this is a Keras file (.keras)", remedy: keras)
      }
      return LayerIssue(reason: "this is a ZIP archive", remedy: "unpack it, and give the .tflite or .onnx file in it")
    }
    // A pickle of protocol 2 or later, with PyTorch's number that starts its older files.
    if bytes.starts(with: [0x80]), bytes.prefix(64).contains(0x8A), bytes.count > 2, (2...5).contains(bytes[1]) {
      return LayerIssue(reason: "this is a Python pickle, as older PyTorch files are (.pt, .pth)", remedy: torch)
    }
    return nil
  }
}
