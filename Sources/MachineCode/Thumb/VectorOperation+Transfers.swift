/// Vectors' loads and stores, and what moves words of them.
extension VectorOperation {
  /// Calls `access` for each lane that the predicate has: its word, its lowest bit there, and where it lies in memory.
  @inlinable
  func each<M: Machine>(
    laneBytes: Int, _ isPredicated: Bool, _ machine: inout M,
    _ access: (_ word: Int, _ low: Int, _ lane: Int, inout M) throws(MachineFault) -> Void
  ) throws(MachineFault) {
    for lane in 0..<16 / laneBytes {
      let (word, low) = (lane * laneBytes / 4, 8 * (lane * laneBytes % 4))
      if isPredicated {
        let truth = machine.field(machine[predicate(word)], low: low, width: 1, isSigned: false)
        guard try machine.known(truth) != 0 else { continue }
      }
      try access(word, low, lane, &machine)
    }
  }

  /// Whatever is more than a byte lies at a multiple of its size.
  @inlinable
  func aligned<M: Machine>(_ address: M.Word, bytes: Int, _ machine: M) throws(MachineFault) {
    guard bytes > 1 else { return }
    let place = try machine.known(address)
    guard place % UInt32(bytes) == 0 else { throw .unaligned(address: place, bytes: bytes) }
  }

  @inlinable
  func transfer<M: Machine>(_ isPredicated: Bool, _ machine: inout M) throws(MachineFault) {
    switch self {
    case .load(let d, let address, let bytes, let laneBytes, let isSigned):
      let (start, moved) = address.locate(&machine)
      try load(d, laneBytes: laneBytes, isPredicated, bytes: bytes, isSigned: isSigned, &machine) { lane, machine in
        machine.sum(start, machine.constant(UInt32(lane * bytes)))
      }
      if address.isWrittenBack { machine[address.base] = moved }
    case .store(let d, let address, let bytes, let laneBytes):
      let (start, moved) = address.locate(&machine)
      try store(d, laneBytes: laneBytes, isPredicated, bytes: bytes, &machine) { lane, machine in
        machine.sum(start, machine.constant(UInt32(lane * bytes)))
      }
      if address.isWrittenBack { machine[address.base] = moved }
    case .gather(let d, let base, let m, let bytes, let laneBytes, let isSigned, let isScaled):
      let (start, offsets) = (machine[base], read(m, machine))
      try load(d, laneBytes: laneBytes, isPredicated, bytes: bytes, isSigned: isSigned, &machine) { lane, machine in
        place(lane, start, offsets, laneBytes: laneBytes, scale: isScaled ? bytes : 1, &machine)
      }
    case .scatter(let d, let base, let m, let bytes, let laneBytes, let isScaled):
      let (start, offsets) = (machine[base], read(m, machine))
      try store(d, laneBytes: laneBytes, isPredicated, bytes: bytes, &machine) { lane, machine in
        place(lane, start, offsets, laneBytes: laneBytes, scale: isScaled ? bytes : 1, &machine)
      }
    default: break
    }
  }

  /// A lane's own place: its offset is not negative.
  @inlinable
  func place<M: Machine>(
    _ lane: Int, _ start: M.Word, _ offsets: [M.Word], laneBytes: Int, scale: Int, _ machine: inout M
  ) -> M.Word {
    let (word, low) = (lane * laneBytes / 4, 8 * (lane * laneBytes % 4))
    var offset = offsets[word]
    if laneBytes < 4 { offset = machine.field(offset, low: low, width: 8 * laneBytes, isSigned: false) }
    return machine.sum(start, machine.shifted(offset, Shift(.left, scale.trailingZeroBitCount)))
  }

  /// Lanes that the predicate leaves out become zero.
  @inlinable
  func load<M: Machine>(
    _ d: Int, laneBytes: Int, _ isPredicated: Bool, bytes: Int, isSigned: Bool, _ machine: inout M,
    _ place: (Int, inout M) -> M.Word
  ) throws(MachineFault) {
    var words: [M.Word] = Array(repeating: machine.constant(0), count: 4)
    try each(laneBytes: laneBytes, isPredicated, &machine) { word, low, lane, machine throws(MachineFault) in
      let address = place(lane, &machine)
      try aligned(address, bytes: bytes, machine)
      let number = try machine.load(address, bytes: bytes, isSigned: isSigned)
      words[word] = laneBytes == 4 ? number : machine.replacing(words[word], low: low, width: 8 * laneBytes, by: number)
    }
    for index in 0..<4 { machine[word(d, index)] = words[index] }
  }

