"""From a dataset to an audit: settings, choice of representation, pool of models, scan."""
