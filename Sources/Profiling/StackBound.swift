import DifferentialTesting

/// A bound on the stack that a function of a linked program takes, with all that it calls.
///
/// What each function takes by itself is the compiler's figure (`-fstack-usage`). Functions that have none, since they are
/// written in assembly or come from a library, are followed instruction by instruction along every path. Who calls whom
/// is read from the linked code, so that what the compiler inlined, cloned or merged is as it runs.
struct StackBound {
  /// Bytes; nil where there is no bound.
  let bytes: Int?
  /// Why there is none.
  let obstacle: String?
  /// The functions on the deepest path, outermost first.
  let path: [String]
  /// All functions that may run.
  let reached: Set<String>

  /// `frames` are the compiler's figures by function.
  init(of function: String, in program: ObjectFile, frames: [String: StackFrame]) {
    var tree = CallTree(program, frames)
    do {
      let depth = try tree.depth(of: function)
      (bytes, obstacle, path) = (depth.bytes, nil, depth.path)
    } catch {
      (bytes, obstacle, path) = (nil, error.description, [])
    }
    reached = tree.reached
  }
}

/// What the compiler says that a function takes of the stack.
struct StackFrame {
  var bytes: Int
  /// Whether that is all, whatever the data.
  var isFixed: Bool

  /// The frames in the text of a `.su` file: lines of file:line:column:function, bytes and kind, by tabs.
  static func parse(_ text: String) -> [String: StackFrame] {
    var frames: [String: StackFrame] = [:]
    for line in text.split(separator: "\n") {
      let fields = line.split(separator: "\t")
      guard fields.count == 3, let name = fields[0].split(separator: ":").last, let bytes = Int(fields[1]) else { continue }
      let isFixed = fields[2] == "static" || fields[2].contains("bounded")
      frames[String(name)] = StackFrame(bytes: bytes, isFixed: isFixed)
    }
    return frames
  }
}

private struct CallTree {
  struct Unbounded: Error, CustomStringConvertible { var description: String }
  struct Depth { var bytes: Int, path: [String] }

  /// A call, with what the stack holds by then.
  private struct Call { var target: Int, depth: Int }

  private struct Function {
    var name: String
    var range: Range<Int>
  }

  private let program: ObjectFile
  private let set: InstructionSet?
  private let frames: [String: StackFrame]
  private var functions: [Int: Function] = [:]
  /// Where literal pools and tables lie among Arm's instructions: the mapping symbols $t and $d (ELF for the Arm
  /// Architecture).
  private var maps: [(address: Int, isData: Bool)] = []
  private var depths: [Int: Depth] = [:]
  private var active: Set<Int> = []
  private(set) var reached: Set<String> = []

  init(_ program: ObjectFile, _ frames: [String: StackFrame]) {
    self.program = program
    self.frames = frames
    set = InstructionSet(machine: program.machine)
    // The lowest bit of an address on Arm says that it is Thumb.
    let mask = set == .thumb ? ~1 : ~0
    let code = program.sections.filter(\.isCode)
    let starts = program.symbols.filter(\.isFunction).map { (symbol: $0, address: $0.address & mask) }
      .sorted { ($0.address, $1.symbol.bytes) < ($1.address, $0.symbol.bytes) }
    for (index, start) in starts.enumerated() where functions[start.address] == nil {
      let section = code.first { $0.address <= start.address && start.address < $0.address + $0.bytes }
      guard let section else { continue }
      // Without a size, it ends where the next begins.
      let next = starts[index...].first { $0.address > start.address }?.address ?? Int.max
      let end = start.symbol.bytes > 0 ? start.address + start.symbol.bytes : next
      functions[start.address] = Function(
        name: start.symbol.name, range: start.address..<min(end, section.address + section.bytes))
    }
    maps = program.symbols.compactMap { symbol in
      let kind = symbol.name.prefix(2)
      return kind == "$t" || kind == "$d" ? (symbol.address & mask, kind == "$d") : nil
    }.sorted { $0.address < $1.address }
  }

  mutating func depth(of name: String) throws(Unbounded) -> Depth {
    guard let address = functions.first(where: { $0.value.name == name })?.key else {
      throw Unbounded(description: "\(name) is not in the program")
    }
    return try depth(at: address)
  }

  private mutating func depth(at address: Int) throws(Unbounded) -> Depth {
    if let known = depths[address] { return known }
    guard let set else { throw Unbounded(description: "the instructions of this processor are not read") }
    guard let function = functions[address] else {
      throw Unbounded(description: "code without a name is called, at 0x\(String(address, radix: 16))")
    }
    guard active.insert(address).inserted else { throw Unbounded(description: "\(function.name) calls itself") }
    defer { active.remove(address) }
    reached.insert(function.name)
    let code = instructions(of: function, set)
    let (own, calls) =
      if let frame = frame(of: function, code) {
        try called(by: function, code, frame)
      } else {
        try followed(function, code, set)
      }
    var deepest = Depth(bytes: own, path: [function.name])
    for call in calls {
      let depth = try depth(at: call.target)
      if call.depth + depth.bytes > deepest.bytes {
        deepest = Depth(bytes: call.depth + depth.bytes, path: [function.name] + depth.path)
      }
    }
    depths[address] = deepest
    return deepest
  }

