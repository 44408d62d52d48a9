import Importers
import Training

/// The files that hold pictures and labels to train on.
enum TrainingData {
  /// Reads pictures (NumPy or IDX, either gzipped or not: uint8 [n, height, width] or [n, height, width, channels], or
  /// [n, elements]) and their labels, as the network's input takes them.
  static func read(images: String, labels: String, like architecture: Architecture) throws -> ImageSet {
    let array = try NumPyArray.read(path: images)
    let size = architecture.height * architecture.width * architecture.channels
    guard array.element == .uint8, let count = array.shape.first else {
      throw FileError(path: images, reason: "is \(array.element) of shape \(array.shape); training takes uint8 pixels")
    }
    guard count > 0 else { throw FileError(path: images, reason: "holds no pictures") }
    // [n, channels, height, width] has as many elements, in another order.
    let picture = [architecture.height, architecture.width, architecture.channels]
    let shapes = [picture, [size]] + (architecture.channels == 1 ? [Array(picture.prefix(2))] : [])
    guard shapes.contains(Array(array.shape.dropFirst())) else {
      throw FileError(
        path: images,
        reason: "has the shape \(array.shape); the network's input is \(architecture.height) × \(architecture.width) × "
          + "\(architecture.channels): [n, height, width, channels], or [n, \(size)]")
    }
    let classes = try NumPyArray.read(path: labels)
    guard let numbers = classes.integers, numbers.count == count else {
      throw FileError(
        path: labels, reason: "is \(classes.element) of shape \(classes.shape); there are \(count) pictures, each with a label")
    }
    return try set(
      pixels: array.withBytes { Array($0) }, labels: numbers.map { Int($0) }, path: labels, like: architecture)
  }

  /// Reads lines of a label and as many pixels 0 … 255 as the input has, with commas; a first line is skipped that starts with a name.
  static func read(csv path: String, like architecture: Architecture) throws -> ImageSet {
    var bytes = try InputFile.bytes(path: path, limit: 4 << 30)[...]
    // A byte order mark.
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes = bytes.dropFirst(3) }
    let size = architecture.height * architecture.width * architecture.channels
    var (pixels, labels): ([UInt8], [Int]) = ([], [])
    var number = 0
    for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      number += 1
      let text = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
      if text.isEmpty { continue }
      let cells = text.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
      let values = cells.map { Self.integer($0) }
      if number == 1, let first = cells[0].first, Self.startsName(first) { continue }
      guard values.count == size + 1 else {
        throw FileError(
          path: path, reason: "line \(number) has \(values.count) cells; a label and \(size) pixels are \(size + 1)")
      }
      guard let label = values[0] else { throw FileError(path: path, reason: "line \(number) starts with no label: a label is a whole number") }
      labels.append(label)
      for (cell, value) in values.enumerated().dropFirst() {
        guard let value, (0...255).contains(value) else {
          throw FileError(
            path: path,
            reason: "line \(number), cell \(cell + 1) is \"\(String(decoding: cells[cell].prefix(40), as: UTF8.self))\"; a "
              + "pixel is a whole number in 0 … 255")
        }
        pixels.append(UInt8(value))
      }
    }
    guard !labels.isEmpty else { throw FileError(path: path, reason: "has no rows") }
    return try set(pixels: pixels, labels: labels, path: path, like: architecture)
  }

  /// A letter, a quotation mark or an underscore.
  private static func startsName(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) || [UInt8(ascii: "\""), UInt8(ascii: "_")].contains(byte)
  }

  private static func integer(_ cell: ArraySlice<UInt8>) -> Int? {
    let digits = cell.drop { $0 == UInt8(ascii: " ") }
    guard !digits.isEmpty, digits.count < 10 else { return nil }
    return Int(String(decoding: digits, as: UTF8.self))
  }

  private static func set(
    pixels: [UInt8], labels: [Int], path: String, like architecture: Architecture
  ) throws -> ImageSet {
    if let index = labels.firstIndex(where: { !(0..<min(256, architecture.classes)).contains($0) }) {
      throw FileError(
        path: path,
        reason: "row \(index) has the label \(labels[index]); it must be in 0 … \(min(256, architecture.classes) - 1), the network's "
          + "classes" + (architecture.classes > 256 ? " as far as training takes them" : ""))
    }
    return try ImageSet(
      height: architecture.height, width: architecture.width, channels: architecture.channels, pixels: pixels,
      labels: labels.map { UInt8($0) })
  }
}
