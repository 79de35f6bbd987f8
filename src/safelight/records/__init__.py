"""What is remembered: Django models that own their changes, their constraints and who may see them."""
