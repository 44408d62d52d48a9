import Foundation
import Importers
import Network
import Quantization

/// A float network of `Tests/FloatNetworks`, and what its reference makes of the first test images.
struct FloatFile {
  let network: FloatNetwork
  /// As pixels, and as the real values that the network takes.
  let pixels: [[UInt8]]
  let inputs: [[Float]]
  let scores: [[Float]]

  static let names = ["dense.onnx", "conv.onnx", "conv.tflite"]
  static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "FloatNetworks")

  static func bytes(_ name: String) throws -> [UInt8] {
    try InputFile.bytes(path: folder.appending(path: name).path, limit: 1 << 26)
  }

  init(_ name: String) throws {
    let bytes = try Self.bytes(name)
    network = try FloatNetwork(
      name.hasSuffix(".onnx")
        ? ONNX.floatNetwork(from: bytes, name: name) : TFLite.network(from: bytes, name: name))
    let images = try NumPyArray(path: Self.folder.appending(path: "images.npy").path)
    let all = images.elements(0..<images.count, as: UInt8.self) ?? []
    pixels = (0..<8).map { Array(all[784 * $0..<784 * ($0 + 1)]) }
    inputs = pixels.map { $0.map { Float($0) / 255 } }
    let scores = try NumPyArray(path: Self.folder.appending(path: "\(name).scores.npy").path)
    let reals = scores.elements(0..<scores.count, as: Float.self) ?? []
    self.scores = (0..<8).map { Array(reals[10 * $0..<10 * ($0 + 1)]) }
  }

  func calibration() throws -> Calibration {
    var seen = Calibration(samples: inputs.count)
    for input in inputs { try seen.add([input], to: network) }
    return seen
  }
}

/// The index of the largest; the lowest of several.
func largest<T: Comparable>(_ list: [T]) -> Int {
  list.indices.max { list[$0] < list[$1] || list[$0] == list[$1] && $0 > $1 } ?? -1
}
