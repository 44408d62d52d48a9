import Testing

@testable import Arithmetic

/// The symbolic reading: equal expressions are one node, decided comparisons vanish, ranges are sound, and
/// the value is the machine's.
@Suite struct TermTests {
  private func inOwnTable<T>(_ body: () throws -> T) rethrows -> T {
    try TermTable.$current.withValue(TermTable(), operation: body)
  }

  @Test func equalExpressionsAreOneNode() {
    inOwnTable {
      func build() -> Term<Int32> {
        let x = Term<Int32>(variable: "x", in: -1000...1000)
        return requantize(
          x *% x -% Term(7), by: Multiplier(mantissa: 1_234_567_890, exponent: -5), rounding: .double)
      }
      #expect(build() == build())
      #expect(build().node === build().node)
      let (x, y) = (Term<Int32>(variable: "x", in: 0...9), Term<Int32>(variable: "y", in: 0...9))
      #expect((x +% y) == (x +% y))
      #expect((x -% y) != (y -% x))
      #expect(x != y)
      #expect(Term<Int32>(variable: "x", in: 0...8) != x, "the range is part of what a variable is")
      #expect(Set([x +% y, x +% y, x *% y, x *% y]).count == 2)
    }
  }

  @Test func sharedPartsAreCountedOnce() {
    inOwnTable {
      // Doubled forty times over: a tree of 2^40 leaves, a graph of few nodes.
      let x = Term<Int64>(variable: "x", in: 0...1)
      var sum = x
      for _ in 0..<40 { sum = sum +% sum }
      var evaluate = TermEvaluator(sum.node, variables: [x.node])
      #expect(evaluate.nodeCount == 41)
      #expect(evaluate(1) == 1 << 40)
      #expect(evaluate.fault == nil)
    }
  }

  @Test func tablesDoNotShareNodes() {
    let a = inOwnTable { Term<Int32>(7).node }
    let b = inOwnTable { Term<Int32>(7).node }
    #expect(a !== b)
  }

  @Test func tasksThatShareATableShareNodes() async {
    let nodes = await TermTable.$current.withValue(TermTable()) {
      await withTaskGroup(of: TermNode.self) { group in
        for _ in 0..<16 {
          group.addTask {
            let r = Term<Int32>(variable: "r", in: -1_000_000...0)
            return exponential(ofNonPositive: r, integerBits: 5).node
          }
        }
        var nodes: Set<TermNode> = []
        for await node in group { nodes.insert(node) }
        return nodes
      }
    }
    #expect(nodes.count == 1)
  }

  @Test func neutralOperandsLeaveNoTrace() {
    inOwnTable {
      let x = Term<Int32>(variable: "x", in: -5...5)
      let (zero, one) = (Term<Int32>(0), Term<Int32>(1))
      for same in [x +% zero, zero +% x, x -% zero, x *% one, one *% x, x <<% zero, x >>% zero, x / one] {
        #expect(same == x)
      }
      #expect((x *% zero) == zero, "one value is a literal")
      #expect((zero -% x) != x)
    }
  }

  @Test func movingBetweenRegistersLeavesNoTrace() {
    inOwnTable {
      let x = Term<Int32>(variable: "x", in: -5...5)
      #expect(x.wide.node === x.node)
      #expect(Term<Int32>(narrowing: x.wide) == x)
      #expect(Term<Int32>(narrowing: x.wide *% x.wide) == (x *% x))
    }
  }

  @Test func aComparisonThatRangesDecideIsFolded() {
    inOwnTable {
      let x = Term<Int32>(variable: "x", in: -128...127)
      #expect(x.clamped(-128, 127) == x, "a clamp that never acts leaves no node")
      #expect(x.clamped(-128, 126) != x)
      #expect(x.clamped(-127, 127) != x)
      #expect(x.clamped(200, 300) == Term(200))
      #expect(x.clamped(-300, -200) == Term(-200))
      #expect(Term.select(Term.less(x, Term(128)), x, Term(0)) == x)
      #expect(Term.select(Term.less(Term(127), x), Term(0), x) == x)
      #expect(Term.select(Term.less(x, Term(127)), x, Term(0)) != x)
      #expect(Term.select(Term.less(x, Term(0)), x, x) == x, "a choice between equals is none")
      #expect(Term.select(isZero: x +% Term(129), Term(0), x) == x)
    }
  }

