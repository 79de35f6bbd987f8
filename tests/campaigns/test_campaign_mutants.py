"""A mistake in the policy is planted in its syntax tree, and the tests of the policy notice it."""

from __future__ import annotations

import pytest
from benchmarks.campaigns import mutants

pytestmark = pytest.mark.timeout(1800)

SNIPPET = '''
"""Documentation stays."""
from __future__ import annotations

AGE = 16


@of_case("seen", says="it is seen by all")
def seen(case):
    """So does this."""
    if case.compelled or not case.seen:
        return None
    if case.at <= case.end:
        raise ValueError("no")
    return any(each for each in case.rows) and {1} | {2}
'''


def test_every_small_mistake_is_made_once_and_prose_is_left_alone(tmp_path):
    path = tmp_path / "snippet.py"
    path.write_text(SNIPPET, "utf-8")
    made = {(each.was, each.now) for each in mutants.mutants_of(path, "snippet.py")}
    assert {
        ("16", "17"),
        ("'seen'", "'XXseen'"),
        ("if case.compelled or not case.seen", "if not (case.compelled or not case.seen)"),
        ("case.compelled or not case.seen", "case.compelled and (not case.seen)"),
        ("not case.seen", "case.seen"),
        ("case.at <= case.end", "case.at < case.end"),
        ("raise ValueError('no')", "pass"),
        ("any((each for each in case.rows))", "all((each for each in case.rows))"),
        ("{1} | {2}", "{1} & {2}"),
    } <= made
    assert not any("it is seen" in was for was, _ in made)
    sources = [each.source for each in mutants.mutants_of(path, "snippet.py")]
    assert len(set(sources)) == len(sources)


def test_an_objection_that_counts_for_nothing_is_noticed(work):
    project = mutants._copied(work)
    with mutants._Judge(project) as judge:
        assert judge.said(*mutants._planted(project)) != "lives"
