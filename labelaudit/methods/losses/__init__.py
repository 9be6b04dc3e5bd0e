"""Methods the papers are compared with that change the loss."""
