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

  /// Ranges of one leaf, or of two.
  private struct Piece {
    var first: Span
    var second: Span?
  }

  /// Halves the ranges until both sides are single codes.
  private mutating func decide(_ question: Question) -> Outcome {
    guard let first = question.ranges.first, question.ranges.count <= 2 else {
      return .open("a function of \(question.ranges.count) codes")
    }
    var stack = [Piece(first: first, second: question.ranges.count == 2 ? question.ranges[1] : nil)]
    var ranges = question.ranges
    var scratch: [Span] = []
    var count = 0
    while let piece = stack.popLast() {
      count += 1
      guard count <= Self.mostPieces else { return .open("more than \(Self.mostPieces) ranges of accumulators") }
      pieces += 1
      ranges[0] = piece.first
      if let second = piece.second { ranges[1] = second }
      let isPoint = piece.first.isSingle && piece.second?.isSingle != false
      if let defined = question.definition.span(ranges, program), defined.isSingle {
        let made = question.function.span(ranges, &scratch).wrapped(width: question.width, isSigned: true)
        let wanted = defined.wrapped(width: question.width, isSigned: true)
        if made.isSingle, made == wanted { continue }
        if isPoint {
          guard made.isSingle else { return .open("what the image makes of \(piece.first.low) is not known") }
          return .different(leaves: ranges.map(\.low), image: made.low, program: wanted.low)
        }
      } else if isPoint {
        return .open("the program's arithmetic leaves its registers at \(piece.first.low)")
      }
      // The wider range is halved.
      if let second = piece.second, second.high - second.low > piece.first.high - piece.first.low {
        let (lower, higher) = second.halves
        stack.append(Piece(first: piece.first, second: higher))
        stack.append(Piece(first: piece.first, second: lower))
      } else {
        let (lower, higher) = piece.first.halves
        stack.append(Piece(first: higher, second: piece.second))
        stack.append(Piece(first: lower, second: piece.second))
      }
    }
    return .equal
  }
}

extension Span {
  /// Of a range of two integers and more.
  fileprivate var halves: (Span, Span) {
    let middle = low + (high - low) / 2
    return (Span(low, middle), Span(middle + 1, high))
  }
}
