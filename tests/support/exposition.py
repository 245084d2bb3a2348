"""Reads Prometheus's text format 0.0.4 by its specification, strictly, with nothing of the library that writes it."""

import re
from dataclasses import dataclass, field

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\n"])*)"(,|$)')
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? (\S+)")
TYPES = {"counter", "gauge", "histogram", "summary", "untyped"}
ESCAPES = {"\\\\": "\\", "\\n": "\n", '\\"': '"'}


@dataclass
class Exposed:
    """Samples by name and labels, and the type of each family."""

    samples: dict[tuple[str, tuple[tuple[str, str], ...]], float] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)

    def value(self, name: str, **labels: str) -> float:
        return self.samples[name, tuple(sorted(labels.items()))]

    def by(self, name: str, label: str, **fixed: str) -> dict[str, float]:
        """The samples of a name by one label, those that have the fixed ones."""
        return {
            dict(labels)[label]: value
            for (found, labels), value in self.samples.items()
            if found == name and dict(fixed).items() <= dict(labels).items()
        }


def read(text: str) -> Exposed:
    """Every line of an exposition; AssertionError on what the specification does not allow."""
    assert text.endswith("\n"), "the last line ends with a line feed"
    exposed = Exposed()
    for line in text.splitlines():
        if line.startswith("# HELP "):
            _, _, name, said = line.split(" ", 3)
            assert name not in exposed.said, f"{name} is explained twice"
            exposed.said[name] = said
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert kind in TYPES and name not in exposed.types, line
            exposed.types[name] = kind
        elif line and not line.startswith("#"):
            _read_sample(line, exposed)
    _check(exposed)
    return exposed


def _read_sample(line: str, exposed: Exposed) -> None:
    found = SAMPLE.fullmatch(line)
    assert found, f"no sample: {line}"
    name, labels, value = found.groups()
    key = (name, tuple(sorted(_labels(labels or ""))))
    assert key not in exposed.samples, f"said twice: {line}"
    exposed.samples[key] = float(value)


def _labels(text: str) -> list[tuple[str, str]]:
    labels = []
    while text:
        found = LABEL.match(text)
        assert found, f"no labels: {text}"
        labels.append((found[1], re.sub(r"\\.", lambda escape: ESCAPES[escape[0]], found[2])))
        text = text[found.end() :]
    return labels


def _check(exposed: Exposed) -> None:
    for name, kind in exposed.types.items():
        assert kind != "counter" or name.endswith("_total"), f"{name} is a counter by another name"
        if kind == "histogram":
            _check_histogram(exposed, name)


def _check_histogram(exposed: Exposed, name: str) -> None:
    for (found, labels), count in list(exposed.samples.items()):
        if found == f"{name}_count":
            buckets = exposed.by(f"{name}_bucket", "le", **dict(labels))
            in_order = [value for _, value in sorted(buckets.items(), key=lambda bucket: float(bucket[0]))]
            assert in_order == sorted(in_order) and buckets["+Inf"] == count, f"{name} is not cumulative"
