"""The model and how it is trained: network or baseline, the loop, and where it runs."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from sitspark.settings.baselines import BaselineSetting
from sitspark.settings.networks import parameters_of
from sitspark.settings.search import SearchSettings, TrackSettings, count_trials, refuse_impossible
from sitspark.settings.section import FilePath, Section, without_repetition

BankName = Literal["mlp", "ann", "simple_self_attention", "ltae", "tempcnn", "transformer"]
Criterion = Literal["loss", "oa", "kappa", "fscore"]
HeldAs = Literal["float32", "float16"]
# keys that baselines read
OF_BASELINES = (
    "baseline",
    "monitor_share",
    "monitor_by",
    "balance",
    "calibrate",
    "criterion",
    "memory",
    "threads",
    "where",
    "track",
    "ensemble",
    "model_per",
)


class OwnNetworkSettings(Section):
    """A network of the user's own; docs/networks.md has the contract."""

    model_config = ConfigDict(serialize_by_alias=True)  # cards and run.json are read back

    module: FilePath = Field(description="Python file that holds the class; its text goes with the model.")
    class_name: str = Field(alias="class", description="Name of the class in it.")
    parameters: dict[str, Any] = Field(default_factory=dict, description="What it is built with, by name.")


class LossSettings(Section):
    """What training makes small."""

    kind: Literal["cross_entropy", "focal"] = Field("cross_entropy", description="cross_entropy, or focal (Lin et al. 2017).")
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="Share of each label's weight that is spread over all classes: helps where labels err."
    )
    gamma: float = Field(2.0, ge=0, description="Of focal: how much weight well classified samples lose; 0: none.")


class OptimiserSettings(Section):
    """How a step follows from the gradient."""

    kind: Literal["adam", "adamw", "sgd"] = Field("adam", description="adam, adamw or sgd.")
    weight_decay: float = Field(0.0, ge=0, description="Pull of all weights towards 0 (L2; of adamw apart from the gradient).")
    momentum: float = Field(0.9, ge=0, lt=1, description="Of sgd: share of the last step that is kept (Nesterov).")


class ScheduleSettings(Section):
    """How the learning rate changes."""

    kind: Literal["constant", "plateau", "cosine", "one_cycle"] = Field(
        "constant",
        description="constant; plateau: lower when the criterion stalls; cosine: down to 0 at the last epoch; one_cycle: up, "
        "then down to almost 0.",
    )
    warm_up: float = Field(0.0, ge=0, description="Epochs at the start over which the rate rises from 0.")
    factor: float = Field(0.1, gt=0, lt=1, description="Of plateau: what the rate is multiplied by.")
    patience: int = Field(10, ge=0, description="Of plateau: epochs without a better criterion before the rate falls.")


class StoppingSettings(Section):
    """When training ends before its last epoch."""

    patience: int = Field(10, ge=1, description="Epochs without a better figure before training stops.")
    tolerance: float = Field(0.0, ge=0, description="What a figure has to be better by, to count.")
    start: int = Field(1, ge=1, description="The epoch from which on it is watched.")
    metric: Criterion | None = Field(None, description="The figure that is watched; null: that of training.criterion.")


class CheckpointSettings(Section):
    """What a killed training goes on from."""

    epochs: int = Field(1, ge=1, description="Epochs between two checkpoints, at most.")
    minutes: float | None = Field(
        None, gt=0, description="Minutes between two checkpoints, at most (each after a whole epoch); null: any."
    )
    restart: bool = Field(True, description="Whether a training that was killed goes on from its last checkpoint.")


def _name_or_section(value: object) -> str:
    """Which of the two is meant, so that what is wrong is told of that one alone."""
    return "(section)" if isinstance(value, Mapping | OwnNetworkSettings) else "(name)"


