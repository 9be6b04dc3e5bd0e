"""Methods the papers are compared with that choose which samples to learn from."""
