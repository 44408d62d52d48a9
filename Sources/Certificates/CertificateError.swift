/// Why a certificate is not accepted, or not readable.
public struct CertificateError: Error, Sendable, Hashable, CustomStringConvertible {
  public var reason: String
  public init(_ reason: String) { self.reason = reason }
  public var description: String { reason }
}
