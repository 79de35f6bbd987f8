"""Scripts that build the package; none is part of it."""
