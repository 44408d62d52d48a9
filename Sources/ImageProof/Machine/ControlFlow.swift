import MachineCode

/// Where the two sides of a branch meet again.
struct ControlFlow {
  /// What may run behind an instruction; nil for what leaves the function.
  typealias Successors = [UInt32?]

  private static let mostInstructions = 4000

  /// The first instruction that every way from a branch to the function's end passes, which is at the branch's immediate
  /// postdominator; nil where there is none but the end.
  ///
  /// Where it is wrong, no side arrives there, or both do: what is merged there is right in any case.
  static func join(
    of branch: UInt32, in function: ELFImage.Symbol, decode: (UInt32) -> ThumbInstruction?
  ) -> UInt32? {
    var successors: [UInt32: Successors] = [:]
    var pending = [branch]
    while let address = pending.popLast() {
      guard successors[address] == nil, successors.count < mostInstructions else { continue }
      let found = decode(address).map { Self.successors(of: $0, at: address, in: function) } ?? [nil]
      successors[address] = found
      pending += found.compactMap { $0 }
    }
    guard let path = path(from: branch, avoiding: nil, successors) else { return nil }
    return path.dropFirst().first { self.path(from: branch, avoiding: $0, successors) == nil }
  }

  /// A way from a branch to the function's end.
  private static func path(
    from branch: UInt32, avoiding place: UInt32?, _ successors: [UInt32: Successors]
  ) -> [UInt32]? {
    var before: [UInt32: UInt32] = [:]
    var queue = [branch]
    var index = 0
    while index < queue.count {
      let address = queue[index]
      index += 1
      for next in successors[address] ?? [nil] {
        guard let next else {
          var path = [address]
          while let earlier = before[path[path.count - 1]], path[path.count - 1] != branch { path.append(earlier) }
          return path.reversed()
        }
        guard next != place, next != branch, before[next] == nil else { continue }
        before[next] = address
        queue.append(next)
      }
    }
    return nil
  }

  private static func successors(
    of instruction: ThumbInstruction, at address: UInt32, in function: ELFImage.Symbol
  ) -> Successors {
    let next = address &+ UInt32(instruction.bytes)
    func target(_ offset: Int) -> UInt32? {
      let target = address &+ 4 &+ UInt32(truncatingIfNeeded: offset)
      return target >= function.address && Int(target) < Int(function.address) + function.size ? target : nil
    }
    switch instruction.operation {
    case .branch(let offset, .always): return [target(offset)]
    case .branch(let offset, _), .compareAndBranch(_, let offset, _): return [next, target(offset)]
    case .branchTo(m: _, isLinked: false), .tableBranch, .breakpoint: return [nil]
    case .load(15, _, _, _), .loadLiteral(15, _, _, _): return [nil]
    case .loadMultiple(_, let registers, _, _) where registers >> 15 != 0: return [nil]
    case .arithmetic(let kind, 15, _, _, _) where kind.hasResult: return [nil]
    default: return [next]
    }
  }
}
