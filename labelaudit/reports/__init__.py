"""Renders a finished audit: the HTML page with its map and pictures, and Markdown."""
