"""What lists of networks in PyTorch are written with."""

from torch import nn


class Of(nn.Module):
    """A module of a function that takes its parts."""

    def __init__(self, run, **parts):
        super().__init__()
        self.parts = nn.ModuleDict(parts)
        self.run = run

    def forward(self, *inputs):
        return self.run(self.parts, *inputs)
