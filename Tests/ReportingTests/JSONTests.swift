import Reporting
import Testing

@Suite struct JSONTests {
  @Test("a value on one line has no spaces, and seconds have three decimals")
  func line() {
    let value = JSON.object([
      ("sample", .integer(3)), ("seconds", .seconds(1.0204)), ("list", .integers([1, -2])),
      ("text", .string("a\n\"b\"")), ("none", .null),
    ])
    #expect(value.line == #"{"sample":3,"seconds":1.020,"list":[1,-2],"text":"a\n\"b\"","none":null}"#)
    #expect(JSON.seconds(-1).line == "0.000")
    #expect(JSON.seconds(.infinity).line == "1000000000.000")
  }
}