  @Test func nothingIsLeftOfAConstantExpression() {
    inOwnTable {
      for rounding in Rounding.allCases {
        let multiplier = Multiplier(mantissa: 1 << 30, exponent: -3)
        let term = requantize(Term<Int32>(12345), by: multiplier, rounding: rounding)
        #expect(term == Term(Int64(requantize(Int32(12345), by: multiplier, rounding: rounding))))
      }
      #expect(exponential(ofNonPositive: Term<Int32>(0), integerBits: 5) == Term(Int64(Int32.max)))
    }
  }

  /// A double rounding without right shift is one product, one sum, one shift: the rounding shift by zero is
  /// gone. Its saturation goes as well, because no mantissa is −1.
  @Test func aRequantizationHasNoNodesItDoesNotNeed() {
    inOwnTable {
      let x = Term<Int32>(variable: "x", in: -100_000...100_000)
      let noShift = requantize(x, by: Multiplier(mantissa: 1_500_000_001, exponent: 0), rounding: .double)
      // x, m, x·m, 2^30, +, 31, >>
      #expect(TermEvaluator(noShift.node, variables: []).nodeCount == 7)
      let positive = Term<Int32>(variable: "p", in: 5...100_000)
      let shifted = requantize(
        positive, by: Multiplier(mantissa: 1_500_000_001, exponent: -4), rounding: .double)
      // and, for a number that is never negative: half, +, 4, >>
      #expect(TermEvaluator(shifted.node, variables: []).nodeCount == 11)
    }
  }

