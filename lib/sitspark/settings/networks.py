"""What the networks of the bank are built with: one section a network, read from `training.parameters`."""

from collections.abc import Mapping
from typing import Annotated, Any, Self, TypeVar

from pydantic import Field, ValidationError, model_validator

from sitspark.errors import nearest
from sitspark.settings.section import FaultyKeyError, Section, in_plain_words, refused_value

Width = Annotated[int, Field(ge=1)]
Dropout = Annotated[float, Field(ge=0, lt=1)]
_Parameters = TypeVar("_Parameters", bound=Section)


class MlpParameters(Section):
    """iota2's MLPClassifier."""

    hidden: tuple[Width, ...] | None = Field(
        None, description="Widths of the hidden layers; null: n // 2, 3k, 3k of n features and k classes."
    )


class AnnParameters(Section):
    """A perceptron whose layers don't hang on the numbers of features and classes."""

    hidden: tuple[Width, ...] = Field((128, 64), description="Widths of the hidden layers.")
    dropout: Dropout = Field(0.1, description="Share of each hidden layer's outputs that a training step leaves out.")


class SimpleSelfAttentionParameters(Section):
    """One head of self-attention over the dates, and their mean."""

    width: Width = Field(64, description="Numbers that a date is embedded in; also those of queries, keys and values.")
    dropout: Dropout = Field(0.0, description="Share of the embedding that a training step leaves out.")


class LtaeParameters(Section):
    """The lightweight temporal attention encoder of Garnot and Landrieu (2020), in the sizes of their code."""

    width: Width = Field(256, description="Numbers that a date is embedded in (d_model).")
    heads: Width = Field(16, description="Heads, each of which attends to width / heads numbers.")
    keys: Width = Field(8, description="Length of keys and queries (d_k).")
    embedding: tuple[Width, ...] = Field((128,), description="Widths of the layers after the attention.")
    decoder: tuple[Width, ...] = Field((64, 32), description="Widths of the hidden layers of the classifier.")
    period: float = Field(1000, gt=1, description="Of the encoding of days (T).")
    dropout: Dropout = Field(0.2, description="Share of the embedding that a training step leaves out.")
    attention_dropout: Dropout = Field(0.1, description="Share of the attention weights that a training step leaves out.")

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> Self:
        return _shared(self, self.width, self.heads)


class TempcnnParameters(Section):
    """The temporal convolutions of Pelletier, Webb and Petitjean (2019)."""

    filters: Width = Field(64, description="Filters of each convolution.")
    kernel: Width = Field(5, description="Dates that a filter sees; an odd number.")
    layers: Width = Field(3, description="Convolutions, one after the other.")
    dense: Width = Field(256, description="Width of the dense layer after them.")
    dropout: Dropout = Field(0.5, description="Share of each layer's outputs that a training step leaves out.")

    @model_validator(mode="after")
    def _filters_have_a_middle(self) -> Self:
        if self.kernel % 2 == 0:
            raise ValueError(f"kernel should be odd, not {self.kernel}")
        return self


class TransformerParameters(Section):
    """The encoder of a transformer over the dates (Rußwurm and Körner 2020), in the sizes of BreizhCrops."""

    width: Width = Field(64, description="Numbers that a date is embedded in (d_model).")
    heads: Width = Field(2, description="Heads of each layer, each of width / heads numbers.")
    layers: Width = Field(5, description="Layers, one after the other.")
    inner: Width = Field(128, description="Width of the dense layer within each of them.")
    period: float = Field(10_000, gt=1, description="Of the encoding of days.")
    dropout: Dropout = Field(0.018, description="Share of each layer's outputs that a training step leaves out.")

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> Self:
        return _shared(self, self.width, self.heads)


PARAMETERS: Mapping[str, type[Section]] = {
    "mlp": MlpParameters,
    "ann": AnnParameters,
    "simple_self_attention": SimpleSelfAttentionParameters,
    "ltae": LtaeParameters,
    "tempcnn": TempcnnParameters,
    "transformer": TransformerParameters,
}


# those that learn from the series of each sensor
OF_SERIES = ("simple_self_attention", "ltae", "tempcnn", "transformer")


def parameters_of(network: str, given: Mapping[str, Any]) -> Section:
    """What a network of the bank is built with; raises ValueError for a name that it doesn't know, or an impossible value."""
    section = PARAMETERS[network]
    try:
        return section.model_validate(given)
    except ValidationError as error:
        fault = error.errors()[0]
    known = ", ".join(section.model_fields)
    name = str(fault["loc"][0]) if fault["loc"] else ""
    if fault["type"] == "extra_forbidden":
        rule = f"has parameters.{name}, which {network} doesn't know (it knows {known}){nearest(name, section.model_fields)}"
    elif fault["type"] == "value_error":
        rule = f"has parameters that {network} can't be built with: {fault['ctx']['error']}"
    else:
        message = in_plain_words(fault["msg"], "[128, 64]")
        rule = f"has parameters.{name} for {network}, which {message}, not {refused_value(fault)}; {network} knows {known}"
    raise FaultyKeyError(rule, "parameters", *filter(None, [name]), others=("network",))


def _shared(parameters: _Parameters, width: int, heads: int) -> _Parameters:
    if width % heads:
        raise ValueError(f"heads should divide width, and {heads} doesn't divide {width}")
    return parameters
