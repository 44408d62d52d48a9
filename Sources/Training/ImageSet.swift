/// Pictures, or other rows of bytes, with their classes.
public struct ImageSet: Sendable {
  /// [height, width, channels] of each.
  public let height, width, channels: Int
  /// 0 … 255, one picture after another.
  public let pixels: [UInt8]
  public let labels: [UInt8]

  public var count: Int { labels.count }
  public var size: Int { height * width * channels }

  /// `pixels` has as many pictures as there are labels.
  public init(height: Int, width: Int, channels: Int, pixels: [UInt8], labels: [UInt8]) throws {
    guard pixels.count == labels.count * height * width * channels else {
      throw TrainingError(
        "\(pixels.count) pixels are not \(labels.count) pictures of \(height) × \(width) × \(channels)")
    }
    (self.height, self.width, self.channels) = (height, width, channels)
    (self.pixels, self.labels) = (pixels, labels)
  }

  /// The pictures of a range.
  public subscript(range: Range<Int>) -> ImageSet {
    get throws {
      try ImageSet(
        height: height, width: width, channels: channels,
        pixels: Array(pixels[range.lowerBound * size..<range.upperBound * size]), labels: Array(labels[range]))
    }
  }
}

/// Random changes of pictures that leave their class.
public struct Augmentation: Sendable, Equatable, Codable {
  /// At most so many pixels up, down, left or right; what comes in is 0. As a crop of the padded picture.
  public var shift: Int
  /// Left and right exchanged, every other time.
  public var flip: Bool
  /// The side of a square of zeros at a random place; 0 for none (DeVries, Taylor, 2017).
  public var cutout: Int

  public init(shift: Int = 0, flip: Bool = false, cutout: Int = 0) {
    self.shift = shift
    self.flip = flip
    self.cutout = cutout
  }

  /// Writes picture `index` of `set`, changed, to `target`, as numbers.
  func write(_ set: ImageSet, _ index: Int, _ random: inout RandomNumbers, to target: Floats) {
    let down = shift == 0 ? 0 : random.integer(below: 2 * shift + 1) - shift
    let right = shift == 0 ? 0 : random.integer(below: 2 * shift + 1) - shift
    let isFlipped = flip && random.next() & 1 == 1
    let (height, width, channels) = (set.height, set.width, set.channels)
    set.pixels.withUnsafeBufferPointer { pixels in
      let from = pixels.baseAddress.map { $0 + index * set.size }
      guard let from else { return }
      var to = target
      for y in 0..<height {
        for x in 0..<width {
          let (fromY, shifted) = (y - down, x - right)
          let fromX = isFlipped ? width - 1 - shifted : shifted
          let isInside = fromY >= 0 && fromY < height && fromX >= 0 && fromX < width
          for channel in 0..<channels {
            to.pointee = isInside ? Float(from[(fromY * width + fromX) * channels + channel]) : 0
            to += 1
          }
        }
      }
    }
    guard cutout > 0 else { return }
    let top = random.integer(below: height) - cutout / 2
    let left = random.integer(below: width) - cutout / 2
    for y in max(0, top)..<max(0, min(height, top + cutout)) {
      for x in max(0, left)..<max(0, min(width, left + cutout)) {
        for channel in 0..<channels { target[(y * width + x) * channels + channel] = 0 }
      }
    }
  }
}
