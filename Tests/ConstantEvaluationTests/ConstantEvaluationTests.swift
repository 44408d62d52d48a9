import ConstantEvaluation
import Network
import Testing

/// A network of one int8 input and output, and what a test puts in between.
struct Draft {
  var tensors: [Tensor] = []
  var operations: [Operation] = []
  private let codes = Quantization(scales: [0.5], zeroPoints: [3])

  init() {
    tensors = [
      Tensor(name: "x", shape: [1, 2, 3], type: .int8, quantization: codes, openAxes: [0]),
      Tensor(name: "y", shape: [1, 6], type: .int8, quantization: codes),
    ]
  }

  mutating func constant(_ integers: [Int64], shape: [Int]? = nil, _ type: ElementType = .int32) -> Int {
    let width = type.byteCount ?? 1
    let bytes = integers.flatMap { integer in (0..<width).map { UInt8(truncatingIfNeeded: integer >> Int64(8 * $0)) } }
    tensors.append(Tensor(name: "c\(tensors.count)", shape: shape ?? [integers.count], type: type, constant: bytes))
    return tensors.count - 1
  }

  /// An operation that makes one tensor of this shape.
  mutating func add(
    _ kind: Operation.Kind, _ inputs: [Int?], shape: [Int], _ type: ElementType = .int32, name: String = "OPERATOR"
  ) -> Int {
    tensors.append(Tensor(name: "t\(tensors.count)", shape: shape, type: type))
    operations.append(Operation(kind, typeName: name, inputs: inputs, outputs: [tensors.count - 1]))
    return tensors.count - 1
  }

  /// The network whose output is x in the shape that tensor `shape` says.
  func network(shape: Int) -> Network {
    Network(
      name: "draft", tensors: tensors,
      operations: operations + [
        Operation(.reshape(shape: nil), typeName: "RESHAPE", inputs: [0, shape], outputs: [1])
      ],
      inputs: [0], outputs: [1])
  }
}

@Suite struct ConstantEvaluationTests {
  private func reason(_ network: Network) -> String? {
    for operation in network.operations {
      if case .unsupported(let reason) = operation.kind { return reason }
    }
    return nil
  }

  /// The integers that a chain of operations makes; nil where they remain.
  private func made(_ build: (inout Draft) -> Int) throws -> [Int64]? {
    var draft = Draft()
    let tensor = build(&draft)
    let network = draft.network(shape: tensor)
    try network.validate()
    let evaluated = network.evaluatingConstants()
    try evaluated.validate()
    return evaluated.tensors[tensor].integers
  }

  @Test func `the chain that Keras leaves for an open batch is a constant, and its operations are gone`() throws {
    var draft = Draft()
    let (zero, one, rest) = (draft.constant([0]), draft.constant([1]), draft.constant([6], shape: []))
    let shape = draft.add(.constant(.shape), [0], shape: [3])
    let masks = SliceMasks(begin: 0, end: 0, ellipsis: 0, newAxis: 0, shrinkAxis: 1, isOffset: false)
    let batch = draft.add(.stridedSlice(masks), [shape, zero, one, one], shape: [])
    let wanted = draft.add(.pack(axis: 0), [batch, rest], shape: [2])
    let network = draft.network(shape: wanted).evaluatingConstants()
    #expect(network.tensors[wanted].integers == [1, 6])
    #expect(network.operations.map(\.typeName) == ["RESHAPE"])
    #expect(network.place(ofOperation: 0) == 3, "the place in the file")
    #expect(network.name(ofOperation: 0) == "y")
    // Once more, there is nothing left to do.
    #expect(network.evaluatingConstants().operations.map(\.place) == [3])
  }

  @Test func `what no output depends on is gone, and what makes nothing stays`() throws {
    var draft = Draft()
    let shape = draft.constant([1, 6])
    _ = draft.add(.transpose, [0, draft.constant([2, 1, 0])], shape: [3, 2, 1], .int8)
    var network = draft.network(shape: shape)
    network.operations.insert(
      Operation(.unsupported(reason: "state"), typeName: "ASSIGN_VARIABLE", inputs: [0], outputs: []), at: 0)
    #expect(network.evaluatingConstants().operations.map(\.typeName) == ["ASSIGN_VARIABLE", "RESHAPE"])
  }

  @Test func `an operation that reads what is computed at run time stays`() throws {
    #expect(try made { $0.add(.constant(.cast), [0], shape: [1, 2, 3]) } == nil)
  }

  @Test(arguments: [
    (7, 2, 3, 3, 1), (-7, 2, -3, -4, 1), (7, -2, -3, -4, -1), (-7, -2, 3, 3, -1), (6, -3, -2, -2, 0),
  ])
  func `division rounds toward zero, floor division down, and the modulus has the divisor's sign`(
    a: Int64, b: Int64, quotient: Int64, floor: Int64, modulus: Int64
  ) throws {
    func result(_ kind: Operation.Kind) throws -> [Int64]? {
      try made { draft in
        let inputs = [draft.constant([a]), draft.constant([b])]
        return draft.add(kind, inputs, shape: [1])
      }
    }
    #expect(try result(.divide(.none)) == [quotient])
    #expect(try result(.constant(.floorDivide)) == [floor])
    #expect(try result(.constant(.floorModulo)) == [modulus])
  }

