import Network

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Lines of numbers, with commas, semicolons or tabs between them; a first line of names is passed over.
enum CSV {
  /// How such files' names end.
  static let names = [".csv", ".tsv", ".txt"]

  /// [lines, cells]: int64 where every cell is a whole number, else float64.
  static func array(_ bytes: [UInt8]) throws(NumPyError) -> NumPyArray {
    var rest = bytes[...]
    // A byte order mark.
    if rest.starts(with: [0xEF, 0xBB, 0xBF]) { rest = rest.dropFirst(3) }
    var whole: [Int64] = []
    /// Set from the first cell on that is no whole number.
    var reals: [Double]?
    var (columns, rows, number) = (0, 0, 0)
    for line in rest.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      number += 1
      if line.allSatisfy({ $0 == 0x20 || $0 == 0x0D || $0 == 0x09 }) { continue }
      let cells = line.split(omittingEmptySubsequences: false) { separators.contains($0) }.map(trimmed)
      // A typing error among numbers is no title.
      if rows == 0, number == 1, let first = cells.first, cells.contains(where: isName),
        isName(first) || !cells.contains(where: { real($0) != nil })
      {
        continue
      }
      if rows == 0 { columns = cells.count }
      guard cells.count == columns else {
        throw NumPyError("line \(number) has \(cells.count) cells, and the lines before it \(columns)")
      }
      for (place, cell) in cells.enumerated() {
        if let integer = integer(cell) {
          if reals == nil { whole.append(integer) } else { reals?.append(Double(integer)) }
        } else if let real = real(cell), !isWhole(cell) {
          if reals == nil { reals = whole.map { Double($0) } }
          reals?.append(real)
        } else {
          throw NumPyError(
            "line \(number), cell \(place + 1) is \"\(String(decoding: cell.prefix(40), as: UTF8.self).printable(40))\", "
              + "no number")
        }
      }
      rows += 1
    }
    guard rows > 0 else { throw NumPyError("has no rows") }
    return reals.map { NumPyArray($0, shape: [rows, columns]) } ?? NumPyArray(whole, shape: [rows, columns])
  }

  /// [lines, …] as text, a line for each index of the first axis: whole numbers as they are, real values with a point or an
  /// exponent, so that they are read again as what they were.
  static func bytes(of array: NumPyArray, separator: String) -> [UInt8] {
    let lines = array.shape.first ?? 1
    let cells = array.count / max(1, lines)
    var text = ""
    for line in 0..<lines {
      let range = line * cells..<(line + 1) * cells
      let words: [String]
      if let integers = array.integers(range) {
        words = integers.map(String.init)
      } else if let reals = array.elements(range, as: Float.self) {
        words = reals.map { "\($0)" }
      } else {
        words = (array.elements(range, as: Double.self) ?? []).map { "\($0)" }
      }
      text += words.joined(separator: separator) + "\n"
    }
    return Array(text.utf8)
  }

  private static let separators: Set<UInt8> = [UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "\t")]

  private static func trimmed(_ cell: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var cell = cell.drop { $0 == 0x20 }
    while let last = cell.last, last == 0x20 || last == 0x0D { cell = cell.dropLast() }
    return cell
  }

  /// Whether a cell starts as a column's title does. A number may be called nan or inf, which is refused as what it is.
  private static func isName(_ cell: ArraySlice<UInt8>) -> Bool {
    guard let first = cell.first, real(cell) == nil else { return false }
    return (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(first | 0x20)
      || [UInt8(ascii: "\""), UInt8(ascii: "_"), UInt8(ascii: "#")].contains(first)
  }

  /// Whether a cell is a whole number, of however many digits.
  private static func isWhole(_ cell: ArraySlice<UInt8>) -> Bool {
    let digits = cell.first.map { $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "+") } == true ? cell.dropFirst() : cell
    return digits.allSatisfy { (0x30...0x39).contains($0) }
  }

  private static func integer(_ cell: ArraySlice<UInt8>) -> Int64? {
    var digits = cell
    let isNegative = digits.first == UInt8(ascii: "-")
    if isNegative || digits.first == UInt8(ascii: "+") { digits = digits.dropFirst() }
    guard (1...18).contains(digits.count) else { return nil }
    var value: Int64 = 0
    for digit in digits {
      guard (0x30...0x39).contains(digit) else { return nil }
      value = 10 * value + Int64(digit - 0x30)
    }
    return isNegative ? -value : value
  }

  private static func real(_ cell: ArraySlice<UInt8>) -> Double? {
    // No hexadecimal numbers, which Swift would read.
    guard !cell.isEmpty, cell.count < 400, !cell.contains(where: { $0 | 0x20 == UInt8(ascii: "x") }) else { return nil }
    return Double(String(decoding: cell, as: UTF8.self))
  }
}
