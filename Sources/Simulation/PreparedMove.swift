import IntegerProgram

/// Codes put elsewhere, stored as the output stores them.
struct PreparedMove: PreparedStep {
  private let fill: Int32?
  private let copies: [(copy: Move.Copy, from: Place)]
  private let to: Place

  init(_ move: Move, from: [Place], to: Place) {
    fill = move.fill
    copies = move.copies.map { ($0.merged(), from[$0.operand]) }
    self.to = to
  }

  func run(in memory: UnsafeMutableRawPointer) {
    if let fill {
      let stored = to.storage.stored(fill)
      if to.storage.isLong {
        to.long(in: memory).update(repeating: stored, count: to.count)
      } else if to.storage.isWide {
        to.wide(in: memory).update(repeating: Int16(truncatingIfNeeded: stored), count: to.count)
      } else {
        to.narrow(in: memory).update(repeating: UInt8(truncatingIfNeeded: stored), count: to.count)
      }
    }
    for (copy, from) in copies {
      if from.storage == to.storage, to.storage.isLong {
        run(copy, 0, from.long(in: memory) + copy.sourceStart, to.long(in: memory) + copy.targetStart)
      } else if from.storage == to.storage, to.storage.isWide {
        run(copy, 0, from.wide(in: memory) + copy.sourceStart, to.wide(in: memory) + copy.targetStart)
      } else if from.storage == to.storage {
        run(copy, 0, from.narrow(in: memory) + copy.sourceStart, to.narrow(in: memory) + copy.targetStart)
      } else {
        convert(copy, from, 0, copy.sourceStart, copy.targetStart, in: memory)
      }
    }
  }

  private func run<Code: StoredCode>(
    _ copy: Move.Copy, _ dimension: Int, _ source: UnsafeMutablePointer<Code>,
    _ target: UnsafeMutablePointer<Code>
  ) {
    let (step, leap) = (copy.sourceStrides[dimension], copy.targetStrides[dimension])
    let size = copy.sizes[dimension]
    if dimension + 1 < copy.sizes.count {
      for index in 0..<size { run(copy, dimension + 1, source + index * step, target + index * leap) }
    } else if step == 1, leap == 1 {
      target.update(from: source, count: size)
    } else {
      for index in 0..<size { target[index &* leap] = source[index &* step] }
    }
  }

  /// Between values that are stored in different ways.
  private func convert(
    _ copy: Move.Copy, _ from: Place, _ dimension: Int, _ source: Int, _ target: Int,
    in memory: UnsafeMutableRawPointer
  ) {
    guard dimension < copy.sizes.count else {
      return to.store(from.code(source, in: memory), at: target, in: memory)
    }
    for index in 0..<copy.sizes[dimension] {
      convert(
        copy, from, dimension + 1, source + index * copy.sourceStrides[dimension],
        target + index * copy.targetStrides[dimension], in: memory)
    }
  }
}
