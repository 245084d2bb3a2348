"""Small by nature: a file or function that grew has found a second subject."""

from statistics import median

from tests.tidy.tree import functions, lines_of, modules, name_of

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60


def test_no_file_is_longer_than_its_limit(record_property):
    sizes = {name_of(path): len(path.read_text().splitlines()) for path in modules()}
    longest = sorted(sizes.items(), key=lambda item: -item[1])[:5]
    print(f"files: {len(sizes)}, median {median(sizes.values()):.0f} lines, longest {longest}")
    record_property("longest_files", longest)
    assert {name: lines for name, lines in sizes.items() if lines > FILE_LINES_MAX} == {}


def test_no_function_is_longer_than_its_limit(record_property):
    sizes = {f"{name_of(path)}:{node.name}": lines_of(node) for path, node in functions()}
    longest = sorted(sizes.items(), key=lambda item: -item[1])[:5]
    print(f"functions: {len(sizes)}, median {median(sizes.values()):.0f} lines, longest {longest}")
    record_property("longest_functions", longest)
    assert {name: lines for name, lines in sizes.items() if lines > FUNCTION_LINES_MAX} == {}


def test_half_the_functions_fit_in_ten_lines():
    assert median(lines_of(node) for _, node in functions("contracts", "services")) <= 10
