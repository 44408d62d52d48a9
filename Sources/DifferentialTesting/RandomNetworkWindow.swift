import IntegerProgram
import Network

/// A window's size and the way it slides.
struct RandomWindow {
  var window: Window
  var height, width: Int

  /// Its geometry on images of shape [batch, height, width, channels]; nil where it does not fit inside.
  func geometry(on image: [Int], outputChannels: Int) -> WindowGeometry? {
    guard
      let (rows, top) = placement(
        image[1], kernel: height, stride: window.strideHeight, dilation: window.dilationHeight, isHeight: true),
      let (columns, left) = placement(
        image[2], kernel: width, stride: window.strideWidth, dilation: window.dilationWidth, isHeight: false)
    else { return nil }
    return WindowGeometry(
      batch: image[0], inputHeight: image[1], inputWidth: image[2], inputChannels: image[3],
      outputHeight: rows, outputWidth: columns, outputChannels: outputChannels,
      kernelHeight: height, kernelWidth: width,
      strideHeight: window.strideHeight, strideWidth: window.strideWidth,
      dilationHeight: window.dilationHeight, dilationWidth: window.dilationWidth,
      paddingTop: top, paddingLeft: left)
  }

  /// How many windows there are along one dimension, and how far the first one begins before the image.
  private func placement(
    _ size: Int, kernel: Int, stride: Int, dilation: Int, isHeight: Bool
  ) -> (count: Int, before: Int)? {
    let reach = (kernel - 1) * dilation + 1
    switch window.padding {
    case .valid:
      return reach <= size ? ((size - reach) / stride + 1, 0) : nil
    case .same:
      let count = (size + stride - 1) / stride
      return (count, max((count - 1) * stride + reach - size, 0) / 2)
    case .explicit(let top, let left, let bottom, let right):
      let (before, after) = isHeight ? (top, bottom) : (left, right)
      let room = size + before + after - reach
      return room >= 0 ? (room / stride + 1, before) : nil
    }
  }
}

extension RandomNetworkBuilder {
  /// A window for images of a size: pointwise, one that keeps the size, or any.
  mutating func randomWindow(height: Int, width: Int, dilates: Bool) -> RandomWindow {
    let style = random.unit()
    if style < 0.2 { return pointwiseWindow() }
    if style < 0.45 { return sizeKeepingWindow() }
    if style < 0.5 {
      return RandomWindow(window: Window(padding: .valid), height: height, width: width)
    }
    let padding: Padding = random.chance(0.5) ? .same : .valid
    let dilate = dilates && random.chance(0.25)
    var window = Window(padding: padding, strideHeight: randomStride(), strideWidth: randomStride())
    if dilate {
      window.dilationHeight = random.integer(in: 1...3)
      window.dilationWidth = random.integer(in: 1...3)
    }
    var (kernelHeight, kernelWidth) = (randomKernelSize(), randomKernelSize())
    if random.chance(0.4) { kernelWidth = kernelHeight }
    if padding == .valid {
      kernelHeight = min(kernelHeight, height)
      kernelWidth = min(kernelWidth, width)
      if (kernelHeight - 1) * window.dilationHeight >= height { window.dilationHeight = 1 }
      if (kernelWidth - 1) * window.dilationWidth >= width { window.dilationWidth = 1 }
    }
    return RandomWindow(window: window, height: kernelHeight, width: kernelWidth)
  }

  private mutating func pointwiseWindow() -> RandomWindow {
    let stride = random.chance(0.2) ? 2 : 1
    return RandomWindow(
      window: Window(padding: random.chance(0.5) ? .same : .valid, strideHeight: stride, strideWidth: stride),
      height: 1, width: 1)
  }

  private mutating func sizeKeepingWindow() -> RandomWindow {
    let size = random.element(of: [2, 3, 3, 3, 5])
    return RandomWindow(window: Window(padding: .same), height: size, width: random.chance(0.2) ? 1 : size)
  }

  private mutating func randomStride() -> Int { random.choice(of: [(6, 1), (4, 2), (1, 3), (1, 4)]) }

  /// Now and then larger than the image.
  private mutating func randomKernelSize() -> Int {
    random.choice(of: [(4, 1), (5, 2), (8, 3), (2, 4), (3, 5), (1, 7), (1, random.integer(in: 6...13))])
  }
}