  /// The compiler's figure, which it gives a clone under its first name. It gives 0 for a body in assembly, too.
  private func frame(of function: Function, _ code: [Int: Instruction]) -> StackFrame? {
    guard let frame = frames[function.name] ?? frames[String(function.name.prefix { $0 != "." })] else { return nil }
    return frame.bytes == 0 && code.values.contains { $0.stack != .lowered(0) } ? nil : frame
  }

  private func instructions(of function: Function, _ set: InstructionSet) -> [Int: Instruction] {
    var result: [Int: Instruction] = [:]
    let bytes = program.bytes(from: function.range.lowerBound).prefix(function.range.count)
    var address = function.range.lowerBound
    while address < function.range.upperBound {
      if let data = maps.last(where: { $0.address <= address }), data.isData {
        address = maps.first { $0.address > address && !$0.isData }?.address ?? Int.max
        continue
      }
      guard let instruction = set.decode(bytes.dropFirst(address - function.range.lowerBound), at: address) else { break }
      result[address] = instruction
      address += instruction.bytes
    }
    return result
  }

  /// What a function with a frame calls; for all it is known, from under its whole frame.
  private func called(
    by function: Function, _ code: [Int: Instruction], _ frame: StackFrame
  ) throws(Unbounded) -> (own: Int, calls: [Call]) {
    guard frame.isFixed else { throw Unbounded(description: "the stack of \(function.name) depends on its data") }
    var calls: [Call] = []
    for instruction in code.values {
      switch instruction.flow {
      case .call(let target): calls.append(Call(target: target, depth: frame.bytes))
      case .jump(let target), .branch(let target):
        if !function.range.contains(target) { calls.append(Call(target: target, depth: frame.bytes)) }
      case .unknownCall: throw Unbounded(description: "\(function.name) calls what a register names")
      // Tables of a switch; the code uses no pointers to functions.
      case .next, .leave, .unknownJump: break
      }
    }
    return (frame.bytes, calls.sorted { ($0.target, $0.depth) < ($1.target, $1.depth) })
  }

  /// What a function without a frame takes, by following its paths.
  private func followed(
    _ function: Function, _ code: [Int: Instruction], _ set: InstructionSet
  ) throws(Unbounded) -> (own: Int, calls: [Call]) {
    var deepest = set.callBytes
    var calls: [Call] = []
    var visited: [Int: Int] = [:]
    var conditional: Set<Int> = []
    for (address, instruction) in code where instruction.conditions > 0 {
      var next = address + instruction.bytes
      for _ in 0..<instruction.conditions {
        conditional.insert(next)
        next += code[next]?.bytes ?? 2
      }
    }
    var open = [(address: function.range.lowerBound, depth: set.callBytes)]
    while let (address, before) = open.popLast() {
      // Some functions of libraries run into the next.
      if address == function.range.upperBound, functions[address] != nil {
        calls.append(Call(target: address, depth: before - set.callBytes))
        continue
      }
      if let known = visited[address] {
        // The same instruction at two depths: a loop may go on lowering the stack.
        guard known == before else {
          throw Unbounded(description: "\(function.name) is in assembly whose stack depends on its path")
        }
        continue
      }
      visited[address] = before
      guard let instruction = code[address] else {
        throw Unbounded(description: "\(function.name) runs past its end")
      }
      guard case .lowered(let bytes) = instruction.stack else {
        throw Unbounded(description: "\(function.name) is in assembly that moves the stack pointer as its data say")
      }
      let depth = before + bytes
      deepest = max(deepest, depth)
      func reach(_ target: Int) {
        if function.range.contains(target) {
          open.append((target, depth))
        } else {
          // Its caller is this function's own, whose return address is counted already.
          calls.append(Call(target: target, depth: depth - set.callBytes))
        }
      }
      var goesOn = conditional.contains(address)
      switch instruction.flow {
      case .next: goesOn = true
      case .jump(let target): reach(target)
      case .branch(let target):
        reach(target)
        goesOn = true
      case .call(let target):
        calls.append(Call(target: target, depth: depth))
        goesOn = true
      case .leave: break
      case .unknownCall: throw Unbounded(description: "\(function.name) calls what a register names")
      case .unknownJump:
        // GCC's library for AVR goes back into a switch of its caller so.
        guard function.name == "__tablejump2__" else {
          throw Unbounded(description: "\(function.name) is in assembly that jumps where a register says")
        }
      }
      // What an IT block passes over leaves the stack as it was.
      if goesOn {
        let next = address + instruction.bytes
        let isPassedOver = conditional.contains(address) && instruction.flow != .next
        open.append((next, isPassedOver ? before : depth))
      }
    }
    return (deepest, calls.sorted { ($0.target, $0.depth) < ($1.target, $1.depth) })
  }
}
