import IntegerProgram

/// Proofs that what an image makes of one or two integers is what the program defines, for all their values.
struct ElementProof {
  enum Outcome: Hashable {
    case equal
    /// At these leaves the image makes another code: both, as numbers of the element's width.
    case different(leaves: [Int64], image: Int64, program: Int64)
    /// Neither shown nor refuted, and why.
    case open(String)
  }

  private struct Question: Hashable {
    var function: LeafFunction
    var definition: Definition
    var ranges: [Span]
    var width: Int
  }

  let program: IntegerProgram
  /// What was asked before: questions are compared whole.
  private var answers: [Question: Outcome] = [:]
  /// Questions that were decided by going through ranges, and how many ranges that took.
  private(set) var questions = 0, pieces = 0

  private static let mostPieces = 1 << 22

  init(_ program: IntegerProgram) { self.program = program }

  mutating func compare(
    _ function: LeafFunction, _ definition: Definition, ranges: [Span], width: Int
  ) -> Outcome {
    let question = Question(function: function, definition: definition, ranges: ranges, width: width)
    if let known = answers[question] { return known }
    questions += 1
    let outcome = decide(question)
    answers[question] = outcome
    return outcome
  }

  /// Halves the ranges until both sides are single codes.
  private mutating func decide(_ question: Question) -> Outcome {
    var stack = [question.ranges]
    var scratch: [Span] = []
    var count = 0
    while var ranges = stack.popLast() {
      count += 1
      guard count <= Self.mostPieces else { return .open("more than \(Self.mostPieces) ranges of accumulators") }
      pieces += 1
      let isPoint = ranges.allSatisfy(\.isSingle)
      if let defined = question.definition.span(ranges, program), defined.isSingle {
        let made = question.function.span(ranges, &scratch).wrapped(width: question.width, isSigned: true)
        let wanted = defined.wrapped(width: question.width, isSigned: true)
        if made.isSingle, made == wanted { continue }
        if isPoint {
          guard made.isSingle else { return .open("what the image makes of \(ranges[0].low) is not known") }
          return .different(leaves: ranges.map(\.low), image: made.low, program: wanted.low)
        }
      } else if isPoint {
        return .open("the program's arithmetic leaves its registers at \(ranges[0].low)")
      }
      var widest = 0
      for place in ranges.indices where ranges[place].high - ranges[place].low > ranges[widest].high - ranges[widest].low {
        widest = place
      }
      let range = ranges[widest]
      let middle = range.low + (range.high - range.low) / 2
      var higher = ranges
      higher[widest] = Span(middle + 1, range.high)
      ranges[widest] = Span(range.low, middle)
      stack.append(higher)
      stack.append(ranges)
    }
    return .equal
  }
}
