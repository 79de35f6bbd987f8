"""Long trials of what must survive: kills, power cuts, failing calls, races, residue.

Each campaign plants mistakes too and must find them: what can't find a planted mistake proves
nothing about the build without one. Nothing of this is in the product: mistakes and points are
planted in a process of the campaign's own, at the edge of the rooms.
"""
