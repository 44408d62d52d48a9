/// A page in one HTML file that needs nothing else.
public struct HTMLPage: Sendable {
  public var title: String
  /// Markup.
  public var body: String

  public init(title: String, body: String) {
    self.title = title
    self.body = body
  }

  public var html: String {
    """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>\(escaped(title))</title>
    <style>
    body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #222; background: #fff; }
    table { border-collapse: collapse; } th, td { padding: .2rem .8rem; text-align: right; border-bottom: 1px solid #ddd; }
    .left { text-align: left; } .wide { overflow-x: auto; } .wide td, .wide th { padding: .1rem .5rem; font-size: .85rem; }
    figure { margin: 1.5rem 0; } figcaption { max-width: 44rem; }
    .pictures { display: flex; gap: 1rem; flex-wrap: wrap; } .pictures div { text-align: center; font-size: .85rem; color: #555; }
    img { display: block; width: 168px; image-rendering: pixelated; border: 1px solid #ccc; }
    .fact { font-family: ui-monospace, monospace; font-size: .85rem; overflow-wrap: anywhere; margin: 0; }
    .verdict { padding: .6rem 1rem; color: #fff; font-size: 1.3rem; } .good { background: #2a7f4f; } .bad { background: #c0392b; } .open { background: #b07818; }
    .bar { background: #eee; width: 20rem; height: .8rem; } .bar div { background: #4878a8; height: 100%; }
    </style>
    </head>
    <body>
    \(body)
    </body>
    </html>

    """
  }
}
