import Foundation
import Testing

@testable import Arithmetic

/// e^x, 1/(1 + x), logistic and tanh in fixed point, against gemmlowp's code and against the functions
/// themselves.
@Suite struct FixedPointFunctionTests {
  /// What a function takes, densely: every 127th or so register, and all of those where its pieces meet.
  private func forDenseSweep(
    _ range: ClosedRange<Int64>, every step: Int64, around places: [Int64], _ body: (Int32) -> Void
  ) {
    let step = isOptimized ? step : step * 500
    for x in stride(from: range.lowerBound, through: range.upperBound, by: Int64.Stride(step)) {
      body(Int32(x))
    }
    let reach: Int64 = isOptimized ? 3000 : 20
    for place in places + [range.lowerBound, range.upperBound] {
      for x in place - reach...place + reach where range.contains(x) { body(Int32(x)) }
    }
  }

  @Test(arguments: [3, 4, 5])
  func theExponentialIsGemmlowps(_ integerBits: Int) {
    // Multiples of a quarter of every power of two: where the factors come and go.
    let quarters = (0..<integerBits + 2).flatMap { power in
      (1...3).map { -Int64($0) << Int64(29 - integerBits + power) }
    }
    sweep { sweep in
      forDenseSweep(Int64(Int32.min)...0, every: 61, around: quarters + [0]) { r in
        sweep.expect(
          exponential(ofNonPositive: r, integerBits: integerBits),
          Gemmlowp.expOnNegativeValues(r, integerBits: integerBits), "e^\(r)")
      }
    }
  }

  @Test(arguments: [3, 4, 5])
  func theExponentialIsThatOfAnalysis(_ integerBits: Int) {
    let one = Double(sign: .plus, exponent: 31 - integerBits, significand: 1)
    sweep { sweep in
      forDenseSweep(Int64(Int32.min)...0, every: 2039, around: [0]) { r in
        let error =
          Double(exponential(ofNonPositive: r, integerBits: integerBits)) * 0x1p-31 - exp(Double(r) / one)
        sweep.expect(abs(error) < 0x1p-20, "e^\(r) is \(error) off")
      }
    }
  }

  @Test func theReciprocalIsGemmlowps() {
    sweep { sweep in
      forDenseSweep(0...Int64(Int32.max), every: 61, around: (1...7).map { $0 << 28 }) { x in
        sweep.expect(reciprocalOfOnePlus(x), Gemmlowp.oneOverOnePlusX(x), "1/(1 + \(x))")
      }
    }
  }

  @Test func theReciprocalIsThatOfAnalysis() {
    sweep { sweep in
      forDenseSweep(0...Int64(Int32.max), every: 2039, around: []) { x in
        let error = Double(reciprocalOfOnePlus(x)) * 0x1p-31 - 1 / (1 + Double(x) * 0x1p-31)
        sweep.expect(abs(error) < 0x1p-27, "1/(1 + \(x)) is \(error) off")
      }
    }
  }

  private static let domain = Int64(Int32.min)...Int64(Int32.max)

  @Test(arguments: [3, 4, 5])
  func theLogisticIsGemmlowps(_ integerBits: Int) {
    sweep { sweep in
      forDenseSweep(Self.domain, every: 307, around: [0]) { x in
        sweep.expect(
          logistic(x, integerBits: integerBits), Gemmlowp.logistic(x, integerBits: integerBits),
          "logistic \(x)")
      }
    }
  }

  @Test(arguments: [2, 3, 4])
  func theHyperbolicTangentIsGemmlowps(_ integerBits: Int) {
    sweep { sweep in
      forDenseSweep(Self.domain, every: 307, around: [0]) { x in
        sweep.expect(
          hyperbolicTangent(x, integerBits: integerBits), Gemmlowp.tanh(x, integerBits: integerBits),
          "tanh \(x)")
      }
    }
  }

