"""What all that ever left adds up to: a crowd that gets smaller with each detail."""

from safelight.exposure.assessing import Report, assess
from safelight.exposure.estimating import Crowd
from safelight.exposure.judging import BLOCK_BELOW, CLEAR_FROM, Judgement, Verdict
from safelight.exposure.likeness import fingerprints
from safelight.exposure.linking import Linked
from safelight.exposure.packages import About, PopulationRefused, read_about, read_package
from safelight.exposure.population import Population
from safelight.exposure.register import Register
from safelight.exposure.releases import Disclosed, ReleaseRefused, read_release
from safelight.exposure.shipped import UnknownPopulation, load_population, shipped
from safelight.exposure.words import (
    Reading,
    TextTooLong,
    file_names_as_words,
    of_file_name,
    read_words,
)

__all__ = [
    "BLOCK_BELOW",
    "CLEAR_FROM",
    "About",
    "Crowd",
    "Disclosed",
    "Judgement",
    "Linked",
    "Population",
    "PopulationRefused",
    "Reading",
    "Register",
    "ReleaseRefused",
    "Report",
    "TextTooLong",
    "UnknownPopulation",
    "Verdict",
    "assess",
    "file_names_as_words",
    "fingerprints",
    "load_population",
    "of_file_name",
    "read_about",
    "read_package",
    "read_release",
    "read_words",
    "shipped",
]
