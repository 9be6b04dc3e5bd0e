"""The parts that all commands share: options, colour, progress, the printed result."""