  @inlinable
  func store<M: Machine>(
    _ d: Int, laneBytes: Int, _ isPredicated: Bool, bytes: Int, _ machine: inout M, _ place: (Int, inout M) -> M.Word
  ) throws(MachineFault) {
    try each(laneBytes: laneBytes, isPredicated, &machine) { word, low, lane, machine throws(MachineFault) in
      let address = place(lane, &machine)
      try aligned(address, bytes: bytes, machine)
      let source = machine[self.word(d, word)]
      let number = laneBytes == 4 ? source : machine.field(source, low: low, width: 8 * laneBytes, isSigned: false)
      try machine.store(number, address, bytes: bytes)
    }
  }

  @inlinable
  func move<M: Machine>(_ at: UInt32, _ machine: inout M) throws(MachineFault) {
    let first = VectorRegister.words.lowerBound
    switch self {
    case .predicate(let mask): machine[VectorRegister.conditions] = machine.constant(UInt32(mask))
    case .movePredicate(let t, let isToPredicate):
      // A bit for each byte.
      if isToPredicate {
        for (index, register) in VectorRegister.predicate.enumerated() {
          var mask = machine.constant(0)
          for byte in 0..<4 {
            let bit = machine.field(machine[t], low: 4 * index + byte, width: 1, isSigned: true)
            mask = machine.replacing(mask, low: 8 * byte, width: 8, by: bit)
          }
          machine[register] = mask
        }
      } else {
        var bits = machine.constant(0)
        for byte in 0..<16 {
          let mask = machine[predicate(byte / 4)]
          bits = machine.replacing(bits, low: byte, width: 1, by: machine.shifted(mask, Shift(.right, 8 * (byte % 4))))
        }
        machine[t] = bits
      }
    case .moveLanes(let q, let lane, let t, let t2, let isToVector):
      let (low, high) = (word(q, lane), word(q, lane + 2))
      if isToVector {
        (machine[low], machine[high]) = (machine[t], machine[t2])
      } else {
        (machine[t], machine[t2]) = (machine[low], machine[high])
      }
    case .moveWord(let word, let t, let isToVector):
      if isToVector { machine[first + word] = machine[t] } else { machine[t] = machine[first + word] }
    case .transferWords(let from, let count, let address, let isLoad):
      let (start, moved): (M.Word, M.Word)
      if address.base == 15, case .immediate(let offset) = address.offset {
        start = machine.constant((at &+ 4) & ~3 &+ UInt32(truncatingIfNeeded: offset))
        moved = start
      } else {
        (start, moved) = address.locate(&machine)
      }
      for index in 0..<count {
        let place = machine.sum(start, machine.constant(UInt32(4 * index)))
        if isLoad {
          machine[first + from + index] = try machine.loadAligned(place)
        } else {
          try machine.storeAligned(machine[first + from + index], place)
        }
      }
      if address.isWrittenBack { machine[address.base] = moved }
    case .storeInterleaved(let d, let base, let pattern, let isWrittenBack):
      let start = machine[base]
      // Which bytes of each vector, a word of memory for each of them (VST40 to VST43).
      for byte in [[0, 1, 10, 11], [2, 3, 12, 13], [4, 5, 14, 15], [6, 7, 8, 9]][pattern] {
        for vector in 0..<4 {
          let source = machine[word(d + vector, byte / 4)]
          let number = machine.field(source, low: 8 * (byte % 4), width: 8, isSigned: false)
          try machine.store(number, machine.sum(start, machine.constant(UInt32(4 * byte + vector))), bytes: 1)
        }
      }
      if isWrittenBack { machine[base] = machine.sum(start, machine.constant(64)) }
    default: break
    }
  }
}
