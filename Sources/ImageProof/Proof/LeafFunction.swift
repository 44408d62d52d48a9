/// What an image makes of one integer, or of two: its operations in order, each of those before it. The integers may be
/// sums of many codes, which are looked at as a whole.
struct LeafFunction: Hashable {
  struct Input: Hashable {
    var constant, coefficient: Int32
    /// A leaf, or behind the leaves an operation; −1 for a constant alone.
    var place: Int32
  }
  struct Node: Hashable {
    /// Nil for a sum of integers, which may pass 32 bits.
    var operation: WordOperation?
    var inputs: [Input]
  }

  let leafCount: Int
  private(set) var nodes: [Node] = []
  /// The result: a sum of places.
  private(set) var result: [Input] = []

  /// What of a form depends on other atoms than `leaves`.
  enum Obstacle: Error {
    /// A sum, or a variable, that is none of the leaves.
    case otherLeaf(Atom)
    case tooLarge
  }
  private static let mostNodes = 4000

  init(_ form: LinearForm, leaves: [Atom], in table: AtomTable) throws(Obstacle) {
    leafCount = leaves.count
    var places: [Atom: Int32] = [:]
    for (place, leaf) in leaves.enumerated() { places[leaf] = Int32(place) }
    let terms = form.normalized.terms
    result = [Input(constant: form.constant, coefficient: 0, place: -1)]
    // A sum of leaves and operations that is itself a leaf.
    if !leaves.isEmpty, let operand = table.operand(form), let atom = operand.atom, let place = places[atom] {
      result = [Input(constant: operand.constant, coefficient: operand.coefficient, place: place)]
      return
    }
    for term in terms {
      result.append(
        Input(constant: 0, coefficient: term.coefficient, place: try add(term.atom, &places, table)))
    }
  }

  private mutating func add(
    _ atom: Atom, _ places: inout [Atom: Int32], _ table: AtomTable
  ) throws(Obstacle) -> Int32 {
    if let known = places[atom] { return known }
    var node: Node
    switch table.kind(atom) {
    case .variable: throw .otherLeaf(atom)
    case .sum(let terms):
      // A sum of operations; of codes it would be a leaf.
      for term in terms { if case .variable = table.kind(term.atom), places[term.atom] == nil { throw .otherLeaf(atom) } }
      node = Node(operation: nil, inputs: [])
      for term in terms {
        node.inputs.append(Input(constant: 0, coefficient: term.coefficient, place: try add(term.atom, &places, table)))
      }
    case .operation(let operation, let operands):
      node = Node(operation: operation, inputs: [])
      for operand in operands {
        let place = try operand.atom.map { (atom) throws(Obstacle) in try add(atom, &places, table) } ?? -1
        node.inputs.append(Input(constant: operand.constant, coefficient: operand.coefficient, place: place))
      }
    }
    guard nodes.count < Self.mostNodes else { throw .tooLarge }
    nodes.append(node)
    let place = Int32(leafCount + nodes.count - 1)
    places[atom] = place
    return place
  }

  /// The signed words that the function makes of leaves in these ranges.
  func span(_ ranges: [Span], _ scratch: inout [Span]) -> Span {
    scratch.removeAll(keepingCapacity: true)
    scratch.append(contentsOf: ranges)
    var operands: [Span] = []
    for node in nodes {
      guard let operation = node.operation else {
        scratch.append(Self.sum(node.inputs.map { integers($0, scratch) }))
        continue
      }
      operands.removeAll(keepingCapacity: true)
      for input in node.inputs { operands.append(span(input, scratch)) }
      scratch.append(operation.span(operands))
    }
    if result.count == 1 { return span(result[0], scratch) }
    return Self.sum(result.map { integers($0, scratch) }).wrapped(width: 32, isSigned: true)
  }

  private func span(_ input: Input, _ places: [Span]) -> Span {
    guard input.place >= 0 else { return Span(Int64(input.constant)) }
    return AtomTable.Operand(constant: input.constant, coefficient: input.coefficient, atom: nil)
      .span(places[Int(input.place)])
  }

  /// The integers of an input, which may pass 32 bits.
  private func integers(_ input: Input, _ places: [Span]) -> Span? {
    guard input.place >= 0 else { return Span(Int64(input.constant)) }
    return places[Int(input.place)].scaled(by: Int64(input.coefficient), plus: Int64(input.constant))
  }

  /// All integers where a sum passes 64 bits.
  private static func sum(_ spans: [Span?]) -> Span {
    let everything = Span(.min, .max)
    var total = Span(0)
    for span in spans {
      guard let span else { return everything }
      let (low, overflowLow) = total.low.addingReportingOverflow(span.low)
      let (high, overflowHigh) = total.high.addingReportingOverflow(span.high)
      guard !overflowLow, !overflowHigh else { return everything }
      total = Span(low, high)
    }
    return total
  }
}