  @Test func anOverflowIsNeverForgotten() {
    inOwnTable {
      let x = Term<Int32>(variable: "x", in: 0...Int64(Int32.max))
      let bad = x +% Term(1)
      #expect(x.node.holds && !bad.node.holds)
      let good = Term<Int32>(variable: "y", in: 0...3)
      let results: [(String, Term<Int32>)] = [
        ("+", bad +% good), ("−", good -% bad), ("· 0", bad *% Term(0)),
        // One value or not, it is no literal: that would vanish as a neutral operand.
        ("+ · 0", good +% (bad *% Term(0))), ("− · 0", good -% (bad *% Term(0))), (">>", bad >>% 31),
        ("/", bad / Term(2)),
        ("clamp", bad.clamped(0, 1)), ("lowest", bad.lowest(bits: 1)),
        ("narrowed", Term(narrowing: bad.wide)),
        ("comparison", Term.select(Term.less(bad, good), Term(1), Term(2))),
        ("comparison of equals", Term.select(Term.less(bad, good), good, good)),
        ("decided comparison", Term.select(Term.less(bad, Term(Int64(Int32.min))), good, Term(2))),
        ("branch", Term.select(Term.less(good, Term(2)), bad, good)),
        ("zero", Term.select(isZero: bad, good, good)),
      ]
      for (name, result) in results { #expect(!result.node.holds, "\(name)") }
      #expect(
        Term.select(Term.less(good, Term(4)), good, bad).node.holds, "a branch never taken does not count")
      #expect(
        !Term<Int32>(narrowing: x.wide +% Term(1)).node.holds, "narrowing is where the obligation is checked")
      #expect((x.wide +% Term(1)).node.holds)
    }
  }

  /// Requantisation by constants, for accumulators in the range that the rounding admits.
  @Test(arguments: Rounding.allCases)
  func aRequantizationsTermComputesWhatTheMachineDoes(_ rounding: Rounding) {
    var random = SplitMix64(seed: 91)
    sweep { sweep in
      for exponent in exponents {
        for mantissa in [1 << 30, Int32.max, random.mantissa(), random.mantissa()] {
          let mantissa = admissible(mantissa, rounding)
          inOwnTable {
            let limit = Int64(Int32.max) >> Int64(max(exponent, 0))
            let low = -limit - (exponent <= 0 ? 1 : 0)
            let x = Term<Int32>(variable: "x", in: low...limit)
            let multiplier = Multiplier(mantissa: mantissa, exponent: exponent)
            var evaluate = TermEvaluator(
              requantize(x, by: multiplier, rounding: rounding).node, variables: [x.node])
            for index in 0..<points(4_000) {
              let value =
                index < 4
                ? [low, low + 1, limit - 1, limit][index]
                : Int64(random.accumulator()) >> Int64(max(exponent, 0))
              let member = min(max(value, low), limit)
              sweep.expect(
                evaluate(member), Int64(requantize(Int32(member), by: multiplier, rounding: rounding)),
                "\(member) by \(multiplier)")
            }
            sweep.expect(evaluate.fault == nil, "\(multiplier): \(evaluate.fault ?? "")")
          }
        }
      }
    }
  }

  /// The same with a channel's mantissa and shift as variables.
  @Test(arguments: Rounding.allCases, [true, false])
  func aTermOverChannelsComputesWhatTheMachineDoes(_ rounding: Rounding, _ shiftsLeft: Bool) {
    inOwnTable {
      var random = SplitMix64(seed: 92)
      let accumulators = -(Int64(1) << 20)...Int64(1) << 20
      let mantissas = Int64(admissible(1 << 30, rounding))...Int64(admissible(Int32.max, rounding))
      let places: ClosedRange<Int64> = shiftsLeft ? 0...10 : 1...31
      let x = Term<Int32>(variable: "x", in: accumulators)
      let mantissa = Term<Int32>(variable: "mantissa", in: mantissas)
      let shift = Term<Int32>(variable: "shift", in: places)
      let shifts = Shifts(left: shiftsLeft ? shift : Term(0), right: shiftsLeft ? Term(0) : shift)
      let term = requantize(x, mantissa: mantissa, shifts: shifts, rounding: rounding)
      var evaluate = TermEvaluator(term.node, variables: [x.node, mantissa.node, shift.node])
      sweep { sweep in
        for _ in 0..<points(200_000) {
          let value = random.integer(accumulators) >> random.integer(0...20)
          let (m, n) = (random.integer(mantissas), random.integer(places))
          let machine = requantize(
            Int32(value), mantissa: Int32(m),
            shifts: Shifts(left: shiftsLeft ? Int32(n) : 0, right: shiftsLeft ? 0 : Int32(n)),
            rounding: rounding)
          sweep.expect(evaluate(value, m, n), Int64(machine), "\(value) by \(m), \(n)")
        }
      }
      #expect(evaluate.fault == nil)
    }
  }

  @Test func averagesSaturationsAndRemaindersComputeWhatTheMachineDoes() {
    inOwnTable {
      var random = SplitMix64(seed: 93)
      let sum = Term<Int32>(variable: "sum", in: -100_000...100_000)
      let count = Term<Int32>(variable: "count", in: 1...800)
      let x = Term<Int32>(variable: "x", in: Int64(Int32.min)...Int64(Int32.max))
      let n = Term<Int32>(variable: "n", in: 1...31)
      var average = TermEvaluator(
        roundingQuotient(sum, count).clamped(-128, 127).node, variables: [sum.node, count.node])
      var shift = TermEvaluator(roundingShiftRight(x, by: n).node, variables: [x.node, n.node])
      var saturated = TermEvaluator(saturatingShiftLeft(x, by: 3).node, variables: [x.node])
      var product = TermEvaluator(doublingHighProduct(x, x).node, variables: [x.node])
      var lowest = TermEvaluator(x.lowest(bits: 13).node, variables: [x.node])
      var zero = TermEvaluator(
        Term.select(isZero: x.lowest(bits: 2), x, n).node, variables: [x.node, n.node])
      sweep { sweep in
        for index in 0..<points(200_000) {
          let (s, c) = (random.integer(-100_000...100_000), random.integer(1...800))
          sweep.expect(
            average(s, c), Int64(roundingQuotient(Int32(s), Int32(c)).clamped(-128, 127)), "\(s) / \(c)")
          let value = index < 3 ? [Int32.min, Int32.max, 0][index] : random.accumulator()
          let places = random.integer(1...31)
          sweep.expect(
            shift(Int64(value), places), Int64(roundingShiftRight(value, by: Int32(places))),
            "\(value) by \(places)")
          sweep.expect(saturated(Int64(value)), Int64(saturatingShiftLeft(value, by: 3)), "\(value)")
          sweep.expect(product(Int64(value)), Int64(doublingHighProduct(value, value)), "\(value)")
          sweep.expect(lowest(Int64(value)), Int64(value.lowest(bits: 13)), "\(value)")
          sweep.expect(
            zero(Int64(value), places),
            Int64(Int32.select(isZero: value.lowest(bits: 2), value, Int32(places))), "\(value)")
        }
      }
      for fault in [average.fault, shift.fault, saturated.fault, product.fault, lowest.fault, zero.fault] {
        #expect(fault == nil)
      }
    }
  }
}
