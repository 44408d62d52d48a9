import Foundation
import Importers
import IntegerProgram
import Testing

/// Where networks and images for testing are.
enum Place {
  static let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
  /// Networks and images that are no part of the product.
  static let sharedData = package.appending(path: "../shared/data").standardizedFileURL
  static let hasSharedData = FileManager.default.fileExists(atPath: sharedData.appending(path: "mnist").path)
  static let sharedDataIsAbsent: Comment = "skipped: ../shared/data, with images and networks, is not on this machine"

  /// A QONNX file's program.
  static func program(_ file: URL) throws -> IntegerProgram {
    let bytes = try InputFile.bytes(path: file.path, limit: 1 << 26)
    return try IntegerProgram(lowering: try ONNX.network(from: bytes, name: file.lastPathComponent))
  }

  /// The first test images of a data set in IDX files, and their labels.
  static func images(_ set: String, count: Int) throws -> (images: [[Int32]], labels: [Int]) {
    let folder = sharedData.appending(path: set)
    let pixels = try unzipped(folder.appending(path: "t10k-images-idx3-ubyte.gz")).dropFirst(16)
    let labels = try unzipped(folder.appending(path: "t10k-labels-idx1-ubyte.gz")).dropFirst(8)
    let images = (0..<count).map { image in
      pixels.dropFirst(image * 784).prefix(784).map { Int32($0) }
    }
    return (images, labels.prefix(count).map { Int($0) })
  }

  private static func unzipped(_ file: URL) throws -> Data {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["gzip", "-dc", file.path]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0)
    return data
  }
}