  @Test(arguments: [3, 4])
  func logisticAndTanhAreThoseOfAnalysis(_ integerBits: Int) {
    let one = Double(sign: .plus, exponent: 31 - integerBits, significand: 1)
    sweep { sweep in
      forDenseSweep(Self.domain, every: 4093, around: [0]) { x in
        let real = Double(x) / one
        let logisticError = Double(logistic(x, integerBits: integerBits)) * 0x1p-31 - 1 / (1 + exp(-real))
        let tanhError = Double(hyperbolicTangent(x, integerBits: integerBits)) * 0x1p-31 - tanh(real)
        sweep.expect(abs(logisticError) < 0x1p-20, "logistic \(x) is \(logisticError) off")
        sweep.expect(abs(tanhError) < 0x1p-19, "tanh \(x) is \(tanhError) off")
      }
    }
  }

  /// A function of one register, in three readings.
  struct Function: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let domain: ClosedRange<Int64>
    let machine: @Sendable (Int32) -> Int32
    let interval: @Sendable (Interval<Int32>) -> Interval<Int32>
    let exact: @Sendable (Exact<Int32>) -> Exact<Int32>
    let term: @Sendable (Term<Int32>) -> Term<Int32>
  }
  static let functions =
    [3, 4, 5].map { bits in
      Function(
        testDescription: "e^x with \(bits) integer bits", domain: Int64(Int32.min)...0,
        machine: { exponential(ofNonPositive: $0, integerBits: bits) },
        interval: { exponential(ofNonPositive: $0, integerBits: bits) },
        exact: { exponential(ofNonPositive: $0, integerBits: bits) },
        term: { exponential(ofNonPositive: $0, integerBits: bits) })
    } + [
      Function(
        testDescription: "1/(1 + x)", domain: 0...Int64(Int32.max), machine: { reciprocalOfOnePlus($0) },
        interval: { reciprocalOfOnePlus($0) }, exact: { reciprocalOfOnePlus($0) },
        term: { reciprocalOfOnePlus($0) }),
      Function(
        testDescription: "logistic", domain: domain, machine: { logistic($0, integerBits: 4) },
        interval: { logistic($0, integerBits: 4) }, exact: { logistic($0, integerBits: 4) },
        term: { logistic($0, integerBits: 4) }),
      Function(
        testDescription: "tanh", domain: domain, machine: { hyperbolicTangent($0, integerBits: 4) },
        interval: { hyperbolicTangent($0, integerBits: 4) }, exact: { hyperbolicTangent($0, integerBits: 4) },
        term: { hyperbolicTangent($0, integerBits: 4) }),
    ]

  @Test(arguments: functions)
  func itsIntervalsAreProvedAndHoldEveryMember(_ function: Function) {
    #expect(function.interval(Interval(function.domain)).holds, "the whole domain must be proved")
    var random = SplitMix64(seed: 51)
    sweep { sweep in
      for _ in 0..<points(25_000) {
        let a = random.integer(function.domain)
        let b =
          random.next() & 1 == 0
          ? random.integer(function.domain) : a + random.integer(0...1 << random.integer(0...24))
        let range = Interval<Int32>(min(a, b), min(max(a, b), function.domain.upperBound))
        let found = function.interval(range)
        sweep.expect(found.holds, "\(range) must be proved")
        for _ in 0..<4 {
          let x = random.member(of: range)
          let y = function.machine(Int32(x))
          let exact = function.exact(Exact(x))
          sweep.expect(found.contains(Int64(y)), "\(x) of \(range): \(y), \(found)")
          sweep.expect(exact.fits && exact.value == Int128(y), "\(x): \(y) overflows")
        }
      }
    }
  }

  @Test(arguments: functions)
  func itsTermIsProvedAndComputesTheSame(_ function: Function) {
    TermTable.$current.withValue(TermTable()) {
      let x = Term<Int32>(variable: "x", in: function.domain)
      var evaluate = TermEvaluator(function.term(x).node, variables: [x.node])
      var random = SplitMix64(seed: 52)
      sweep { sweep in
        let (low, high) = (function.domain.lowerBound, function.domain.upperBound)
        for index in 0..<points(60_000) {
          let value =
            switch index {
            case ..<4: low + Int64(index)
            case 4..<8: high - Int64(index - 4)
            default:
              index & 1 == 0 ? random.integer(low...high) : min(max(Int64(random.accumulator()), low), high)
            }
          sweep.expect(evaluate(value), Int64(function.machine(Int32(value))), "\(value)")
        }
      }
      #expect(evaluate.fault == nil)
    }
  }
}
