import Reporting
import Testing

@Suite struct VerificationPageTests {
  @Test("a page stands alone: pictures are in it, names cannot break out of it")
  func html() {
    let shape = PictureShape(height: 2, width: 2, channels: 1)
    let page = VerificationPage(
      title: "<script>alert(1)</script>", facts: ["a & b"],
      rows: [.init(epsilon: "1", counts: [.proved: 3, .violated: 1], seconds: 1.5)],
      figures: [
        .init(title: "Sample \"0\"", caption: "2 > 1", shape: shape, original: [0, 9, 0, 0], perturbed: [0, 7, 1, 0])
      ])
    let html = page.html
    #expect(!html.contains("<script") && html.contains("&lt;script&gt;"))
    #expect(!html.contains("http") && !html.contains("src=\"/"), "nothing is loaded")
    #expect(html.split(separator: "data:image/png;base64,").count == 4)
    #expect(html.contains("<td>3</td><td>1</td><td>0</td><td>0</td><td>1.500</td>"))
    #expect(html.contains("3 proved") && html.contains("1 violated"))
  }
}
