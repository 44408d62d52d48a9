import Arithmetic

/// The constants of a normalisation that is defined by real numbers, `(x − mean) / √(variance + ε) · gain + offset`, and
/// that integers come so close to that codes differ from it beside ties alone.
///
/// With n elements x of a row in codes, S = Σ x and Q = Σ x², an element deviates by u = n·x − S, and V = n·Q − S² is n²
/// times the variance: both are exact, and the score is u / √(V + ε·n²/scale²). V and what ε adds stand in units of
/// 2^−fractionBits, of which the inverse root has 30 good bits; the score in units of 2^−scoreBits, gains of
/// 2^(scoreBits − codeShift). Rows that are not centred (root mean square) have u = n·x and V = n·Q.
public struct StandardScores: Sendable, Hashable {
  public var isCentred: Bool
  /// ε·n²/scale² in units of 2^−fractionBits.
  public var epsilon: Int64
  /// Even, so that half of it is a shift of the root.
  public var fractionBits: Int
  /// The largest V: of elements in a range of width w, half of which are at either end, n²w²/4.
  public var largestSpread: Int64
  public var scoreBits: Int
  /// √n is the largest score.
  public var largestScore: Int64
  /// Gain and offset over the output's scale: one, or one for every `run` elements, row after row and then again.
  public var gains, offsets: [Int64]
  public var run: Int
  /// What brings score times gain, plus offset, to codes.
  public var codeShift: Int
  /// Of the output's codes.
  public var zeroPoint: Int32
  public var codes: ClosedRange<Int64>

  public init(
    isCentred: Bool, epsilon: Int64, fractionBits: Int, largestSpread: Int64, scoreBits: Int, largestScore: Int64,
    gains: [Int64], offsets: [Int64], run: Int, codeShift: Int, zeroPoint: Int32, codes: ClosedRange<Int64>
  ) {
    self.isCentred = isCentred
    self.epsilon = epsilon
    self.fractionBits = fractionBits
    self.largestSpread = largestSpread
    self.scoreBits = scoreBits
    self.largestScore = largestScore
    self.gains = gains
    self.offsets = offsets
    self.run = run
    self.codeShift = codeShift
    self.zeroPoint = zeroPoint
    self.codes = codes
  }

  /// V with what ε adds. Where V is less than 1 no element deviates, and any divisor will do.
  @inlinable public func padded<W: Word>(_ spread: W) -> W {
    W.larger((spread.clamped(0, largestSpread) <<% fractionBits) +% W(epsilon), W(1 << Int64(fractionBits)))
  }

  /// Of an element that deviates by u from n times the mean; to the nearest, ties upward.
  @inlinable public func score<W: Word>(_ deviation: W, _ root: WideInverseSquareRoot<W>) -> W {
    let longest = 61 - fractionBits / 2 - scoreBits
    let shift = (W(Int64(longest)) -% root.pairs).clamped(Int64(30 - scoreBits), Int64(longest))
    let half = (W(1) <<% shift) >>% 1
    return ((deviation *% root.mantissa +% half) >>% shift).clamped(-largestScore, largestScore)
  }

  /// The code of a score; ties to even.
  @inlinable public func code<W: Word>(score: W, gain: W, offset: W) -> W {
    let sum = score *% gain +% offset
    let odd = (sum >>% codeShift).lowest(bits: 1)
    let code = (sum +% W((1 << Int64(codeShift - 1)) - 1) +% odd) >>% codeShift
    return (code +% W(Int64(zeroPoint))).clamped(codes.lowerBound, codes.upperBound)
  }
}

extension Normalization {
  /// What a row's elements are divided by, from the sums of its centred codes and of their squares.
  @inlinable public func padded<W: Word>(sum: W, squares: W, _ scores: StandardScores) -> W {
    let products = squares *% W(Int64(depth))
    return scores.padded(scores.isCentred ? products -% sum *% sum : products)
  }

  /// u of a code.
  @inlinable public func deviation<W: Word>(_ code: W, sum: W, _ scores: StandardScores) -> W {
    let times = centred(code) *% W(Int64(depth))
    return scores.isCentred ? times -% sum : times
  }

  /// The place of an element's gain and offset.
  @inlinable public func parameter(_ scores: StandardScores, row: Int, element: Int) -> Int {
    (row * (depth / scores.run) + element / scores.run) % scores.gains.count
  }

  /// The codes of a row.
  @inlinable public func codes<W: Word>(
    ofRow row: Int, _ codes: some Collection<W>, _ scores: StandardScores
  ) -> [W] where W.Wide == W {
    let sum = codes.reduce(W(0)) { $0 +% centred($1) }
    let squares = codes.reduce(W(0)) { $0 +% square($1) }
    let root = WideInverseSquareRoot(of: padded(sum: sum, squares: squares, scores))
    return codes.enumerated().map { element, code in
      let place = parameter(scores, row: row, element: element)
      return scores.code(
        score: scores.score(deviation(code, sum: sum, scores), root), gain: W(scores.gains[place]),
        offset: W(scores.offsets[place]))
    }
  }

  /// The code of any element of any row, where codes lie in `range`: whether nothing overflows, and what codes there are.
  package func anyCode(_ scores: StandardScores, _ range: ClosedRange<Int64>) -> Interval<Int64> {
    let code = Interval<Int64>(range)
    let count = Interval<Int64>(Int64(depth))
    let sum = centred(code) *% count
    let magnitude = max(abs(centred(code).low), abs(centred(code).high))
    let squares = Interval<Int64>(0, magnitude * magnitude) *% count
    let root = WideInverseSquareRoot(of: padded(sum: sum, squares: squares, scores))
    let score = scores.score(deviation(code, sum: sum, scores), root)
    return scores.code(
      score: score, gain: Interval<Int64>(scores.gains.min() ?? 0, scores.gains.max() ?? 0),
      offset: Interval<Int64>(scores.offsets.min() ?? 0, scores.offsets.max() ?? 0))
  }
}
