/// A variable of a network: what one run leaves for the next.
public struct NetworkState: Sendable, Hashable {
  /// Its name in the file.
  public var name: String
  /// The tensors that hold it before and after a run. Both have one type and one shape.
  public var read, written: Int
  /// Its elements before the first run, little-endian, as a constant of that type has them.
  public var initial: [UInt8]

  public init(name: String, read: Int, written: Int, initial: [UInt8]) {
    self.name = name
    self.read = read
    self.written = written
    self.initial = initial
  }
}
