"""Prometheus' text format, read back by Prometheus' own parser."""

from prometheus_client.parser import text_string_to_metric_families

from opsmantik_box.domain.exposition import Family, Sample, by_label, exposition, histogram


def read(*families: Family) -> dict[str, list[tuple[str, dict[str, str], float]]]:
    found = text_string_to_metric_families(exposition(families))
    return {one.name: [(sample.name, sample.labels, sample.value) for sample in one.samples] for one in found}


def test_what_a_label_holds_is_escaped() -> None:
    odd = 'a"b\\c\nd'
    told = read(Family("x_lanes", "gauge", "Lanes.", by_label("lane", {odd: 2})))
    assert told == {"x_lanes": [("x_lanes", {"lane": odd}, 2.0)]}


def test_a_histogram_adds_up() -> None:
    told = read(histogram("x_seconds", "How long.", (0.001, 0.5), (2, 3, 1), 1.25))["x_seconds"]
    buckets = [(labels["le"], value) for name, labels, value in told if name == "x_seconds_bucket"]
    assert buckets == [("0.001", 2.0), ("0.5", 5.0), ("+Inf", 6.0)]
    assert [value for name, _, value in told if name in ("x_seconds_sum", "x_seconds_count")] == [1.25, 6.0]


def test_whole_numbers_are_told_exactly_and_a_family_without_a_sample_is_left_out() -> None:
    page = exposition([Family("x_bytes", "gauge", "Size.", [Sample(2**53)]), Family("y", "gauge", "None.", [])])
    assert page == f"# HELP x_bytes Size.\n# TYPE x_bytes gauge\nx_bytes {2**53}\n"
