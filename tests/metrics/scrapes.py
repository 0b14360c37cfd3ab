"""A page of metrics as it was scraped, read by Prometheus's own parser for Python."""

import urllib.request
from collections import Counter
from typing import Self

from prometheus_client.parser import text_string_to_metric_families

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Scrape:
    """The samples of one page, by name and labels."""

    def __init__(self, text: str) -> None:
        self.families = {family.name: family for family in text_string_to_metric_families(text)}
        self.samples = [sample for f in self.families.values() for sample in f.samples]

    @classmethod
    def of(cls, url: str) -> Self:
        """Scrape a service, over a connection of its own."""
        with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
            assert answer.headers["Content-Type"] == CONTENT_TYPE
            return cls(answer.read().decode())

    @property
    def names(self) -> set[str]:
        """Every name that a query may use."""
        return {sample.name for sample in self.samples}

    def value(self, name: str, **labels: str) -> float:
        """The value of the one sample that has these labels."""
        (found,) = (s.value for s in self.samples if s.name == name and s.labels == labels)
        return found

    def by(self, name: str, label: str) -> Counter[str]:
        """The samples of a name, summed by one label."""
        summed: Counter[str] = Counter()
        for sample in self.samples:
            if sample.name == name:
                summed[sample.labels[label]] += int(sample.value)
        return summed