  @Test func `an empty list of sizes has the product 1`() throws {
    let product = try made { draft in
      let begin = draft.constant([3]), end = draft.constant([3]), step = draft.constant([1])
      let shape = draft.add(.constant(.shape), [0], shape: [3])
      let masks = SliceMasks(begin: 0, end: 0, ellipsis: 0, newAxis: 0, shrinkAxis: 0, isOffset: false)
      let tail = draft.add(.stridedSlice(masks), [shape, begin, end, step], shape: [0])
      return draft.add(.constant(.product(keepsDimensions: true)), [tail, draft.constant([0])], shape: [1])
    }
    #expect(product == [1])
  }

  @Test func `sizes taken of an open axis are those the network is read with, whatever shape the file gives`() throws {
    var draft = Draft()
    let shape = draft.add(.constant(.shape), [0], shape: [3])
    draft.tensors.append(Tensor(name: "f", shape: [1, 1], type: .int32, openAxes: [0, 1]))
    let filled = draft.tensors.count - 1
    let pair = draft.add(
      .slice, [shape, draft.constant([1]), draft.constant([2])], shape: [2])
    draft.operations.append(
      Operation(
        .constant(.fill), typeName: "FILL", inputs: [pair, draft.constant([5], shape: [])], outputs: [filled]))
    let network = draft.network(shape: filled).evaluatingConstants()
    #expect(network.tensors[filled].shape == [2, 3])
    #expect(network.tensors[filled].integers == [5, 5, 5, 5, 5, 5])
  }

  @Test func `the codes of float16 and of channels are the reals they stand for`() {
    let halves = Tensor(
      name: "h", shape: [4], type: .float16, constant: [0x00, 0x3C, 0x00, 0xC0, 0x01, 0x00, 0xFF, 0x7B])
    #expect(halves.halves == [1, -2, 0x1p-24, 65504])
    let codes = Tensor(
      name: "w", shape: [2, 2], type: .int8,
      quantization: Quantization(scales: [0.5, 2], zeroPoints: [0, 1], axis: 1),
      constant: [1, 2, 0xFF, 3])
    #expect(codes.dequantized == [0.5, 2, -0.5, 4])
  }

  @Test func `what cannot be computed says why, and no constant leaves its type`() throws {
    func refusal(_ build: (inout Draft) -> Int) -> String? {
      var draft = Draft()
      let tensor = build(&draft)
      return reason(draft.network(shape: tensor).evaluatingConstants())
    }
    let division = refusal { draft in
      let inputs = [draft.constant([6]), draft.constant([0])]
      return draft.add(.constant(.floorDivide), inputs, shape: [1])
    }
    #expect(division == "it divides 6 by 0")
    let overflow = refusal { draft in
      let inputs = [draft.constant([1 << 30]), draft.constant([2])]
      return draft.add(.multiply(.none), inputs, shape: [1])
    }
    #expect(overflow?.contains("2147483648, which is not of its output's type, int32") == true)
    let shape = refusal { draft in
      let inputs = [draft.constant([1, 2]), draft.constant([2])]
      return draft.add(.add(.none), inputs, shape: [3])
    }
    #expect(shape?.contains("its output has the shape [3] in the file, but its inputs and options make [2]") == true)
    let huge = refusal { draft in
      let inputs = [draft.constant([1 << 20, 1 << 20]), draft.constant([1], shape: [])]
      return draft.add(.constant(.fill), inputs, shape: [1])
    }
    #expect(huge?.contains("which no tensor can have") == true)
    let index = refusal { draft in
      let inputs = [draft.constant([1, 2]), draft.constant([2])]
      return draft.add(.gather(axis: 0, batchDimensions: 0), inputs, shape: [1])
    }
    #expect(index?.contains("outside axis 0, which has 2 elements") == true)
  }

  @Test func `codes are not moved to where they would mean something else`() throws {
    var draft = Draft()
    let codes = draft.constant([1, 2, 3, 4, 5, 6], shape: [1, 2, 3], .int8)
    draft.tensors[codes].quantization = Quantization(scales: [0.5], zeroPoints: [3])
    let moved = draft.add(.transpose, [codes, draft.constant([0, 2, 1])], shape: [1, 3, 2], .int8)
    draft.tensors[moved].quantization = Quantization(scales: [0.25], zeroPoints: [3])
    var network = draft.network(shape: draft.constant([1, 6]))
    network.operations.append(
      Operation(.reshape(shape: [1, 6]), typeName: "RESHAPE", inputs: [moved], outputs: [network.tensors.count]))
    network.tensors.append(network.tensors[1])
    network.outputs = [1, network.tensors.count - 1]
    #expect(reason(network.evaluatingConstants())?.contains("differ in type or quantisation") == true)
    network.tensors[moved].quantization = network.tensors[codes].quantization
    let evaluated = network.evaluatingConstants()
    #expect(evaluated.tensors[network.outputs[1]].constant == [1, 4, 2, 5, 3, 6])
  }

  @Test func `a small file that works on one constant again and again is not worked on for ever`() {
    var draft = Draft()
    let size: Int64 = 1 << 24
    let filled = draft.add(
      .constant(.fill), [draft.constant([size]), draft.constant([1], shape: [], .boolean)], shape: [Int(size)], .boolean
    )
    var last = filled
    for _ in 0..<20 { last = draft.add(.reshape(shape: [Int(size)]), [filled], shape: [Int(size)], .boolean) }
    let evaluated = draft.network(shape: last).evaluatingConstants()
    #expect(evaluated.operations.count > 1)
  }
}
