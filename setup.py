"""The packages, found by their folders: `cli/` is a top-level folder, installed as `labelaudit.cli`."""

from setuptools import find_packages, setup

setup(
    packages=[
        *find_packages(include=["labelaudit*"]),
        *(f"labelaudit.{name}" for name in find_packages(include=["cli*"])),
    ],
    package_dir={"labelaudit": "labelaudit", "labelaudit.cli": "cli"},
)
