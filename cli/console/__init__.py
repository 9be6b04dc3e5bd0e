"""What all commands share with the person at the terminal: options, colour, progress, the printed result."""
