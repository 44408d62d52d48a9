#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A ratio of powers in decibels.
func decibels(_ ratio: Double) -> Double { 10 * log10(ratio) }
