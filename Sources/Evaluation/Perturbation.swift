import BigInt
import Importers
import IntegerProgram
import Network
import Properties

/// How far the elements of a sample may move.
public struct Perturbation: Sendable {
  /// As reports have it: the number given for epsilon; nil for radii of a file.
  public let epsilon: String?
  /// For each input element, in codes.
  public let radii: [Int32]
  /// As file names have it.
  public var name: String { epsilon.map { "e\($0)" } ?? "radii" }

  /// The same ε for every element of the mask.
  public init(epsilon: Epsilon, isReal: Bool, mask: [Bool]?, program: IntegerProgram) throws {
    self.epsilon = epsilon.text
    var radii: [Int32] = []
    for input in program.callInputs {
      let value = program.values[input]
      let radius: Int32
      if isReal {
        radius = try Self.codes(epsilon.value, value)
      } else if let codes = epsilon.codes {
        radius = Int32(min(codes, BigInt(Self.widest)))
      } else {
        throw UsageError("--epsilon \(epsilon.text) is no whole number of codes; --real takes it as a real value.")
      }
      radii += Array(repeating: radius, count: value.count)
    }
    self.radii = Self.masked(radii, mask)
  }

  /// A radius for each element from a file: integers are codes, floating-point numbers real values.
  public init(radiiFile path: String, mask: [Bool]?, program: IntegerProgram) throws {
    epsilon = nil
    let array = try NumPyArray.read(path: path)
    let values = program.callInputs.flatMap { Array(repeating: program.values[$0], count: program.values[$0].count) }
    guard array.count == values.count else {
      throw FileError(
        path: path, reason: "has \(array.count) elements; the network's input has \(values.count), each with a radius")
    }
    let reals =
      array.elements(0..<array.count, as: Double.self)
      ?? array.elements(0..<array.count, as: Float.self)?.map { Double($0) }
    var radii: [Int32] = []
    for (element, value) in values.enumerated() {
      if let reals {
        guard reals[element] >= 0, let radius = Rational(exactly: reals[element]) else {
          throw FileError(path: path, reason: "element \(element) is \(reals[element]); a radius is at least 0")
        }
        radii.append(try Self.codes(radius, value))
      } else {
        let radius = array.integers(element..<element + 1)?[0] ?? 0
        guard radius >= 0 else {
          throw FileError(path: path, reason: "element \(element) is \(radius); a radius is at least 0")
        }
        radii.append(Int32(min(radius, Int64(Self.widest))))
      }
    }
    self.radii = Self.masked(radii, mask)
  }

  /// Which elements may change: those that are not 0 in the file.
  public static func mask(path: String, program: IntegerProgram) throws -> [Bool] {
    let array = try NumPyArray.read(path: path)
    let count = program.callInputElements.count
    guard let elements = array.integers, elements.count == count else {
      throw FileError(
        path: path,
        reason: "is \(array.element) of \(array.count) elements; a mask has an integer for each of the input's \(count)"
      )
    }
    return elements.map { $0 != 0 }
  }

  /// Whether wherever an element that may move stands, it may take any code.
  public func isEverything(of program: IntegerProgram, clip: ClosedRange<Int32>? = nil) -> Bool {
    let moved = zip(radii, program.callInputElements).filter { $0.0 > 0 }
    return !moved.isEmpty
      && moved.allSatisfy { radius, type in
        let lowest = max(type.range.lowerBound, clip.map { Int64($0.lowerBound) } ?? .min)
        let highest = min(type.range.upperBound, clip.map { Int64($0.upperBound) } ?? .max)
        return Int64(radius) >= highest - lowest
      }
  }

  /// No code is further from another.
  private static let widest: Int32 = 1 << 16

  /// The codes within a real distance: |scale · (a − b)| ≤ distance.
  private static func codes(_ distance: Rational, _ value: Value) throws -> Int32 {
    guard let scale = Rational(exactly: value.scale), scale > Rational(0) else {
      throw UsageError(
        "a real radius needs a scale; that of \"\(value.name.printable(60))\" is \(value.scale): give codes.")
    }
    return Int32(min((distance / scale).floor, BigInt(widest)))
  }

  private static func masked(_ radii: [Int32], _ mask: [Bool]?) -> [Int32] {
    guard let mask else { return radii }
    return zip(radii, mask).map { $1 ? $0 : 0 }
  }
}

/// An ε as the user wrote it, exactly.
public struct Epsilon: Sendable {
  /// A decimal number as JSON has it.
  public let text: String
  public let value: Rational
  /// Nil where it is no whole number.
  public var codes: BigInt? { value.denominator == 1 ? value.numerator : nil }

  public init?(_ argument: some StringProtocol) {
    // Digits, and digits after a point: the same text names files and stands in reports.
    let parts = argument.split(separator: ".", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count),
      parts.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } }),
      let value = Rational(argument)
    else { return nil }
    let whole = parts[0].drop { $0 == "0" }
    text = (whole.isEmpty ? "0" : String(whole)) + (parts.count == 2 ? "." + parts[1] : "")
    self.value = value
  }
  public init(codes: Int) {
    text = String(codes)
    value = Rational(codes)
  }
}
