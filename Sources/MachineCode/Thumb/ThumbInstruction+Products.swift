extension ThumbInstruction {
  @inlinable
  func executeProduct<M: Machine>(setsFlags: Bool, on machine: inout M) throws(MachineFault) {
    switch operation {
    case .multiply(let d, let n, let m, let flags):
      let result = machine.product(machine[n], machine[m])
      if flags == .outsideConditions, setsFlags { machine.setFlags(result) }
      machine[d] = result
    case .multiplyAdd(let d, let n, let m, let a, let isSubtracted):
      let product = machine.product(machine[n], machine[m])
      let added = d == a ? machine.take(a) : machine[a]
      machine[d] = isSubtracted ? machine.difference(added, product) : machine.sum(added, product)
    case .multiplyLong(let low, let high, let n, let m, let isSigned, let accumulates):
      var product = machine.longProduct(machine[n], machine[m], isSigned: isSigned)
      if accumulates { product = machine.longSum((machine[low], machine[high]), product) }
      (machine[low], machine[high]) = product
    case .multiplyLongAddBoth(let low, let high, let n, let m):
      let zero = machine.constant(0)
      var sum = machine.longProduct(machine[n], machine[m], isSigned: false)
      sum = machine.longSum(sum, (machine[low], zero))
      (machine[low], machine[high]) = machine.longSum(sum, (machine[high], zero))
    case .multiplyHalves(let d, let n, let m, let a, let nHalf, let mHalf):
      let product = machine.product(half(machine[n], nHalf, &machine), half(machine[m], mHalf, &machine))
      machine[d] = a.map { machine.sum(d == $0 ? machine.take($0) : machine[$0], product) } ?? product
    case .multiplyWordHalf(let d, let n, let m, let a, let mHalf):
      // Bits 16 to 47 of the product.
      let product = machine.longProduct(machine[n], half(machine[m], mHalf, &machine), isSigned: true)
      let low = machine.shifted(product.low, Shift(.right, 16))
      let result = machine.replacing(low, low: 16, width: 16, by: product.high)
      machine[d] = a.map { machine.sum(machine[$0], result) } ?? result
    case .multiplyHalvesLong(let low, let high, let n, let m, let nHalf, let mHalf):
      let product = machine.product(half(machine[n], nHalf, &machine), half(machine[m], mHalf, &machine))
      (machine[low], machine[high]) = machine.longSum((machine[low], machine[high]), extended(product, &machine))
    case .multiplyDual(let d, let n, let m, let a, let isCrossed, let isSubtracted):
      let (first, second) = products(n, m, isCrossed: isCrossed, &machine)
      if let a {
        let added = d == a ? machine.take(a) : machine[a]
        let sum = machine.sum(added, first)
        machine[d] = isSubtracted ? machine.difference(sum, second) : machine.sum(sum, second)
      } else {
        machine[d] = isSubtracted ? machine.difference(first, second) : machine.sum(first, second)
      }
    case .multiplyDualLong(let low, let high, let n, let m, let isCrossed, let isSubtracted):
      let (first, second) = products(n, m, isCrossed: isCrossed, &machine)
      // Neither product is the lowest number, whose negation would be itself, unless both factors are: 2^30.
      let other = isSubtracted ? machine.difference(machine.constant(0), second) : second
      let sum = machine.longSum(extended(first, &machine), extended(other, &machine))
      (machine[low], machine[high]) = machine.longSum((machine[low], machine[high]), sum)
    case .multiplyHigh(let d, let n, let m, let a, let isSubtracted, let isRounded):
      machine[d] = machine.highProduct(
        machine[n], machine[m], accumulator: a.map { machine[$0] } ?? machine.constant(0), isSubtracted: isSubtracted,
        rounding: isRounded ? 1 << 31 : 0)
    case .absoluteDifferences(let d, let n, let m, let a):
      let (x, y) = (machine[n], machine[m])
      var sum = a.map { machine[$0] } ?? machine.constant(0)
      for byte in 0..<4 {
        let difference = machine.difference(
          machine.field(x, low: 8 * byte, width: 8, isSigned: false), machine.field(y, low: 8 * byte, width: 8, isSigned: false))
        // −d where d is negative: (d ⊕ s) − s with the sign's s = −1.
        let sign = machine.shifted(difference, Shift(.arithmeticRight, 31))
        sum = machine.sum(sum, machine.difference(machine.exclusiveDisjunction(difference, sign), sign))
      }
      machine[d] = sum
    case .divide(let d, let n, let m, let isSigned):
      machine[d] = try machine.quotient(machine[n], machine[m], isSigned: isSigned)
    default: throw .unsupported("an operation")
    }
  }

  /// The products of both lower and both higher halves, or crosswise.
  @inlinable
  func products<M: Machine>(_ n: Int, _ m: Int, isCrossed: Bool, _ machine: inout M) -> (M.Word, M.Word) {
    let (x, y) = (machine[n], machine[m])
    let first = machine.product(half(x, .bottom, &machine), half(y, isCrossed ? .top : .bottom, &machine))
    let second = machine.product(half(x, .top, &machine), half(y, isCrossed ? .bottom : .top, &machine))
    return (first, second)
  }

  /// A signed word as 64 bits.
  @inlinable
  func extended<M: Machine>(_ word: M.Word, _ machine: inout M) -> (low: M.Word, high: M.Word) {
    (word, machine.shifted(word, Shift(.arithmeticRight, 31)))
  }
}
