import IntegerProgram
import Network

// Functions of one tensor that come together again, as exporters write out gelu, silu and the like: one function, which is
// rounded to codes once.
extension FloatNetwork {
  /// A tensor as functions of each element of another.
  private struct Expression {
    var root: Int
    var functions: [RealFunction]
    /// How many functions there are, all told: those of a tensor that is read twice count twice.
    var size: Int
    /// Whether it is what one layer makes, and that reads the root.
    var isPlain: Bool
  }

  /// More functions than this are left apart.
  private static let mostFunctions = 48

  /// The network with functions of one tensor joined as far as they go. What nothing reads any more is left out.
  func joiningFunctions() -> FloatNetwork {
    var found: [Int: Expression] = [:]
    for layer in layers {
      guard let made = expression(of: layer, found), made.size <= Self.mostFunctions else { continue }
      found[layer.output] = made
    }
    var isNeeded = Set(outputs)
    var kept: [FloatLayer] = []
    // Whoever makes several outputs makes them all.
    let parts = Dictionary(grouping: layers, by: \.index).filter { $1.count > 1 }
    for layer in layers.reversed() {
      guard
        isNeeded.contains(layer.output) || parts[layer.index]?.contains(where: { isNeeded.contains($0.output) }) == true
      else { continue }
      var layer = layer
      if let made = found[layer.output], !made.isPlain, network.tensors[layer.output].type == .float32 {
        layer.kind = .unary(made.functions)
        layer.activation = .none
        layer.inputs = [made.root]
        layer.constant = nil
      }
      isNeeded.formUnion(layer.inputs)
      kept.append(layer)
    }
    var joined = self
    joined.layers = kept.reversed()
    return joined
  }

  private func expression(of layer: FloatLayer, _ found: [Int: Expression]) -> Expression? {
    let shape = network.tensors[layer.output].shape
    func operand(_ tensor: Int) -> Expression? {
      let known = found[tensor] ?? Expression(root: tensor, functions: [], size: 0, isPlain: true)
      return network.tensors[known.root].shape == shape && network.tensors[known.root].type == .float32 ? known : nil
    }
    func constant(_ constant: FloatConstant?) -> Float? {
      guard let constant, let first = constant.numbers.first, constant.numbers.allSatisfy({ $0 == first }) else {
        return nil
      }
      return first
    }
    var made: Expression
    switch layer.kind {
    case .unary(let functions):
      guard let x = operand(layer.inputs[0]) else { return nil }
      made = Expression(
        root: x.root, functions: x.functions + functions, size: x.size + functions.count, isPlain: x.size == 0)
    case .combine(let combination, _, _):
      var operands: [Expression] = []
      for input in layer.inputs { if let x = operand(input) { operands.append(x) } }
      guard operands.count == layer.inputs.count, let root = operands.first?.root,
        operands.allSatisfy({ $0.root == root })
      else { return nil }
      var lists = operands.map(\.functions)
      if let given = layer.constant {
        guard let number = constant(given) else { return nil }
        lists.insert([.constant(Double(number))], at: given.isLeft ? 0 : 1)
      }
      guard let function = combination.function(lists[0], lists[1]) else { return nil }
      made = Expression(
        root: root, functions: function, size: operands.reduce(2) { $0 + $1.size },
        isPlain: operands.allSatisfy { $0.size == 0 } && operands.count == 1)
    case .select(let choices, _):
      var next = layer.inputs[...]
      var lists: [[RealFunction]] = []
      var (root, size): (Int?, Int) = (nil, 1)
      for (place, choice) in choices.enumerated() {
        if choice.constant != nil {
          guard place > 0, let number = constant(choice.constant) else { return nil }
          lists.append([.constant(Double(number))])
          continue
        }
        guard let input = next.popFirst(), let x = place == 0 ? found[input] : operand(input), root ?? x.root == x.root,
          network.tensors[x.root].shape == shape
        else { return nil }
        (root, size) = (x.root, size + x.size)
        lists.append(x.functions)
      }
      guard let root else { return nil }
      made = Expression(root: root, functions: [.chosen(lists[0], lists[1], lists[2])], size: size, isPlain: false)
    default: return nil
    }
    switch layer.activation {
    case .none: break
    case .relu: made.functions.append(.clamp(0, .infinity))
    case .relu6: made.functions.append(.clamp(0, 6))
    case .reluN1To1: made.functions.append(.clamp(-1, 1))
    }
    return made
  }
}

extension FloatLayer.Combination {
  /// What it is of two functions of one number.
  fileprivate func function(_ a: [RealFunction], _ b: [RealFunction]) -> [RealFunction]? {
    switch (self, a.constant, b.constant) {
    case (.sum, let number?, _): b + [.scaled(by: 1, plus: number)]
    case (.sum, _, let number?): a + [.scaled(by: 1, plus: number)]
    case (.difference, let number?, _): b + [.scaled(by: -1, plus: number)]
    case (.difference, _, let number?): a + [.scaled(by: 1, plus: -number)]
    case (.product, let number?, _): b + [.scaled(by: number, plus: 0)]
    case (.product, _, let number?): a + [.scaled(by: number, plus: 0)]
    case (.maximum, let number?, _): b + [.clamp(number, .infinity)]
    case (.maximum, _, let number?): a + [.clamp(number, .infinity)]
    case (.minimum, let number?, _): b + [.clamp(-.infinity, number)]
    case (.minimum, _, let number?): a + [.clamp(-.infinity, number)]
    case (.sum, nil, nil): [.joined(.sum, a, b)]
    case (.difference, nil, nil): [.joined(.difference, a, b)]
    case (.product, nil, nil): [.joined(.product, a, b)]
    case (.maximum, nil, nil): [.joined(.maximum, a, b)]
    case (.minimum, nil, nil): [.joined(.minimum, a, b)]
    case (.quotient, _, _): [.joined(.quotient, a, b)]
    case (.squaredDifference, _, _): [.joined(.difference, a, b), .square]
    case (.compared(let comparison), _, _): [.joined(.compared(comparison), a, b)]
    case (.slope, _, _), (.both, _, _), (.either, _, _): nil
    }
  }
}

extension [RealFunction] {
  /// The number that they make of anything; nil where that depends.
  fileprivate var constant: Double? {
    guard count == 1, case .scaled(by: 0, plus: let number) = self[0] else { return nil }
    return number
  }
}
