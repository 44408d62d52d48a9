import Testing

@testable import Properties
