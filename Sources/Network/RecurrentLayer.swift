/// A recurrent layer of real numbers, in one direction: what it makes of each moment of a sequence and of what it has made
/// of the moment before. Its weights are inputs of its operation (`Operation.Kind.recurrent`).
public struct RecurrentLayer: Sendable {
  /// How gates act on what is remembered.
  public enum Cell: Sendable, Hashable {
    /// Gates input, output, forget and cell, in this order (ONNX: LSTM). Coupled, the forget gate is 1 less the input gate.
    case lstm(couplesGates: Bool)
    /// Gates update, reset and hidden, in this order (ONNX: GRU). The reset gate multiplies the hidden state, or
    /// (`resetsProduct`) what the weights make of it.
    case gru(resetsProduct: Bool)
    /// One function of the sum (ONNX: RNN).
    case simple

    /// How many gates it has, each with rows of the weights of its own.
    public var gates: Int {
      switch self {
      case .lstm: 4
      case .gru: 3
      case .simple: 1
      }
    }
  }

  public var cell: Cell
  /// Whether it begins at the last moment.
  public var isReverse: Bool
  /// Of gates; of what goes into the cell, or of what a GRU or a simple cell makes; of the cell, where its hidden state is
  /// made.
  public var gate, candidate, output: [RealFunction]
  /// What goes into these functions is held to no more than this in magnitude.
  public var clip: Double?
  /// The same of the cell itself.
  public var cellClip: Double?

  /// With the functions of a layer that names none: σ for gates, tanh for the rest.
  public init(
    cell: Cell, isReverse: Bool = false, gate: [RealFunction] = [.logistic], candidate: [RealFunction] = [.tanh],
    output: [RealFunction] = [.tanh], clip: Double? = nil, cellClip: Double? = nil
  ) {
    self.cell = cell
    self.isReverse = isReverse
    self.gate = gate
    self.candidate = candidate
    self.output = output
    self.clip = clip
    self.cellClip = cellClip
  }
}
