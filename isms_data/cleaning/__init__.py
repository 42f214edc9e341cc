"""How a cell becomes a number: from any dtype to text, spelling, dialling rules, and why it is none."""
