/// How a rational number becomes an integer, by definition: its floor, and whether what is left is less than
/// a half, exactly a half, or more.
enum Ties { case upward, away, toEven }

/// `numerator / 2^shift` to the nearest integer.
@inline(__always)
func nearest(_ numerator: Int128, over shift: Int, ties: Ties) -> Int128 {
  let denominator = Int128(1) &<< Int128(shift)
  let floor = numerator &>> Int128(shift)
  let twiceRest = (numerator &- (floor &<< Int128(shift))) &<< 1
  if twiceRest != denominator { return twiceRest < denominator ? floor : floor &+ 1 }
  switch ties {
  case .upward: return floor &+ 1
  case .away: return numerator < 0 ? floor : floor &+ 1
  case .toEven: return floor & 1 == 0 ? floor : floor &+ 1
  }
}

/// `numerator / denominator` to the nearest integer, ties away from zero; the denominator is positive.
func nearest(_ numerator: Int128, over denominator: Int128) -> Int128 {
  var (floor, rest) = numerator.quotientAndRemainder(dividingBy: denominator)
  if rest < 0 {
    floor -= 1
    rest += denominator
  }
  if 2 * rest != denominator { return 2 * rest < denominator ? floor : floor + 1 }
  return numerator < 0 ? floor : floor + 1
}
