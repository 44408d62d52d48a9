/// The real values that the pixels 0 and 255 stand for to a network of real numbers.
public struct PixelRange: Sendable, Hashable {
  public let low, high: Float

  /// What training takes pixels for unless it says otherwise.
  public static let usual = PixelRange(low: 0, high: 1)

  private init(low: Float, high: Float) { (self.low, self.high) = (low, high) }

  /// As people write it: 0:1, -1:1. Zero must have a code.
  public init?(_ text: String) {
    let ends = text.split(separator: ":", omittingEmptySubsequences: false).map { Float($0) }
    guard ends.count == 2, let low = ends[0], let high = ends[1], low.isFinite, high.isFinite, low < high, low <= 0,
      high >= 0, (high - low).isFinite, (high - low) / 255 > 0
    else { return nil }
    self.init(low: low, high: high)
  }

  /// The real value of a pixel.
  func real(_ pixel: UInt8) -> Float { low + (high - low) * Float(pixel) / 255 }

  var text: String { "\(Self.text(low)) … \(Self.text(high))" }
  private static func text(_ number: Float) -> String {
    number == number.rounded() && abs(number) < 1e6 ? "\(Int(number))" : "\(number)"
  }
}
