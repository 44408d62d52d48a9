/// How the elements of a sample make a picture, row by row.
public struct PictureShape: Sendable, Hashable {
  /// 1 channel is grey; 3 are red, green and blue.
  public var height, width, channels: Int

  public init(height: Int, width: Int, channels: Int) {
    self.height = height
    self.width = width
    self.channels = channels
  }
  public var count: Int { height * width * channels }
}
