"""What training makes small: a loss for each sample."""

from torch import Tensor
from torch.nn import functional as F

from sitspark.settings import LossSettings


def losses(scores: Tensor, positions: Tensor, settings: LossSettings) -> Tensor:
    """The loss of each sample, float32 (n,), of scores before softmax (n, classes) and class positions int64 (n,).

    Cross-entropy (natural logarithm), with smoothed labels where the settings say so; focal: each times (1 - p)^gamma, where p
    is the probability of the sample's class (Lin et al. 2017, Focal Loss for Dense Object Detection, equation 4).
    """
    found = F.cross_entropy(scores, positions, reduction="none", label_smoothing=settings.label_smoothing)
    if settings.kind == "cross_entropy":
        return found
    wrong = 1 - scores.softmax(1).gather(1, positions[:, None])[:, 0]
    # the slope of a power below 1 is infinite at 0
    return wrong.clamp_min(1e-7) ** settings.gamma * found
