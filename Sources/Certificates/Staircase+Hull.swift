extension Staircase {
  /// Codes per accumulator at `place`, on the whole of the steps: 0 where the code is saturated.
  package func slope(at place: Double) -> Double {
    guard lowest < highest else { return 0 }
    if isIdentity { return place < Double(floor) ? 0 : 1 }
    let (first, last) = (Double(first(reaching: lowest + 1)), Double(first(reaching: highest)))
    // Half a step to either side belongs to the rise.
    let step = highest - lowest > 1 ? (last - first) / Double(highest - lowest - 1) : 1
    guard first - step / 2 <= place, place <= last + step / 2 else { return 0 }
    // Where one accumulator jumps over all codes, as steep as that.
    return 1 / max(step, 1 / Double(highest - lowest))
  }

  /// The slope, codes per accumulator, of the least concave line above the staircase on accumulators `low … high`, or of
  /// the greatest convex one below it, where it passes `place`: the hull of the points between which codes change.
  package func hullSlope(
    above: Bool, low: Int32, high: Int32, lowestCode: Int32, highestCode: Int32, at place: Double
  ) -> Double {
    let corners = hull(above: above, low: low, high: high, lowestCode: lowestCode, highestCode: highestCode)
    for index in corners.indices.dropFirst() where place < corners[index].accumulator || index == corners.count - 1 {
      return (corners[index].code - corners[index - 1].code)
        / (corners[index].accumulator - corners[index - 1].accumulator)
    }
    return 0
  }

  /// The corners of that hull, from `low` to `high`. For uneven steps the inner ones are taken to lie on one line.
  package func hull(
    above: Bool, low: Int32, high: Int32, lowestCode: Int32, highestCode: Int32
  ) -> [(accumulator: Double, code: Double)] {
    let (a, b) = (Double(low), Double(high))
    guard low < high else { return [(a, Double(lowestCode))] }
    if isIdentity {
      let floor = Double(self.floor)
      let ends = [(a, max(a, floor)), (b, max(b, floor))]
      return above || floor <= a || floor >= b ? ends : [ends[0], (floor, floor), ends[1]]
    }
    guard lowestCode < highestCode else { return [(a, Double(lowestCode)), (b, Double(lowestCode))] }
    var points: [(accumulator: Double, code: Double)] = [(a, Double(lowestCode))]
    if above {
      points.append((Double(first(reaching: lowestCode + 1)), Double(lowestCode + 1)))
      points.append((Double(first(reaching: highestCode)), Double(highestCode)))
    } else {
      points.append((Double(first(reaching: lowestCode + 1) - 1), Double(lowestCode)))
      points.append((Double(first(reaching: highestCode) - 1), Double(highestCode - 1)))
    }
    points.append((b, Double(highestCode)))
    var corners: [(accumulator: Double, code: Double)] = []
    for point in points {
      if let last = corners.last, point.accumulator <= last.accumulator {
        // Two at one place: the outer one counts.
        if above == (point.code > last.code) { corners[corners.count - 1] = point }
        continue
      }
      while corners.count >= 2 {
        let (p, q) = (corners[corners.count - 2], corners[corners.count - 1])
        let turn =
          (q.accumulator - p.accumulator) * (point.code - p.code)
          - (q.code - p.code) * (point.accumulator - p.accumulator)
        guard above ? turn >= 0 : turn <= 0 else { break }
        corners.removeLast()
      }
      corners.append(point)
    }
    return corners
  }
}
