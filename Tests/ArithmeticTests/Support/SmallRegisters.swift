import Arithmetic

// Registers so narrow that all their values, intervals and pairs of intervals can be tried. What is proved of
// them speaks for the wide ones, whose operations are the same generic code.

extension Int8: MachineWord {
  public typealias Wide = Int16
  public typealias Truth = Bool
  public init(_ literal: Int64) { self.init(truncatingIfNeeded: literal) }
  public init(narrowing wide: Int16) { self.init(truncatingIfNeeded: wide) }
  public var wide: Int16 { Int16(truncatingIfNeeded: self) }
}

extension Int16: MachineWord {
  public typealias Wide = Int16
  public typealias Truth = Bool
  public init(_ literal: Int64) { self.init(truncatingIfNeeded: literal) }
  public init(narrowing wide: Int16) { self = wide }
  public var wide: Int16 { self }
}
