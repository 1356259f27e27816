"""A network of one's own, as settings name it:

    training:
      network: {module: my_net.py, class: MyNet, parameters: {width: 32}}

docs/networks.md says what a network is given, and what it has to give.
"""

import torch
from torch import nn


class MyNet(nn.Module):
    """Through the dates of each sensor with a recurrent layer, the mean of its states, then a linear layer."""

    eats = "series"  # without this line: the standardised features of a pixel, as they stand in the table

    def __init__(self, layout, classes, width=64):
        super().__init__()
        self.sensors = nn.ModuleList(OneSensor(sensor, width) for sensor in layout.sensors)
        self.scores = nn.Linear(width * len(layout.sensors) + len(layout.rest), classes)

    def forward(self, series, rest):
        """Scores before softmax (n, classes)."""
        means = [sensor(values, valid) for sensor, (values, valid) in zip(self.sensors, series, strict=True)]
        return self.scores(torch.cat([*means, rest], dim=1))


class OneSensor(nn.Module):
    """The series of a sensor: at each date its bands and indices, and the months since the date before."""

    def __init__(self, sensor, width):
        super().__init__()
        self.reader = nn.GRU(len(sensor.channels) + 1, width, batch_first=True)
        days = torch.tensor(sensor.days, dtype=torch.float32)
        self.register_buffer("months", days.diff(prepend=days[:1])[:, None] / 30)

    def forward(self, values, valid):
        """From values (n, dates, channels) and valid (n, dates) to (n, width)."""
        states, _ = self.reader(torch.cat([values, self.months.expand(len(values), -1, -1)], dim=2))
        seen = valid.unsqueeze(2)
        return (states * seen).sum(1) / seen.sum(1).clamp(min=1)  # without any valid date 0