class TrainingSettings(Section):
    """The model and how it is trained."""

    network: Annotated[
        Annotated[BankName, Tag("(name)")] | Annotated[OwnNetworkSettings, Tag("(section)")], Discriminator(_name_or_section)
    ] = Field(
        "mlp",
        description="One that is built in (docs/networks.md): mlp (n/2, 3k, 3k, k; iota2's), ann, simple_self_attention, ltae, "
        "tempcnn, transformer; or a section for one of your own.",
    )
    baseline: BaselineSetting = Field(
        None,
        description="Instead of a network: random_forest, extra_trees, lightgbm, linear_svm, or a section of one with its "
        "parameters; docs/baselines.md. Keys of networks and their loop say nothing then.",
    )
    parameters: dict[str, Any] = Field(
        default_factory=dict, description="What a network that is built in is made with, as {heads: 8}; docs/networks.md."
    )
    epochs: int = Field(100, ge=1, description="Passes over the training samples.")
    batch_size: int = Field(1024, ge=1, description="Samples a step, over all processes together.")
    learning_rate: float = Field(1e-3, gt=0, description="Step size; the highest one where a schedule changes it.")
    loss: LossSettings = LossSettings()  # type: ignore[call-arg]  # mypy sees no default in Field(x)
    optimiser: OptimiserSettings = OptimiserSettings()  # type: ignore[call-arg]  # mypy sees no default in Field(x)
    schedule: ScheduleSettings = ScheduleSettings()  # type: ignore[call-arg]  # mypy sees no default in Field(x)
    clip_gradient: float | None = Field(None, gt=0, description="Longest gradient (L2 norm) that is followed; null: any.")
    precision: Literal["fp32", "bf16"] = Field(
        "fp32", description="Numbers of the network's products in training: fp32, or bf16 where the processor computes in it."
    )
    criterion: Criterion = Field(
        "fscore", description="The epoch that is best by this figure on the monitored samples is kept."
    )
    stopping: StoppingSettings | None = Field(None, description="When to stop early; null: all epochs are run.")
    centre: Literal["mean", "median"] = Field(
        "mean",
        description="How the network's first layer standardises features: mean and deviation, or median and the width from the "
        "2 % to the 98 % quantile, which no outlier moves.",
    )
    monitor_share: float = Field(
        0.2, gt=0, lt=1, description="Share of the training polygons (or pixels) of each class that only choose the epoch."
    )
    monitor_by: Literal["polygon", "pixel"] = Field(
        "polygon",
        description="What is monitored as a whole: polygons (honest), or pixels beside those that are learnt from (iota2's).",
    )
    calibrate: bool = Field(
        True,
        description="Scale probabilities by one temperature (Guo et al. 2017), so that monitored samples are right as often as "
        "the model is sure of them; classes stay as they are.",
    )
    balance: Annotated[tuple[Literal["class", "polygon"], ...], AfterValidator(without_repetition)] = Field(
        (),
        description="What weighs the same in the loss however many samples it has: classes, the polygons of a class, or both; "
        "[]: samples.",
    )
    checkpoint: CheckpointSettings = CheckpointSettings()  # type: ignore[call-arg]  # mypy sees no default in Field(x)
    memory: float = Field(
        2.0, gt=0, description="GB that a process may hold of samples: all of them where they fit, else a part after the other."
    )
    held_as: HeldAs = Field(
        "float32",
        description="Numbers that samples are held as: float32, or float16, of which twice as many samples fit; it keeps 3 "
        "digits, up to 65504.",
    )
    device: Literal["auto", "cpu", "gpu"] = Field("auto", description="auto: a GPU for each process where there are enough.")
    where: Literal["driver", "executors"] = Field(
        "driver", description="Where the processes run: on the driver's machine, or as tasks of the executors."
    )
    processes: int = Field(1, ge=1, description="Processes that share each batch (TorchDistributor).")
    threads: int = Field(1, ge=1, description="Threads a process; small networks lose by more than one on a busy machine.")

    ensemble: int = Field(
        1,
        ge=1,
        le=50,
        description="How many models are trained on the same samples, each with a seed of its own, and draw the map together.",
    )
    model_per: Literal["map", "region", "tile"] = Field(
        "map",
        description="Ground that has models of its own, trained on the samples there: all of it, each of ground_truth.regions, "
        "or each tile.",
    )
    search: SearchSettings | None = Field(None, description="Hyper-parameters that are tried; null: one model is trained.")
    track: TrackSettings | None = Field(
        None, description="mlflow, or a section: parameters, curves and files of the model are noted there; null: nowhere."
    )

    def learnt(self) -> dict[str, Any]:
        """What the model hangs on, as JSON-like values: all but where it is trained, noted and saved on the way.

        Of a baseline only what it reads; a network of one's own is its text, wherever the file lies.
        """
        settings = self.model_dump(mode="json", exclude={"track", "checkpoint", "where"})
        if self.baseline is not None:
            return {name: value for name, value in settings.items() if name in OF_BASELINES}
        if isinstance(self.network, OwnNetworkSettings):
            settings["network"].pop("module")
        return settings

    @property
    def ground_column(self) -> str | None:
        """The column of samples that says which models they are for; None where all models have all."""
        return None if self.model_per == "map" else self.model_per

    @property
    def monitored_polygons(self) -> float:
        """The share of the polygons that are monitored as a whole."""
        return self.monitor_share if self.monitor_by == "polygon" else 0.0

    @property
    def model_name(self) -> str:
        """What is trained, in a word."""
        return self.network_name if self.baseline is None else self.baseline.kind

    @property
    def ranks(self) -> int:
        """How many processes train together; one fits a baseline."""
        return self.processes if self.baseline is None else 1

    @property
    def unread(self) -> tuple[str, ...]:
        """The keys that were changed and say nothing to a baseline, which has no network and no loop; none for a network."""
        if self.baseline is None:
            return ()
        fields = type(self).model_fields.items()
        return tuple(
            name
            for name, field in fields
            if name not in OF_BASELINES and getattr(self, name) != field.get_default(call_default_factory=True)
        )

    @model_validator(mode="after")
    def _a_search_is_of_networks(self) -> Self:
        if self.baseline is not None and self.search is not None:
            raise ValueError(f"has a search beside the baseline {self.baseline.kind}; leave one of them out")
        return self

    @model_validator(mode="after")
    def _own_networks_have_their_own_parameters(self) -> Self:
        if self.parameters and isinstance(self.network, OwnNetworkSettings):
            raise ValueError("has parameters beside a network of your own; write them under network.parameters")
        return self

    @model_validator(mode="after")
    def _the_network_knows_its_parameters(self) -> Self:
        if not isinstance(self.network, OwnNetworkSettings):
            parameters_of(self.network, self.parameters)
        return self

    @property
    def network_arguments(self) -> dict[str, Any]:
        """All that the network is built with by name, as JSON-like values."""
        if isinstance(self.network, OwnNetworkSettings):
            return self.network.parameters
        return parameters_of(self.network, self.parameters).model_dump(mode="json")

    @property
    def network_name(self) -> str:
        """The name of the network in the bank, or that of the user's class."""
        return self.network.class_name if isinstance(self.network, OwnNetworkSettings) else self.network

    @model_validator(mode="after")
    def _what_is_tried_is_possible(self) -> Self:
        if self.search is not None:
            if self.processes > 1:
                raise ValueError(
                    f"has search beside processes: {self.processes}; models are tried side by side, each in one process: leave "
                    "out one of them"
                )
            refuse_impossible(self.search, TrainingSettings, self.varied)
        return self

    @property
    def models(self) -> int:
        """The number of models that are trained for one."""
        return 1 if self.search is None else count_trials(self.search, TrainingSettings)

    def varied(self, values: Mapping[str, Any]) -> "TrainingSettings":
        """These settings without a search, and with other values of some keys, by their dotted names.

        Raises pydantic's ValidationError for values that can't be, ValueError for a key of a section that is null.
        """
        tree = self.model_dump(by_alias=True) | {"search": None}
        for name, value in values.items():
            *sections, key = name.split(".")
            place = tree
            for section in sections:
                place = place[section]
                if not isinstance(place, dict):
                    raise ValueError(
                        f"can't try {name} (training.search.try): training.{section} is {place}; give it keys first"
                    )
            place[key] = value
        return TrainingSettings.model_validate(tree)
