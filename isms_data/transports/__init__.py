"""How calls travel: named text fields to bytes and back."""
