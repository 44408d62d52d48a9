// Fixed-point functions of TensorFlow Lite's quantised softmax, logistic and tanh. Qm.n is a register whose value
// counts 2^-n. Source of every formula and constant: gemmlowp, fixedpoint/fixedpoint.h.

/// e^r for r ≤ 0: `r` is Q`integerBits`.(31 − `integerBits`), the result Q0.31. `integerBits` is 3 … 5.
///
/// r is split into a multiple of 1/4, whose factors e^(−2^k) are multiplied in bit by bit, and a rest in [−1/4, 0) for a
/// fourth-order Taylor polynomial around −1/8.
@inlinable public func exponential<W: Word>(ofNonPositive r: W, integerBits: Int) -> W {
  let fractionBits = 31 - integerBits
  let quarter = W(1 << Int64(fractionBits - 2))
  let rest = r.lowest(bits: fractionBits - 2) -% quarter
  let multiple = rest -% r

  let x = (rest <<% integerBits) +% W(1 << 28)
  let x2 = doublingHighProduct(x, x)
  let x3 = doublingHighProduct(x2, x)
  let x4 = doublingHighProduct(x2, x2)
  let third: Int64 = 715_827_883
  let cubicAndQuartic = doublingHighProduct(roundingShiftRight(x4, by: W(2)) +% x3, W(third))
  let tail = roundingShiftRight(cubicAndQuartic +% x2, by: W(1))
  let expOfMinusEighth = W(1_895_147_668)
  var result = expOfMinusEighth +% doublingHighProduct(expOfMinusEighth, x +% tail)

  // e^(−2^k) in Q0.31, k = −2 … 4
  let factors: [Int64] = [
    1_672_461_947, 1_302_514_674, 790_015_084, 290_630_308, 39_332_535, 720_401, 242,
  ]
  for (index, factor) in factors.enumerated() where index - 2 < integerBits {
    let bit = (multiple >>% (fractionBits - 2 + index)).lowest(bits: 1)
    result = W.select(isZero: bit, result, doublingHighProduct(result, W(factor)))
  }
  return W.select(isZero: r, W(Int64(Int32.max)), result)
}

/// 1/(1 + x) as Q2.29, for x in [0, 1) as Q0.31: three Newton steps for the reciprocal of (1 + x)/2, halved.
@inlinable func halvedReciprocalOfOnePlus<W: Word>(_ x: W) -> W {
  let halfDenominator = W(narrowing: (x.wide +% W.Wide(1 << 31)) >>% 1)
  // 48/17 − 32/17 · d, the linear approximation with the least error on [1/2, 1]
  var estimate = W(1_515_870_810) +% doublingHighProduct(halfDenominator, W(-1_010_580_540))
  for _ in 0..<3 {
    let remainder = W(1 << 29) -% doublingHighProduct(halfDenominator, estimate)
    // Over all halved denominators the estimates lie in 2^28 … 2^30; said here, the interval reading knows it too.
    estimate = (estimate +% saturatingShiftLeft(doublingHighProduct(estimate, remainder), by: 2))
      .clamped(1 << 28, 1 << 30)
  }
  return estimate
}

/// 1/(1 + x) as Q0.31, for x in [0, 1) as Q0.31.
@inlinable public func reciprocalOfOnePlus<W: Word>(_ x: W) -> W {
  saturatingShiftLeft(halvedReciprocalOfOnePlus(x), by: 1)
}

/// `x · 2^n`, saturated to 32 bits.
@inlinable public func saturatingShiftLeft<W: Word>(_ x: W, by n: Int) -> W {
  W(narrowing: (x.wide <<% n).clamped(Int64(Int32.min), Int64(Int32.max)))
}

/// −|x|, which, unlike |x|, every register value has.
@inlinable func negatedMagnitude<W: Word>(_ x: W) -> W {
  W.select(W.less(x, W(0)), W.smaller(x, W(0)), W(0) -% W.larger(x, W(0)))
}

/// 1/(1 + e^−x): `x` is Q`integerBits`.(31 − `integerBits`), the result Q0.31.
@inlinable public func logistic<W: Word>(_ x: W, integerBits: Int) -> W {
  let ofMagnitude = reciprocalOfOnePlus(exponential(ofNonPositive: negatedMagnitude(x), integerBits: integerBits))
  let mirrored = W.select(W.less(x, W(0)), W(Int64(Int32.max)) -% ofMagnitude, ofMagnitude)
  return W.select(isZero: x, W(1 << 30), mirrored)
}

/// tanh x = (1 − e^−2x)/(1 + e^−2x): `x` is Q`integerBits`.(31 − `integerBits`), the result Q0.31.
@inlinable public func hyperbolicTangent<W: Word>(_ x: W, integerBits: Int) -> W {
  // The same bits with one more integer bit are twice the number.
  let exponential = exponential(ofNonPositive: negatedMagnitude(x), integerBits: integerBits + 1)
  let ofMagnitude = saturatingShiftLeft(halvedReciprocalOfOnePlus(exponential) -% W(1 << 29), by: 2)
  let mirrored = W.select(W.less(x, W(0)), W(0) -% ofMagnitude, ofMagnitude)
  return W.select(isZero: x, W(0), mirrored)
}
