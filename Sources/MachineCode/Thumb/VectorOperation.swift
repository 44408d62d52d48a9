/// Instructions on vectors of whole numbers, of Armv8.1-M's vector extension (Armv8-M Architecture Reference Manual,
/// DDI 0553, chapter C2): what Lockstep's kernels and compilers' code for them use.
public enum VectorOperation: Hashable, Sendable {
  public enum Lanewise: UInt8, Hashable, Sendable {
    case and, bitClear, or, orNot, exclusiveOr
    case add, subtract, multiply
    /// The high half of a lane's product; of twice the product, saturated.
    case multiplyHigh, multiplyHighUnsigned, doublingMultiplyHigh
    case greatest, greatestUnsigned, least, leastUnsigned
    /// d + n · m, and d · n + m.
    case multiplyAdd, multiplyAddTo
  }

  /// Lanes of a vector, or a register for all lanes; 15 is zero.
  public enum Source: Hashable, Sendable {
    case vector(Int)
    case register(Int)
  }

  // Lanes have so many bytes; vectors are 0 … 7.
  case lanewise(Lanewise, d: Int, n: Int, Source, bytes: Int)
  case shift(Shift.Kind, d: Int, m: Int, amount: Int, bytes: Int)
  case negate(d: Int, m: Int, bytes: Int)
  case absolute(d: Int, m: Int, bytes: Int)
  case complement(d: Int, m: Int)
  case duplicate(d: Int, t: Int, bytes: Int)
  /// The same word four times.
  case constant(d: Int, UInt32)
  /// n, n + step and so on; n becomes what would come next.
  case count(d: Int, n: Int, step: Int, bytes: Int)
  /// The lower or the higher ones of pairs of lanes of so many bytes, extended.
  case widen(d: Int, m: Int, bytes: Int, isTop: Bool, isSigned: Bool)
  /// Lanes shifted to the right, into the lower or the higher ones of pairs of lanes of so many bytes.
  case narrow(d: Int, m: Int, bytes: Int, isTop: Bool, shift: Int, isSaturated: Bool)
  /// The sum of all lanes' products.
  case sumProducts(t: Int, n: Int, m: Int, bytes: Int, isSigned: Bool, accumulates: Bool)
  case sum(t: Int, m: Int, bytes: Int, isSigned: Bool, accumulates: Bool)

  /// Sets the predicate; where the mask is not 0 the instructions that follow are subject to it, as it says (VPT).
  case compare(Condition, n: Int, Source, bytes: Int, mask: UInt8)
  case predicate(mask: UInt8)
  case invertPredicate
  /// The first n lanes.
  case predicateFirst(n: Int, bytes: Int)
  case select(d: Int, n: Int, m: Int)
  case movePredicate(t: Int, isToPredicate: Bool)

  /// Of so many bytes each in memory, extended to lanes.
  case load(d: Int, ThumbInstruction.Address, bytes: Int, laneBytes: Int, isSigned: Bool)
  case store(d: Int, ThumbInstruction.Address, bytes: Int, laneBytes: Int)
  /// Each lane at an offset of its own, which counts lanes where it is scaled.
  case gather(d: Int, base: Int, m: Int, bytes: Int, laneBytes: Int, isSigned: Bool, isScaled: Bool)
  case scatter(d: Int, base: Int, m: Int, bytes: Int, laneBytes: Int, isScaled: Bool)
  /// A quarter of the bytes of four vectors, interleaved.
  case storeInterleaved(d: Int, base: Int, pattern: Int, isWrittenBack: Bool)
  /// Lanes `lane` and `lane` + 2, of words.
  case moveLanes(q: Int, lane: Int, t: Int, t2: Int, isToVector: Bool)
  /// A word of the vectors, counted through all of them.
  case moveWord(word: Int, t: Int, isToVector: Bool)
  /// Words of the vectors, counted through all of them, of which so many lie in memory.
  case transferWords(first: Int, count: Int, ThumbInstruction.Address, isLoad: Bool)
}

/// Where a machine keeps what belongs to vectors: as registers behind those of the processor.
public enum VectorRegister {
  /// Words of vectors; four each.
  public static let words = 32..<64
  /// All ones in the bytes where the predicate holds.
  public static let predicate = 64..<68
  /// Which of the instructions that follow are subject to the predicate, and when it is inverted (VPR.MASK), as bits
  /// from bit 3 on; 0 where none is.
  public static let conditions = 68
  public static let end = 69
}
