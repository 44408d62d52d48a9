import Arithmetic
import CSimulationKernels
import IntegerProgram

/// A sum, difference or product of tensors. Dimensions are walked from the outside; the innermost is a kernel
/// call where both operands are 8-bit and neither is broadcast along it.
final class PreparedCombine: PreparedStep, @unchecked Sendable {
  private let combine: Combine
  private let left, right, to: Place
  private let plan: lockstep_combine
  private let usesKernel: Bool
  /// The shorter way, where there is one.
  private let linear: lockstep_linear_sum?
  // What the plan points to.
  private let leftScale, rightScale, requantization: PackedRequantization

  init(_ combine: Combine, left: Place, right: Place, to: Place, instructions: lockstep_instructions) {
    self.combine = combine
    self.left = left
    self.right = right
    self.to = to
    let innermost = combine.shape.count - 1
    usesKernel =
      !left.storage.isWide && !right.storage.isWide && !to.storage.isWide && innermost >= 0
      && combine.left.strides[innermost] == 1 && combine.right.strides[innermost] == 1

    linear =
      usesKernel
      ? LinearSum(combine, left: left.storage, right: right.storage, output: to.storage).map {
        lockstep_linear_sum($0, instructions)
      } : nil

    // The kernel reads one block of equal lanes; it has loops with and without left shifts, for all three
    // alike.
    let rounding = combine.requantization.rounding
    let multipliers = [
      combine.left.multiplier, combine.right.multiplier, combine.requantization.multiplier(channel: 0),
    ]
    let shifts = multipliers.contains { RequantizationConstants($0, rounding).left != 0 }
    func packed(_ requantization: Requantization, _ output: Storage) -> PackedRequantization {
      PackedRequantization(
        requantization, channels: [Int?](repeating: 0, count: 16), output: output, instructions: instructions,
        alwaysShifts: shifts, alwaysNudges: true)
    }
    func scale(_ operand: Combine.Operand) -> PackedRequantization {
      packed(
        Requantization(multipliers: [operand.multiplier], rounding: rounding, zeroPoint: 0, clamp: 0...0),
        Storage(.uint8))
    }
    leftScale = scale(combine.left)
    rightScale = scale(combine.right)
    requantization = packed(combine.requantization, to.storage)
    let sign: Int32 =
      switch combine.kind {
      case .sum: 1
      case .difference: -1
      case .product: 0
      }
    plan = lockstep_combine(
      instructions: instructions, count: combine.shape.last ?? 1, sign: sign,
      left_zero: left.storage.stored(combine.left.zeroPoint),
      right_zero: right.storage.stored(combine.right.zeroPoint),
      left_shift: Int32(combine.leftShift), left: leftScale.pointers, right: rightScale.pointers,
      requantization: requantization.pointers)
  }

  func run(in memory: UnsafeMutableRawPointer) {
    var output = 0
    walk(0, 0, 0, &output, in: memory)
  }

  private func walk(
    _ dimension: Int, _ i: Int, _ j: Int, _ output: inout Int, in memory: UnsafeMutableRawPointer
  ) {
    let innermost = combine.shape.count - 1
    guard dimension >= innermost else {
      for index in 0..<combine.shape[dimension] {
        walk(
          dimension + 1, i + index * combine.left.strides[dimension],
          j + index * combine.right.strides[dimension],
          &output, in: memory)
      }
      return
    }
    if let linear {
      withUnsafePointer(to: linear) {
        lockstep_linear_sum_run(
          $0, plan.count, left.narrow(in: memory) + i, right.narrow(in: memory) + j,
          to.narrow(in: memory) + output)
      }
      output += plan.count
    } else if usesKernel {
      withUnsafePointer(to: plan) {
        lockstep_combine_run(
          $0, left.narrow(in: memory) + i, right.narrow(in: memory) + j, to.narrow(in: memory) + output)
      }
      output += plan.count
    } else {
      let (step, leap) =
        innermost < 0 ? (0, 0) : (combine.left.strides[innermost], combine.right.strides[innermost])
      for index in 0..<plan.count {
        let code = combine.code(
          left.code(i + index * step, in: memory), right.code(j + index * leap, in: memory))
        to.store(code, at: output, in: memory)
        output += 1
      }
    }
  }
}

extension lockstep_linear_sum {
  fileprivate init(_ sum: LinearSum, _ instructions: lockstep_instructions) {
    // Each constant in two parts: 15 low bits, and the rest.
    func low(_ number: Int32) -> Int16 { Int16(number & 0x7FFF) }
    func high(_ number: Int32) -> Int16 { Int16(number >> 15) }
    self.init(
      instructions: instructions, left_high: high(sum.left), right_high: high(sum.right),
      left_low: low(sum.left), right_low: low(sum.right), addend_high: Int32(sum.addend >> 15),
      addend_low: Int32(sum.addend & 0x7FFF), shift: Int32(sum.shift), low: sum.low, high: sum.high)
  }
}
