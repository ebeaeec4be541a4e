"""Prometheus' text format (prometheus.io/docs/instrumenting/exposition_formats). Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from types import MappingProxyType
from typing import Literal, NamedTuple

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_ESCAPED = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})

Labels = Mapping[str, str]


NO_LABELS: Labels = MappingProxyType({})


class Sample(NamedTuple):
    """A value, with its labels; `suffix` of the family's name, for histograms."""

    value: float
    labels: Labels = NO_LABELS
    suffix: str = ""


class Family(NamedTuple):
    """A metric: base units, counters end in `_total`."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    about: str
    samples: Sequence[Sample]


def exposition(families: Iterable[Family]) -> str:
    """The page. A family without a sample is left out."""
    return "".join(f"{line}\n" for family in families if family.samples for line in _lines_of(family))


def _lines_of(family: Family) -> Iterator[str]:
    yield f"# HELP {family.name} {family.about}"
    yield f"# TYPE {family.name} {family.kind}"
    for sample in family.samples:
        labels = ",".join(f'{name}="{text.translate(_ESCAPED)}"' for name, text in sample.labels.items())
        yield f"{family.name}{sample.suffix}{f'{{{labels}}}' if labels else ''} {_number(sample.value)}"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


def histogram(name: str, about: str, bounds: Sequence[float], counts: Sequence[int], total: float) -> Family:
    """`counts`: one for each bound, and one for what is above the last; `total`: the sum of all that was observed."""
    ends = [*map(_number, bounds), "+Inf"]
    buckets = [Sample(count, {"le": end}, "_bucket") for end, count in zip(ends, accumulate(counts), strict=True)]
    return Family(name, "histogram", about, [*buckets, Sample(total, suffix="_sum"), Sample(sum(counts), suffix="_count")])


def by_label(label: str, values: Mapping[str, float]) -> list[Sample]:
    """A sample for each."""
    return [Sample(value, {label: name}) for name, value in values.items()]
