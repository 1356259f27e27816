"""How far a model can be trusted, as the samples set aside say: its confidence, and the dates and bands that it needs."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sitspark.accuracy.importance import Importance
from sitspark.accuracy.reliability import Reliability, ReliabilityBin


@dataclass(frozen=True, slots=True)
class Confidence:
    """The reliability of a model on samples set aside, of so many polygons, before and after its temperature.

    `calibrated` is None for a model whose temperature is 1; `temperature` where several models have one each.
    """

    temperature: float | None
    polygons: int
    plain: Reliability
    calibrated: Reliability | None

    @property
    def own(self) -> Reliability:
        """That of the probabilities which the model gives."""
        return self.calibrated or self.plain

    @property
    def is_worse_calibrated(self) -> bool:
        """Whether calibration, which makes confidence right on the monitored samples, made it agree less with these."""
        return self.calibrated is not None and (self.calibrated.error or 0) > (self.plain.error or 0)

    def to_json(self) -> dict[str, Any]:
        """JSON-like values; beside the fields the expected calibration error of each diagram."""
        return {
            "temperature": self.temperature,
            "polygons": self.polygons,
            "samples": self.plain.samples,
            "plain": _diagram(self.plain),
            "calibrated": self.calibrated and _diagram(self.calibrated),
        }

    @staticmethod
    def from_json(fields: Mapping[str, Any]) -> "Confidence":
        """Read back what `to_json` gave."""
        plain, calibrated = (
            diagram and Reliability(tuple(ReliabilityBin(**of) for of in diagram["bins"]))
            for diagram in (fields["plain"], fields["calibrated"])
        )
        return Confidence(fields["temperature"], fields["polygons"], plain, calibrated)


@dataclass(frozen=True, slots=True)
class Needs:
    """What a model needs: the importance of each group of features, from so many samples and repetitions."""

    samples: int
    repeats: int
    found: tuple[Importance, ...]

    def most(self, kind: str) -> Importance | None:
        """The group of a kind without which most accuracy is lost; None where none matters."""
        found = [one for one in self.found if one.group.kind == kind and one.loss > 0]
        return max(found, key=lambda one: one.loss, default=None)

    def to_json(self) -> dict[str, Any]:
        """JSON-like values."""
        return {
            "samples": self.samples,
            "repeats": self.repeats,
            "groups": [
                {
                    "kind": one.group.kind,
                    "name": one.group.name,
                    "sensor": one.group.sensor,
                    "date": one.group.day and one.group.day.isoformat(),
                    "features": len(one.group.positions),
                    "accuracy_lost": one.loss,
                    "deviation": one.deviation,
                }
                for one in self.found
            ],
        }


def _diagram(of: Reliability) -> dict[str, Any]:
    return {
        "expected_calibration_error": of.error,
        "accuracy": of.accuracy,
        "bins": [asdict(one) for one in of.bins],
    }
