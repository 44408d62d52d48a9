import ConstantEvaluation
import Crypto
import Importers
import IntegerProgram
import Network

extension [UInt8] {
  /// SHA-256 in lowercase hexadecimal.
  var sha256: String {
    SHA256.hash(data: self).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}

/// A model file, read whole.
struct ModelFile {
  let path: String
  let byteCount: Int
  /// SHA-256 of the file's bytes, in lowercase hexadecimal.
  let sha256: String
  /// With what constants and fixed shapes determine computed.
  let network: Network

  /// The names that its metadata has for classes.
  let classNames: ModelClassNames
  /// The files beside it that hold a part of it, by their paths from its folder.
  let siblings: [String]

  /// Far above any network for a microcontroller; FlatBuffers end at 2 GiB.
  static let largest = 1 << 30

  /// `signature` names one of the functions that a file of TensorFlow Lite offers.
  init(path: String, signature: String? = nil) throws(FileError) {
    try self.init(bytes: InputFile.bytes(path: path, limit: Self.largest), path: path, signature: signature)
  }

  /// The model in `bytes`, which messages call `path`.
  init(bytes: [UInt8], path: String, signature: String? = nil) throws(FileError) {
    self.path = path
    byteCount = bytes.count
    sha256 = bytes.sha256
    classNames = ModelClassNames(of: bytes)
    var siblings: Set<String> = []
    network = try Self.naming(path) {
      guard !bytes.isEmpty else { throw NetworkError("the file is empty") }
      if let issue = ForeignFile.issue(of: bytes) { throw NetworkError([issue]) }
      let name = Self.stem(of: path)
      // By what the file holds; the extension decides where that says nothing.
      guard ONNX.recognises(bytes) || path.hasSuffix(".onnx") && !TFLite.recognises(bytes) else {
        return try TFLite.network(from: bytes, name: name, signature: signature).evaluatingConstants()
          .leavingTailToCaller()
      }
      try SignatureArgument.requireNone(signature)
      do {
        let read = InputFile.siblings(of: path, limit: Self.largest)
        return try ONNX.network(from: bytes, name: name) { file in
          siblings.insert(file)
          return try read(file)
        }
      } catch let error as NetworkError {
        throw error.joined { _ = try IntegerProgram(lowering: $0, options: LoweringOptions()) }
      }
    }
    self.siblings = siblings.sorted()
  }

  /// A network that is in no file, though messages call it `path`.
  init(_ network: Network, path: String) {
    self.path = path
    self.network = network
    byteCount = 0
    sha256 = ""
    classNames = ModelClassNames(of: [])
    siblings = []
  }

  /// The network as integer steps.
  func program(_ options: LoweringOptions) throws(FileError) -> IntegerProgram {
    try Self.naming(path) { try IntegerProgram(lowering: network, options: options) }
  }

  /// The file's name without folder and extension.
  static func stem(of path: String) -> String {
    let file = path.split(separator: "/").last ?? ""
    let end = file.lastIndex(of: ".").flatMap { $0 == file.startIndex ? nil : $0 } ?? file.endIndex
    return String(file[..<end])
  }

  /// Errors about a network are errors about the file that holds it.
  private static func naming<Result>(_ path: String, _ body: () throws -> Result) throws(FileError) -> Result
  {
    do {
      return try body()
    } catch {
      throw FileError(path: path, reason: "\(error)")
    }
  }
}
