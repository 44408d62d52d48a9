import ArgumentParser
import Network
import Reporting

/// A list of indices as people write it: 0,1,4-7. Sorted, each once.
struct IndexList: Sendable {
  let indices: [Int]
  /// As it was written.
  let text: String

  /// More than this are a slip of the keyboard.
  private static let longest = 1 << 20

  init(_ argument: String) throws {
    var indices: Set<Int> = []
    for part in argument.split(separator: ",", omittingEmptySubsequences: false) {
      let ends = part.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false).map { Int($0) }
      guard let first = ends.first ?? nil, let last = ends.last ?? nil, first >= 0, last < 1 << 40 else {
        throw ValidationError(
          "\"\(String(part).printable(40))\" is neither a number from 0 on nor a range of them; write 0-99,120.")
      }
      guard last >= first else {
        throw ValidationError("\(part) runs backwards; the first number of a range is the smaller: \(last)-\(first).")
      }
      guard last - first < Self.longest else {
        throw ValidationError("\(part) names over \(Self.longest.grouped) of them.")
      }
      indices.formUnion(first...last)
    }
    self.indices = indices.sorted()
    text = argument
  }
}
